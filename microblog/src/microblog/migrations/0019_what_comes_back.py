"""What comes back about mail: reports, events and opt-outs."""

from alembic import op

from flask_outbox import schema

revision = "0019"
down_revision = "0018"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    schema.upgrade(op, to=3)


def downgrade() -> None:
    schema.downgrade(op, to=2)
