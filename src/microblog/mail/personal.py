"""What the outbox holds about one address: to be shown to whoever owns it, and to be erased."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from microblog.mail.counts import add_early
from microblog.mail.models import OutboxMessage, Suppression
from microblog.mail.operations import address_digest

AT_ONCE = 500


def messages_to(session: Session, key: str) -> Sequence[OutboxMessage]:
    """All messages to the address with this key, oldest first, but for those that were reduced."""
    return session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient_key == key).order_by(OutboxMessage.id)
    ).all()


def erase_address(session: Session, key: str) -> int:
    """Remove every trace of the address with this key; returns how many messages it had.

    Those that wait go too, and the digests of old ones. One that is just being sent may arrive.
    """
    session.execute(delete(Suppression).where(Suppression.address_key == key))
    theirs = OutboxMessage.recipient_key.in_([key, address_digest(key)])
    return _erase(session, session.scalars(select(OutboxMessage.id).where(theirs)).all())


def erase_messages(session: Session, key: str, **arguments: Any) -> int:
    """Remove those messages to the address with this key whose arguments have all these values."""
    return _erase(
        session,
        [
            message.id
            for message in messages_to(session, key)
            if arguments.items() <= message.arguments.items()
        ],
    )


def _erase(session: Session, numbers: Sequence[int]) -> int:
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        add_early(session, some)
        session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(some)))
    return len(numbers)
