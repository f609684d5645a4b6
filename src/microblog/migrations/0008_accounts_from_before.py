"""Accounts from before addresses were verified keep what they could do, and are not removed.

Until then one address had one account, so that no two can hold it now.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE users SET email_verified_at = registered_at WHERE email_verified_at IS NULL")


def downgrade() -> None:
    # Who proved an address and who only kept it cannot be told apart any more.
    pass
