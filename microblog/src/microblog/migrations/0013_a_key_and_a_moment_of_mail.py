"""A message may have a key, which no other has, and a moment before which it does not leave."""

from alembic import op

from flask_outbox import schema

revision = "0013"
down_revision = "0012"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    schema.upgrade(op, to=2)


def downgrade() -> None:
    schema.downgrade(op, to=1)
