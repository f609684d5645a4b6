"""Working off what came in about mail: events are written, their consequences drawn, all at once.

A periodic task does it, in whatever process delivers. Reports are read and understood before the
transaction begins, since that takes time and nobody else could write meanwhile.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from flask_outbox.database_errors import is_outage
from flask_outbox.feedback.consequences import CONSEQUENCES, TrustedEvent, draw
from flask_outbox.feedback.findings import Finding, read_findings
from flask_outbox.feedback.matching import Match, match
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError
from flask_outbox.message.addresses import address_digest
from flask_outbox.outbox.email_types import HOUR, MINUTE
from flask_outbox.outbox.models import (
    IS_TO_BE_WORKED_OFF,
    WAITING,
    MailEvent,
    MailReport,
    Status,
)
from flask_outbox.outbox.outbox import Outbox
from flask_outbox.outbox.suppressions import SuppressionSource
from flask_outbox.signals import (
    MessageEvent,
    SubscriptionEvent,
    announce,
    message_bounced,
    message_complained,
    message_delivered,
    unsubscribed,
)

logger = logging.getLogger(__name__)

WORK_OFF = "mail.work_off"

EVERY = timedelta(minutes=1)

AT_ONCE = 20
"""Reports in one transaction. Each may have a megabyte, and all are in memory."""

WAITS_FOR_MESSAGE = HOUR
"""How long a webhook waits for a message that is not there, or not settled: a provider may be
faster than the transaction that wrote it."""

_DOMAIN_MAXIMUM = 255

_SIGNALS = {
    Status.DELIVERED: message_delivered,
    Status.BOUNCED: message_bounced,
    Status.COMPLAINED: message_complained,
}

_WRITE = text(
    "INSERT INTO mail_events (source, event_id, recipient_key, at, outbox_id, domain, meaning,"
    " code, words, trusted) VALUES (:source, :event_id, :recipient_key, :at, :outbox_id, :domain,"
    " :meaning, :code, :words, :trusted)"
    " ON CONFLICT (source, event_id, recipient_key) DO NOTHING RETURNING id"
)


@dataclass(frozen=True, slots=True)
class _Read:
    """A report of which it is known what it says, or why nobody understands it."""

    id: int
    source: str
    event_id: str
    received_at: float
    findings: Sequence[Finding]
    note: str | None = None


def register_feedback(outbox: Outbox) -> None:
    """Have what comes in about this outbox's mail worked off, once a minute."""

    # The outbox has the task: it must not keep itself alive by that.
    reference = weakref.ref(outbox)

    def work_off_batch(session: Session, now: float) -> bool:
        # Reading takes time, for which nobody else could write: this is done without a transaction.
        session.rollback()
        found = reference()
        return found is not None and _work_off_batch(found, now=now) == AT_ONCE

    if WORK_OFF not in outbox.periodic_tasks:
        outbox.register_periodic_task(WORK_OFF, work_off_batch, every=EVERY)


def work_off(outbox: Outbox, *, now: float) -> int:
    """Work off all reports that are due; return how many were handled.

    Each is deleted with the events that it brings, waits for its message, or gets a note.
    """
    handled = 0
    while batch := _work_off_batch(outbox, now=now):
        handled += batch
    return handled


def _work_off_batch(outbox: Outbox, *, now: float) -> int:
    with outbox.sessions() as session:
        due = session.execute(
            select(
                MailReport.id,
                MailReport.source,
                MailReport.event_id,
                MailReport.received_at,
                MailReport.content,
                MailReport.envelope_recipient,
            )
            .where(text(IS_TO_BE_WORKED_OFF), MailReport.due_at <= now)
            .order_by(MailReport.due_at, MailReport.id)
            .limit(AT_ONCE)
        ).all()
    read = [_read(one) for one in due]
    if not read:
        return 0
    try:
        _in_transaction(outbox, read, now=now)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("Reports about mail could not be worked off together")
        for one in read:
            _by_itself(outbox, one, now=now)
    return len(read)


def _read(row: Any) -> _Read:
    note: str | None = None
    findings: Sequence[Finding] = ()
    try:
        findings = read_findings(row.source, bytes(row.content), row.envelope_recipient)
    except NotUnderstoodError as error:
        note = str(error)
    except Exception as error:
        # Anybody can write a report: one must not stop those behind it.
        logger.exception("Report %s about mail cannot be read", row.id)
        note = f"It cannot be read: {type(error).__name__}."
    return _Read(row.id, row.source, row.event_id, row.received_at, findings, note)


def _by_itself(outbox: Outbox, one: _Read, *, now: float) -> None:
    try:
        _in_transaction(outbox, [one], now=now)
    except Exception as error:
        if is_outage(error):
            raise
        logger.exception("Report %s about mail cannot be worked off", one.id)
        kind = type(error).__name__
        noted = _Read(one.id, one.source, one.event_id, one.received_at, (), f"It failed: {kind}.")
        _in_transaction(outbox, [noted], now=now)


