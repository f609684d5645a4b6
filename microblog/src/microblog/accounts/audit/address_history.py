"""Which addresses an account had, and when: the mail that its owner may read about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import exists, func, or_, select, true
from sqlalchemy.orm import Session

from flask_outbox.operations import OwnershipPeriod
from microblog.accounts.models import EmailChange, User


def address_spans(session: Session, user: User, *, since: datetime) -> list[OwnershipPeriod]:
    """Return when each address was the account's, oldest first, from `since` on.

    An address that was only claimed is left out: it may be somebody else's, and so is the mail to
    it.
    """
    changes = session.scalars(
        select(EmailChange)
        .where(EmailChange.user_id == user.id, EmailChange.confirmed_at.is_not(None))
        .order_by(EmailChange.id)
    ).all()
    key, begin = _first(session, user, changes)
    spans = []
    for moment, new_key in _moves(changes):
        if key and moment > since:
            spans.append(OwnershipPeriod(key, max(begin, since).timestamp(), moment.timestamp()))
        key, begin = new_key, moment
    if user.email_verified_at is not None:
        if key != user.email_key:
            begin = user.email_verified_at
        spans.append(OwnershipPeriod(user.email_key, max(begin, since).timestamp()))
    return spans


def is_proved_by_others(session: Session, email_key: str, user_id: int) -> bool:
    """Whether another account has verified this address, or had it before."""
    proved = exists().where(
        User.email_key == email_key, User.email_verified_at.is_not(None), User.id != user_id
    )
    left = EmailChange.old_email_key == email_key, EmailChange.undo_until.is_not(None)
    got = EmailChange.new_email_key == email_key, EmailChange.confirmed_at.is_not(None)
    had = [exists().where(*one, EmailChange.user_id != user_id) for one in (left, got)]
    return bool(session.scalar(select(or_(proved, *had))))


def _first(
    session: Session, user: User, changes: Sequence[EmailChange]
) -> tuple[str | None, datetime]:
    """Return the account's first address, if it was verified, and since when it had it."""
    if not changes:
        return user.email_key, _not_before_others_left(session, user, user.email_key, None)
    first = changes[0]
    # An old address that cannot undo the change had not been verified.
    key = first.old_email_key if first.undo_until else None
    return key, _not_before_others_left(session, user, first.old_email_key, first.confirmed_at)


def _not_before_others_left(
    session: Session, user: User, email_key: str, until: datetime | None
) -> datetime:
    """Return since when this address is the account's; another one may have had it before."""
    left = EmailChange.confirmed_at, EmailChange.old_email_key, EmailChange.undo_until
    lost = EmailChange.undone_at, EmailChange.new_email_key, EmailChange.confirmed_at
    of_others = [
        select(func.max(moment))
        .where(
            address == email_key,
            proved.is_not(None),
            EmailChange.user_id != user.id,
            true() if until is None else moment < until,
        )
        .scalar_subquery()
        for moment, address, proved in (left, lost)
    ]
    moments = session.execute(select(*of_others)).one()
    return max([user.registered_at, *filter(None, moments)])


def _moves(changes: Sequence[EmailChange]) -> list[tuple[datetime, str]]:
    """Return when the account got which address, by its key, oldest first."""
    moves = {change.confirmed_at: change.new_email_key for change in changes if change.confirmed_at}
    for change in reversed(changes):
        # Undoing a change undoes the later ones with it: the first one's old address comes back.
        if change.undone_at:
            moves[change.undone_at] = change.old_email_key
    return sorted(moves.items())
