"""Which addresses an account has had, and when: whose mail its owner may read about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import EmailChange, User
from microblog.mail import address_key
from microblog.mail.fates import Span


def address_spans(session: Session, user: User, *, since: datetime) -> list[Span]:
    """The times at which each address was the account's, oldest first, from `since` on.

    An address that was only claimed is left out: it may be somebody else's, and what is mailed to
    that person is none of this one's business.
    """
    if user.email_verified_at is None:
        return []
    changes = session.scalars(
        select(EmailChange)
        .where(EmailChange.user_id == user.id, EmailChange.confirmed_at.is_not(None))
        .order_by(EmailChange.id)
    ).all()
    # Without a say of the old address it had not been verified.
    first = changes[0].old_email if changes else user.email
    was_verified = not changes or changes[0].undo_until is not None
    spans = []
    key, begin = (address_key(first) if was_verified else None), user.registered_at
    for moment, address in _moves(changes):
        if key and moment > since:
            spans.append(Span(key, max(begin, since).timestamp(), moment.timestamp()))
        key, begin = address_key(address), moment
    if key != user.email_key:
        begin = user.email_verified_at
    spans.append(Span(user.email_key, max(begin, since).timestamp()))
    return spans


def _moves(changes: Sequence[EmailChange]) -> list[tuple[datetime, str]]:
    """When the account got which address, in the order in which it did."""
    moves = {change.confirmed_at: change.new_email for change in changes if change.confirmed_at}
    for change in reversed(changes):
        # Undoing a change undoes the later ones with it: the first one's old address comes back.
        if change.undone_at:
            moves[change.undone_at] = change.old_email
    return sorted(moves.items())
