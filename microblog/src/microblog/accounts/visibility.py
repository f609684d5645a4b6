"""Which accounts others can see.

An account that is disabled or about to be deleted still exists and may come back. Meanwhile nobody
sees it: no profile, no post, no mention, no entry in a list, no count.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_

from microblog.accounts.models import User


def is_visible(user: User) -> bool:
    """Whether others see this account and what it wrote."""
    return user.disabled_at is None and user.deletes_at is None


def visible(person: type[User] = User) -> ColumnElement[bool]:
    """The same as an SQL condition on `User`, or on this alias of it."""
    return and_(person.disabled_at.is_(None), person.deletes_at.is_(None))
