"""What the outbox holds about one address, for its owner to see and to erase."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, func, select
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import address_digest
from flask_outbox.operations.counts import add_early
from flask_outbox.operations.history import OwnershipPeriod, within
from flask_outbox.outbox.models import MailEvent, MailReport, OptOut, OutboxMessage, Suppression

AT_ONCE = 500


def messages_to(session: Session, key: str) -> Sequence[OutboxMessage]:
    """All messages to the address with this key, oldest first, except reduced ones."""
    return session.scalars(
        select(OutboxMessage).where(OutboxMessage.recipient_key == key).order_by(OutboxMessage.id)
    ).all()


def messages_within(session: Session, period: OwnershipPeriod) -> Sequence[OutboxMessage]:
    """All messages to an address in this period, oldest first, except reduced ones."""
    theirs = select(OutboxMessage).where(OutboxMessage.recipient_key == period.key, within(period))
    return session.scalars(theirs.order_by(OutboxMessage.id)).all()


def events_within(session: Session, period: OwnershipPeriod) -> Sequence[MailEvent]:
    """What became of mail to an address after a server took it, in this period, oldest first."""
    return session.scalars(
        select(MailEvent).where(*_told_within(period)).order_by(MailEvent.at, MailEvent.id)
    ).all()


def erase_address(session: Session, key: str) -> int:
    """Remove every trace of the address with this key; return how many messages it had.

    This includes those that wait and the digests of old ones, what came back about them, which
    lists it has left, and reports that nobody understood where they name it in plain letters. One
    that is being sent may arrive.
    """
    session.execute(delete(Suppression).where(Suppression.address_key == key))
    session.execute(delete(OptOut).where(OptOut.address_key == key))
    session.execute(delete(MailEvent).where(MailEvent.recipient_key == key))
    session.execute(delete(MailReport).where(*_names(session, key)))
    theirs = OutboxMessage.recipient_key.in_([key, address_digest(key)])
    return _erase(session, session.scalars(select(OutboxMessage.id).where(theirs)).all())


def erase_within(session: Session, period: OwnershipPeriod) -> int:
    """Remove every trace of the address from this period; return how many messages it had."""
    is_theirs = Suppression.address_key == period.key, Suppression.since >= period.since
    session.execute(delete(Suppression).where(*is_theirs, Suppression.since < _end(period)))
    has_left = OptOut.address_key == period.key, OptOut.since >= period.since
    session.execute(delete(OptOut).where(*has_left, OptOut.since < _end(period)))
    session.execute(delete(MailEvent).where(*_told_within(period)))
    came_in = MailReport.received_at >= period.since, MailReport.received_at < _end(period)
    session.execute(delete(MailReport).where(*came_in, *_names(session, period.key)))
    theirs = OutboxMessage.recipient_key.in_([period.key, address_digest(period.key)])
    found = select(OutboxMessage.id).where(theirs, within(period))
    return _erase(session, session.scalars(found).all())


def erase_messages(session: Session, key: str, *arguments: Mapping[str, Any]) -> int:
    """Remove the messages to this address that have all values of any of these arguments."""
    return _erase(
        session,
        [
            message.id
            for message in messages_to(session, key)
            if any(one.items() <= message.arguments.items() for one in arguments)
        ],
    )


def _told_within(period: OwnershipPeriod) -> tuple[ColumnElement[bool], ...]:
    return (
        MailEvent.recipient_key == period.key,
        MailEvent.at >= period.since,
        MailEvent.at < _end(period),
    )


def _names(session: Session, key: str) -> tuple[ColumnElement[bool], ...]:
    """That nobody understood a report, and that it has this address in it."""
    content: ColumnElement[bytes] = MailReport.content.expression
    if session.get_bind().dialect.name == "sqlite":
        at = func.instr(func.lower(cast(content, Text)), key)
    else:
        # Bytes beyond ASCII and backslashes become \nnn, all others stay.
        at = func.strpos(func.lower(func.encode(content, "escape")), key)
    return MailReport.note.is_not(None), at > 0


def _end(period: OwnershipPeriod) -> float:
    return math.inf if period.until is None else period.until


def _erase(session: Session, numbers: Sequence[int]) -> int:
    for first in range(0, len(numbers), AT_ONCE):
        some = numbers[first : first + AT_ONCE]
        add_early(session, some)
        session.execute(delete(MailEvent).where(MailEvent.outbox_id.in_(some)))
        session.execute(delete(OutboxMessage).where(OutboxMessage.id.in_(some)))
    return len(numbers)
