"""Finding messages, trying them again, cancelling and pruning them.

Nothing here shows the text of a message: it is composed when the message leaves, and never stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, TextClause, delete, select, text, tuple_, update
from sqlalchemy.orm import Session

from flask_outbox.message.addresses import AddressError, address_digest, parse_address
from flask_outbox.operations import counts
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import (
    ACCEPTED,
    HAS_ENDED,
    IS_UNSENT,
    IS_WAITING,
    UNSENT,
    WAITING,
    OutboxMessage,
    Status,
)
from flask_outbox.outbox.suppressions import suppression
from flask_outbox.translation import gettext as _

RETRYABLE = (Status.DEAD, Status.UNKNOWN, Status.CANCELLED, Status.EXPIRED, Status.DEFERRED)

WAITING_STATUS = "waiting"
"""What a search has for QUEUED and DEFERRED together."""

MAX_ID = 2**63 - 1

PRUNE_AT_ONCE = 1000

KEPT_REDUCED = 365 * DAY
"""How long a message that was reduced to a count is kept."""


class RejectionReason(StrEnum):
    """Why an operation on a message is not possible."""

    ABSENT = "absent"
    NOTHING_TO_RETRY = "nothing to retry"
    NOTHING_TO_CANCEL = "nothing to cancel"
    BEING_SENT = "being sent"
    TOO_OLD = "too old"
    SUPPRESSED = "suppressed"
    CHANGED = "changed"


class NotPossibleError(Exception):
    """The state of the message does not allow this; the error tells why."""

    def __init__(self, reason: RejectionReason, words: str) -> None:
        super().__init__(words)
        self.reason = reason


@dataclass(frozen=True)
class Search:
    """Which messages to find: every part that is given must match.

    `text` is what an operator has at hand: a message's id, its Message-ID in angle brackets, or an
    address or a part of one. `status` may be WAITING_STATUS as well, for all that wait, and SENT
    finds all that a server accepted. `since` and `until` are Unix time. `before` continues a list:
    the creation time and the number of its last message.
    """

    text: str | None = None
    address: str | None = None
    status: str | None = None
    kind: str | None = None
    since: float | None = None
    until: float | None = None
    before: tuple[float, int] | None = None


def search(session: Session, wanted: Search, *, count: int = 50) -> Sequence[OutboxMessage]:
    """The newest messages that match, newest first.

    A whole address is found by an index; for a part of one, every message is read.
    """
    created_at: ColumnElement[float] = OutboxMessage.created_at.expression
    if wanted.status in (*WAITING, WAITING_STATUS):
        # Usually few wait: find and then sort them, instead of reading all messages by their age.
        created_at = created_at + 0.0
    found = select(OutboxMessage).where(*_conditions(wanted))
    newest_first = found.order_by(created_at.desc(), OutboxMessage.id.desc())
    return session.scalars(newest_first.limit(count)).all()


def find(session: Session, number: int) -> OutboxMessage | None:
    return session.get(OutboxMessage, number) if 0 < number <= MAX_ID else None


def retry(session: Session, number: int, *, now: float) -> OutboxMessage:
    """Queue a message again, with all its attempts left.

    Raises NotPossibleError if it is being sent, was sent, or has lost what it needs.
    """
    message = retryable(session, number, now=now)
    counts.add_early(session, [number])
    expires_at = message.expires_at
    if expires_at is not None:
        expires_at = now + (expires_at - (message.send_at or message.created_at))
    _change(
        session,
        message,
        {
            "status": Status.QUEUED,
            "due_at": now,
            "failures": 0,
            "settled_at": None,
            "expires_at": expires_at,
            "waits_for": "",
        },
    )
    return message


def cancel(session: Session, number: int, *, now: float) -> OutboxMessage:
    """Cancel a message that waits. One that is being sent at this moment may still arrive.

    Raises NotPossibleError if it does not wait.
    """
    message = cancellable(session, number)
    words = "An operator cancelled it."
    _change(session, message, {"status": Status.CANCELLED, "settled_at": now, "answer": words})
    return message


def retryable(session: Session, number: int, *, now: float) -> OutboxMessage:
    """The message, if `retry` would queue it again; raises NotPossibleError as that does."""
    message = _get(session, number)
    if message.status not in RETRYABLE:
        raise NotPossibleError(
            RejectionReason.NOTHING_TO_RETRY,
            _("Message {number} is {status}: there's nothing to send again.").format(
                number=number, status=message.status
            ),
        )
    if is_being_sent(message):
        words = _("Message {number} is being sent right now.")
        raise NotPossibleError(RejectionReason.BEING_SENT, words.format(number=number))
    if message.reduced:
        words = _("Message {number} is too old: its address was deleted.")
        raise NotPossibleError(RejectionReason.TOO_OLD, words.format(number=number))
    condemned = suppression(session, message.recipient_key, now=now)
    if condemned is not None:
        raise NotPossibleError(
            RejectionReason.SUPPRESSED,
            _("The address of message {number} is suppressed ({reason}). Allow it first.").format(
                number=number, reason=condemned.reason
            ),
        )
    return message


def is_being_sent(message: OutboxMessage) -> bool:
    """Whether an attempt has begun and not ended; if its process died, another will follow.

    Earlier attempts that were cut off are not in the history, and do not matter.
    """
    ended = message.history[-1]["attempt"] if message.history else 0
    return message.status in WAITING and message.attempts > ended


def cancellable(session: Session, number: int) -> OutboxMessage:
    """The message, if `cancel` would end it; raises NotPossibleError as that does."""
    message = _get(session, number)
    if message.status not in WAITING:
        raise NotPossibleError(
            RejectionReason.NOTHING_TO_CANCEL,
            _("Message {number} is {status}: there's nothing to cancel.").format(
                number=number, status=message.status
            ),
        )
    return message


def prune(session: Session, *, now: float, retention: float) -> int:
    """Reduce what ended longer than `retention` seconds ago to what counts need.

    The address becomes a digest; arguments and server answers are removed, and the rest a year
    later. No message is reduced before it was added up (counts.add_up). Returns how many were.
    """
    forgotten = now - KEPT_REDUCED
    session.execute(
        delete(OutboxMessage).where(
            OutboxMessage.reduced.is_(True),
            OutboxMessage.created_at < forgotten,  # for the index
            OutboxMessage.settled_at < forgotten,
        )
    )
    finished = min(now - retention, counts.counted_until(session))
    old = session.scalars(
        select(OutboxMessage)
        .where(text(HAS_ENDED), OutboxMessage.settled_at < finished)
        .limit(PRUNE_AT_ONCE)
    ).all()
    for message in old:
        message.recipient = message.recipient_key = address_digest(message.recipient_key)
        message.arguments, message.recipients, message.history = {}, None, []
        message.answer, message.message_id, message.reduced = None, "", True
    return len(old)


def _conditions(wanted: Search) -> list[ColumnElement[bool] | TextClause]:
    conditions: list[ColumnElement[bool] | TextClause] = []
    if wanted.text:
        conditions.append(_text_matches(wanted.text))
    if wanted.address:
        conditions.append(_address_matches(wanted.address))
    if wanted.status == WAITING_STATUS:
        conditions.append(text(IS_WAITING))
    elif wanted.status == Status.SENT:
        conditions.append(OutboxMessage.status.in_(ACCEPTED))
    elif wanted.status:
        conditions.append(OutboxMessage.status == wanted.status)
        # Redundant, but it leads SQLite to the index with this condition.
        conditions += [text(IS_WAITING)] if wanted.status in WAITING else []
        conditions += [text(IS_UNSENT)] if wanted.status in UNSENT else []
    if wanted.kind:
        conditions.append(OutboxMessage.kind == wanted.kind)
    if wanted.since is not None:
        conditions.append(OutboxMessage.created_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(OutboxMessage.created_at < wanted.until)
    if wanted.before is not None:
        place = tuple_(OutboxMessage.created_at, OutboxMessage.id)
        conditions.append(place < wanted.before)
    return conditions


def _text_matches(wanted: str) -> ColumnElement[bool]:
    """Match an id or a part of an address, or a Message-ID or an address in angle brackets."""
    matches = _address_matches(wanted)
    number = wanted.removeprefix("#")
    if re.fullmatch(r"[0-9]{1,18}", number):
        return matches | (OutboxMessage.id == int(number))
    if wanted.startswith("<"):
        return matches | (OutboxMessage.message_id == wanted)
    return matches


def _address_matches(wanted: str) -> ColumnElement[bool]:
    """Match a whole address, in reduced messages too, or any address that contains the part."""
    column = OutboxMessage.recipient_key
    part = column.contains(wanted.lower(), autoescape=True)
    try:
        address = parse_address(wanted)
    except AddressError:
        return part
    whole = column.in_([address.key, address_digest(address.key)])
    # Without a dot, the end of the domain may be missing.
    return whole if "." in address.domain else whole | part


def _get(session: Session, number: int) -> OutboxMessage:
    message = find(session, number)
    if message is None:
        words = _("There's no message {number}.")
        raise NotPossibleError(RejectionReason.ABSENT, words.format(number=number))
    return message


def _change(session: Session, message: OutboxMessage, values: dict[str, object]) -> None:
    """Change the row if it is as it was read: a worker may be settling it at this moment."""
    changed = session.execute(
        update(OutboxMessage)
        .where(
            OutboxMessage.id == message.id,
            OutboxMessage.status == message.status,
            OutboxMessage.attempts == message.attempts,
        )
        .values(values)
    )
    if not changed.rowcount:  # type: ignore[attr-defined]
        words = _("Message {number} has just changed. Check its status and try again.")
        raise NotPossibleError(RejectionReason.CHANGED, words.format(number=message.id))
    session.expire(message)
