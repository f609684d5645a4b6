"""What the outbox holds about one address: to be shown to whoever owns it, and to be erased."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from flask_outbox.operations.counts import add_early
from flask_outbox.operations.history import OwnershipPeriod, within
from flask_outbox.operations.messages import address_digest
from flask_outbox.outbox.models import OutboxMessage, Suppression

AT_ONCE = 500


def messages_to(session: Session, key: str) -> Sequence[OutboxMessage]:
    """All messages to the address with this key, oldest first, but for those that were reduced."""
    return session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient_key == key).order_by(OutboxMessage.id)
    ).all()


def messages_within(session: Session, span: OwnershipPeriod) -> Sequence[OutboxMessage]:
    """All messages to an address while it was somebody's, oldest first, but for reduced ones."""
    theirs = select(OutboxMessage).where(OutboxMessage.recipient_key == span.key, within(span))
    return session.scalars(theirs.order_by(OutboxMessage.id)).all()


def erase_address(session: Session, key: str) -> int:
    """Remove every trace of the address with this key; returns how many messages it had.

    Those that wait go too, and the digests of old ones. One that is just being sent may arrive.
    """
    session.execute(delete(Suppression).where(Suppression.address_key == key))
    theirs = OutboxMessage.recipient_key.in_([key, address_digest(key)])
    return _erase(session, session.scalars(select(OutboxMessage.id).where(theirs)).all())


def erase_within(session: Session, span: OwnershipPeriod) -> int:
    """Remove what the address left while it was somebody's; returns how many messages it had."""
    is_theirs = Suppression.address_key == span.key, Suppression.since >= span.since
    session.execute(delete(Suppression).where(*is_theirs, Suppression.since < _end(span)))
    theirs = OutboxMessage.recipient_key.in_([span.key, address_digest(span.key)])
    found = select(OutboxMessage.id).where(theirs, within(span))
    return _erase(session, session.scalars(found).all())


def erase_messages(session: Session, key: str, *arguments: Mapping[str, Any]) -> int:
    """Remove those messages to the address with this key that have all values of one of these."""
    return _erase(
        session,
        [
            message.id
            for message in messages_to(session, key)
            if any(one.items() <= message.arguments.items() for one in arguments)
        ],
    )


def _end(span: OwnershipPeriod) -> float:
    return math.inf if span.until is None else span.until


def _erase(session: Session, numbers: Sequence[int]) -> int:
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        add_early(session, some)
        session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(some)))
    return len(numbers)
