"""What the mail engine needs: keys of recipients, history, suppressed addresses, paces."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mail_paces",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_mail_paces")),
    )
    op.create_table(
        "mail_suppressions",
        sa.Column("address_key", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("address_key", name=op.f("pk_mail_suppressions")),
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("recipient_key", sa.String(length=320), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("history", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("admitted_at", sa.Double(), nullable=True))
        batch_op.add_column(
            sa.Column("reduced", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    # Only ASCII, as in `Address.key`: other small letters may be longer than their capitals.
    ascii_only = ' COLLATE "C"' if op.get_bind().dialect.name == "postgresql" else ""
    op.execute(f"UPDATE outbox SET recipient_key = LOWER(recipient{ascii_only})")  # noqa: S608
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.alter_column("recipient_key", server_default=None)
        batch_op.alter_column("history", server_default=None)
        batch_op.alter_column("reduced", server_default=None)
        batch_op.create_index(batch_op.f("ix_outbox_created_at"), ["created_at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_outbox_recipient_key_created_at"),
            ["recipient_key", "created_at"],
            unique=False,
        )


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outbox_recipient_key_created_at"))
        batch_op.drop_index(batch_op.f("ix_outbox_created_at"))
        batch_op.drop_column("reduced")
        batch_op.drop_column("admitted_at")
        batch_op.drop_column("history")
        batch_op.drop_column("recipient_key")

    op.drop_table("mail_suppressions")
    op.drop_table("mail_paces")
