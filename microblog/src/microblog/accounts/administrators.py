"""The site always has an administrator who can get in: the last one is kept, whoever wants what."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import User


class LastAdministratorError(Exception):
    """There is no administrator beside this one who could get in."""


def keep_an_administrator(session: Session, user_id: int) -> None:
    """Lock this account for a change that ends its being an administrator.

    To be asked before anything else of the account is locked or changed. Raises
    LastAdministratorError.
    """
    active = User.is_admin & User.disabled_at.is_(None) & User.deletes_at.is_(None)
    # Locked in one order, this account among them: two administrators who end themselves or each
    # other at the same moment must not both succeed, nor wait for each other.
    locked = select(User.id, active).where(active | (User.id == user_id)).order_by(User.id)
    rows = session.execute(locked.with_for_update()).all()
    if [number for number, is_active in rows if is_active] == [user_id]:
        raise LastAdministratorError
