"""Rate limits of mail: their slots, and which rows wait for one.

On SQLite the outbox also gets back its numbers that are never used twice, which a former migration
had lost when it made the table anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = ()
depends_on = None

WAITING = sa.text("status IN ('queued', 'deferred')")


def upgrade() -> None:
    op.drop_table("mail_paces")
    op.create_table(
        "mail_rate_slots",
        sa.Column("name", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("free_at", sa.Double(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "number", name=op.f("pk_mail_rate_slots")),
    )
    op.create_index(op.f("ix_mail_rate_slots_name_free_at"), "mail_rate_slots", ["name", "free_at"])
    _replace_index(["waits_for", "lane", "due_at"], add=True)


def downgrade() -> None:
    _replace_index(["lane", "due_at"], add=False)
    op.drop_table("mail_rate_slots")
    op.create_table(
        "mail_paces",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mail_paces")),
    )


def _replace_index(columns: list[str], *, add: bool) -> None:
    op.drop_index("ix_outbox_waiting", "outbox")
    with op.batch_alter_table(
        "outbox",
        recreate="always" if op.get_bind().dialect.name == "sqlite" else "never",
        table_kwargs={"sqlite_autoincrement": True},
    ) as batch_op:
        if add:
            batch_op.add_column(
                sa.Column(
                    "waits_for", sa.String(length=255), server_default=sa.text("''"), nullable=False
                )
            )
        else:
            batch_op.drop_column("waits_for")
    op.create_index(
        "ix_outbox_waiting", "outbox", columns, sqlite_where=WAITING, postgresql_where=WAITING
    )