def _in_transaction(outbox: Outbox, read: Sequence[_Read], *, now: float) -> None:
    """Work off reports that nobody else works off, and tell who listens once it is committed."""
    tell: list[Callable[[], None]] = []
    with outbox.sessions() as session:
        # It reads first and writes later, which SQLite must know beforehand.
        session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        ours = session.scalars(
            select(MailReport.id)
            .where(MailReport.id.in_([one.id for one in read]), text(IS_TO_BE_WORKED_OFF))
            .order_by(MailReport.id)
            .with_for_update(skip_locked=True)
        ).all()
        for one in read:
            if one.id in ours:
                tell += _finish(session, outbox, one, now=now)
        session.commit()
    for announcement in tell:
        announcement()


def _finish(
    session: Session, outbox: Outbox, one: _Read, *, now: float
) -> list[Callable[[], None]]:
    this = MailReport.id == one.id
    if one.note is not None:
        session.execute(update(MailReport).where(this).values(note=one.note))
        return []
    found = match(session, outbox.delivery.return_path, one.findings, at=one.received_at)
    if now < one.received_at + WAITS_FOR_MESSAGE and any(_waits(outbox, each) for each in found):
        # Later and later, but never after the hour.
        pause = max(MINUTE, now - one.received_at)
        due_at = min(now + pause, one.received_at + WAITS_FOR_MESSAGE)
        session.execute(update(MailReport).where(this).values(due_at=due_at))
        return []
    session.execute(delete(MailReport).where(this))
    written = [each for each in found if _write(session, one, each)]
    return [
        announcement
        for each in written
        if (announcement := _consequences(session, outbox, one, each)) is not None
    ]


def _waits(outbox: Outbox, found: Match) -> bool:
    """Whether the message may still come, its attempt be settled, or newer code know its list."""
    if found.message is None:
        return found.finding.is_authentic
    needs_list = found.finding.meaning is Meaning.UNSUBSCRIBED
    lacks_list = needs_list and found.message.kind not in outbox.email_types
    return found.is_trusted and (lacks_list or found.message.status in WAITING)


def _write(session: Session, one: _Read, found: Match) -> bool:
    """Write the event; return False if it is there already."""
    finding = found.finding
    if _is_there_by_its_address(session, one, found):
        return False
    key = found.address_key or finding.address
    values: dict[str, Any] = {
        "source": one.source,
        "event_id": finding.event_id or one.event_id,
        "recipient_key": found.recipient_key,
        "at": one.received_at,
        "outbox_id": found.message.id if found.message is not None else None,
        "domain": key.rpartition("@")[2].lower()[:_DOMAIN_MAXIMUM],
        "meaning": finding.meaning.value,
        "code": finding.code,
        "words": finding.words,
        "trusted": found.is_trusted,
    }
    written = session.execute(_WRITE, values, bind_arguments={"mapper": MailEvent})
    return written.first() is not None


def _is_there_by_its_address(session: Session, one: _Read, found: Match) -> bool:
    """Whether an event about somebody of whom only the digest is left was written before that."""
    if found.address_key is not None or not found.recipient_key:
        return False
    written = session.scalars(
        select(MailEvent.recipient_key).where(
            MailEvent.source == one.source,
            MailEvent.event_id == (found.finding.event_id or one.event_id),
        )
    )
    return any(address_digest(key) == found.recipient_key for key in written)


def _consequences(
    session: Session, outbox: Outbox, one: _Read, found: Match
) -> Callable[[], None] | None:
    """Draw the consequences of a new event; return what tells listeners of them, if anything."""
    message, finding = found.message, found.finding
    if message is None or not found.is_trusted:
        return None
    email_type = outbox.email_types.get(message.kind)
    source = SuppressionSource.PROVIDER if finding.is_authentic else SuppressionSource.REPORT
    event = TrustedEvent(
        message,
        found.address_key,
        finding.meaning,
        finding.words,
        source,
        email_type.list if email_type is not None else None,
    )
    has_address = not outbox.delivery.redirect_to
    has_status = draw(session, event, now=one.received_at, with_address=has_address)
    logger.info("Message %s (%s): %s: %s", message.id, message.kind, finding.meaning, finding.words)
    return _announcement(outbox, event, has_status=has_status, has_address=has_address)


def _announcement(
    outbox: Outbox, event: TrustedEvent, *, has_status: bool, has_address: bool
) -> Callable[[], None] | None:
    """What tells listeners of an event; None where it concerns nobody whose address is known."""
    key, message = event.recipient_key, event.message
    status = CONSEQUENCES[event.meaning].status
    if key is None:
        return None
    if event.meaning is Meaning.UNSUBSCRIBED and event.list_name and has_address:
        ended = SubscriptionEvent(key, event.list_name)
        return lambda: announce(unsubscribed, outbox.signal_sender, ended)
    if status is None or not has_status:
        return None
    told = MessageEvent(message.id, message.kind, key, status, event.words, message.attempts)
    return lambda: announce(_SIGNALS[status], outbox.signal_sender, told)
