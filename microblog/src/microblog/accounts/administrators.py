"""The site always keeps one administrator who can log in."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import User


class LastAdministratorError(Exception):
    """No administrator but this one could log in."""


def keep_an_administrator(session: Session, user_id: int) -> None:
    """Lock this account for a change after which it is no longer an administrator's.

    Call it before anything else of the account is locked or changed. Raises LastAdministratorError
    if no other administrator could log in.
    """
    active = User.is_admin & User.disabled_at.is_(None) & User.deletes_at.is_(None)
    # All are locked in the same order: two administrators who act on themselves or each other at
    # the same moment must neither both succeed nor wait for each other.
    locked = select(User.id, active).where(active | (User.id == user_id)).order_by(User.id)
    rows = session.execute(locked.with_for_update()).all()
    if [number for number, is_active in rows if is_active] == [user_id]:
        raise LastAdministratorError
