"""The guard counts what it admitted for one address without reading all of one kind."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = ()
depends_on = None

IS_ADMITTED = sa.text("admitted_at IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_outbox_admitted",
        "outbox",
        ["recipient_key", "kind", "admitted_at"],
        sqlite_where=IS_ADMITTED,
        postgresql_where=IS_ADMITTED,
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_admitted", "outbox")
