"""The changes of address that wait for confirmation or can still be undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from flask_outbox import address_key
from microblog.accounts.models import EmailChange, User

CONFIRM_WITHIN = timedelta(days=1)
"""Until then the new address can be confirmed; counted from the asking."""

UNDO_WITHIN = timedelta(hours=72)
"""So long the old address has its say; counted from the confirmation."""

KEPT_UNCONFIRMED = timedelta(days=7)
KEPT_CONFIRMED = timedelta(days=400)
"""Longer than any trace of mail to the old address, which a deletion of the account must find."""


class AddressTakenError(Exception):
    """Another account has verified the address, or can still get it back."""


def pending_change(session: Session, user_id: int, *, now: datetime) -> EmailChange | None:
    """Return the change that waits for its confirmation; an account has at most one."""
    return session.scalar(
        select(EmailChange)
        .where(
            EmailChange.user_id == user_id,
            EmailChange.confirmed_at.is_(None),
            EmailChange.undone_at.is_(None),
            EmailChange.requested_at > now - CONFIRM_WITHIN,
        )
        .order_by(EmailChange.id.desc())
        .limit(1)
    )


def cancel_pending(session: Session, user_id: int, *, now: datetime) -> bool:
    """Cancel the change that waits for its confirmation; return False if none does."""
    cancel = (
        update(EmailChange)
        .where(
            EmailChange.user_id == user_id,
            EmailChange.confirmed_at.is_(None),
            EmailChange.undone_at.is_(None),
        )
        .values(undone_at=now)
    )
    return bool(session.execute(cancel).rowcount)  # type: ignore[attr-defined]


def changes_not_undone(session: Session, user_id: int) -> Sequence[EmailChange]:
    """Return all changes of this account that were not undone, oldest first."""
    return session.scalars(
        select(EmailChange)
        .where(EmailChange.user_id == user_id, EmailChange.undone_at.is_(None))
        .order_by(EmailChange.id)
    ).all()


def can_be_undone(change: EmailChange, *, now: datetime) -> bool:
    """Whether the old address can still undo the change, before or after its confirmation."""
    if change.undone_at is not None:
        return False
    if change.confirmed_at is None:
        return now < change.requested_at + CONFIRM_WITHIN
    return change.undo_until is not None and now < change.undo_until


def reservation(
    session: Session, email_key: str, *, exclude_user_id: int | None, now: datetime
) -> EmailChange | None:
    """Return the first change that, if undone, gives this address back to another account.

    While there is one, nobody else may get the address: otherwise whoever made the change could
    keep its owner from getting it back.
    """
    return session.scalar(
        select(EmailChange)
        .where(
            EmailChange.old_email_key == email_key,
            EmailChange.confirmed_at.is_not(None),
            EmailChange.undone_at.is_(None),
            EmailChange.undo_until > now,
            EmailChange.user_id.is_distinct_from(exclude_user_id),
        )
        .order_by(EmailChange.id)
        .limit(1)
    )


def require_unreserved(
    session: Session, email_key: str, *, exclude_user_id: int, now: datetime
) -> None:
    """Raise AddressTakenError if another account than this one can get the address back.

    Call it after the write that takes the address, which has waited for whoever just left it.
    """
    if reservation(session, email_key, exclude_user_id=exclude_user_id, now=now):
        raise AddressTakenError


def addresses_that_can_undo(session: Session, user: User, *, now: datetime) -> list[str]:
    """Return the account's address and former ones that can still undo a change, each once."""
    former = [
        change.old_email
        for change in changes_not_undone(session, user.id)
        if change.confirmed_at and can_be_undone(change, now=now)
    ]
    by_key = {address_key(address): address for address in (user.email, *former)}
    return list(by_key.values())


def prune_changes(session: Session, now: datetime) -> bool:
    """Delete changes that are no longer needed; always all of them, so it returns False."""
    for confirmed, kept in ((False, KEPT_UNCONFIRMED), (True, KEPT_CONFIRMED)):
        session.execute(
            delete(EmailChange).where(
                EmailChange.confirmed_at.is_not(None)
                if confirmed
                else EmailChange.confirmed_at.is_(None),
                EmailChange.requested_at < now - kept,
            )
        )
    return False
