"""Accounts from before addresses were verified keep what they could do, and are not removed.

Where several name one address, only one can hold it: whoever proved it, else the oldest. The others
keep their accounts, and have as long as a new one from now on to confirm an address of their own.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = ()
depends_on = None

USERS = sa.table(
    "users",
    sa.column("id", sa.Integer()),
    sa.column("email_key", sa.String()),
    sa.column("registered_at", sa.DateTime(timezone=True)),
    sa.column("email_verified_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    unverified = USERS.c.email_verified_at.is_(None)
    other = USERS.alias("other")
    is_older = sa.tuple_(other.c.registered_at, other.c.id) < sa.tuple_(
        USERS.c.registered_at, USERS.c.id
    )
    goes_first = sa.exists().where(
        other.c.email_key == USERS.c.email_key,
        other.c.id != USERS.c.id,
        sa.or_(other.c.email_verified_at.is_not(None), is_older),
    )
    op.execute(
        sa.update(USERS)
        .where(unverified, ~goes_first)
        .values(email_verified_at=USERS.c.registered_at)
    )
    # SQLite stores moments in UTC, without the zone.
    now = datetime.now(UTC)
    if op.get_bind().dialect.name == "sqlite":
        now = now.replace(tzinfo=None)
    op.execute(sa.update(USERS).where(unverified).values(registered_at=now))


def downgrade() -> None:
    # Who proved an address and who only kept it cannot be told apart any more.
    pass
