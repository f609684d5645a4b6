"""Whose address one was before is found by the address, in whatever spelling."""

import string

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = ()
depends_on = None

LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

CHANGES = sa.table(
    "email_changes",
    sa.column("id", sa.Integer()),
    *(
        sa.column(name, sa.String())
        for name in ("old_email", "new_email", "old_email_key", "new_email_key")
    ),
)


def upgrade() -> None:
    with op.batch_alter_table("email_changes", schema=None) as batch_op:
        for name in ("old_email_key", "new_email_key"):
            batch_op.add_column(
                sa.Column(name, sa.String(length=254), nullable=False, server_default="")
            )
    _fill_in()
    with op.batch_alter_table("email_changes", schema=None) as batch_op:
        for name in ("old_email_key", "new_email_key"):
            batch_op.alter_column(name, server_default=None)
            batch_op.create_index(batch_op.f(f"ix_email_changes_{name}"), [name], unique=False)


def _fill_in() -> None:
    connection = op.get_bind()
    for change in connection.execute(sa.select(CHANGES)).all():
        # Only ASCII, as in `Address.key`; the domains are in small letters already.
        keys = {
            "old_email_key": change.old_email.translate(LOWER),
            "new_email_key": change.new_email.translate(LOWER),
        }
        connection.execute(sa.update(CHANGES).where(CHANGES.c.id == change.id).values(**keys))


def downgrade() -> None:
    with op.batch_alter_table("email_changes", schema=None) as batch_op:
        for name in ("new_email_key", "old_email_key"):
            batch_op.drop_index(batch_op.f(f"ix_email_changes_{name}"))
            batch_op.drop_column(name)
