"""Counts of how messages ended, and indexes that hold what the operator asks for."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = ()
depends_on = None

UNSENT = sa.text("status IN ('dead', 'discarded', 'expired', 'cancelled', 'unknown')")
ENDED = sa.text("settled_at IS NOT NULL AND NOT reduced")


def upgrade() -> None:
    op.create_table(
        "mail_counts",
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("bucket", sa.SmallInteger(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint(
            "hour", "kind", "lane", "status", "bucket", name=op.f("pk_mail_counts")
        ),
    )
    op.create_table(
        "mail_counted",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_counted")),
    )
    op.create_index(
        "ix_outbox_unsent",
        "outbox",
        ["status", "created_at"],
        sqlite_where=UNSENT,
        postgresql_where=UNSENT,
    )
    op.create_index(
        "ix_outbox_ended", "outbox", ["settled_at"], sqlite_where=ENDED, postgresql_where=ENDED
    )
    op.create_index(op.f("ix_outbox_kind_created_at"), "outbox", ["kind", "created_at"])


def downgrade() -> None:
    op.drop_index(op.f("ix_outbox_kind_created_at"), "outbox")
    op.drop_index("ix_outbox_ended", "outbox")
    op.drop_index("ix_outbox_unsent", "outbox")
    op.drop_table("mail_counted")
    op.drop_table("mail_counts")
