"""What came back about mail, for operators: events of messages, rates by domain, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import Session, defer

from flask_outbox.operations.messages import MAX_ID
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import (
    HAS_ENDED,
    IS_ACCEPTED,
    MailEvent,
    MailReport,
    OutboxMessage,
    Status,
)

PRUNE_AT_ONCE = 500

KEPT_AT_LEAST = 31 * DAY
"""Events are kept as long as a token is good, and a day: without its event, a report that comes
again would count again."""

WINDOW_SECONDS = 7 * DAY
"""The time that rates are about: shorter, and one complaint makes an alarm of a small site."""

SMALLEST_SAMPLE = 100
"""A domain that got fewer messages in that time has no rate: one bounce would be many percent. Nor
is one complaint alone a rate: of 300 messages it would be an error."""

COMPLAINT_RATES = (0.001, 0.003)
"""From where on complaints are a warning, and an error: Google asks senders to stay below 0.1 %,
and never to reach 0.3 %; Yahoo names the same 0.3 %."""

BOUNCE_RATES = (0.02, 0.05)
"""The same of bounces: Amazon SES asks for less than 2 %, and reviews accounts from 5 % on."""

_IS_LEFT = MailReport.note.is_not(None)


@dataclass(frozen=True, slots=True)
class DomainRates:
    """What became of the messages to one receiving domain that a server took within some days.

    `accepted` counts all of them; the others are those of which it is known.
    """

    domain: str
    accepted: int
    delivered: int
    bounced: int
    complained: int

    @property
    def bounce_rate(self) -> float:
        return self.bounced / self.accepted

    @property
    def complaint_rate(self) -> float:
        return self.complained / self.accepted

    @property
    def level(self) -> str:
        """ "error" or "warning" where receivers begin to mind, or empty."""
        if self.accepted < SMALLEST_SAMPLE:
            return ""
        complaints = 0.0 if self.complained == 1 else self.complaint_rate
        rates = ((complaints, COMPLAINT_RATES), (self.bounce_rate, BOUNCE_RATES))
        if any(rate >= highest for rate, (_, highest) in rates):
            return "error"
        return "warning" if any(rate >= lowest for rate, (lowest, _) in rates) else ""


def domain_rates(
    session: Session, *, now: float, seconds: float = WINDOW_SECONDS
) -> list[DomainRates]:
    """What became of mail by receiving domain, those with most mail first.

    A message to several counts for the domain of its first recipient.
    """
    found: dict[str, Counter[str]] = {}
    domain = _domain(session.get_bind().dialect.name)
    accepted = (
        select(domain, OutboxMessage.status, func.count())
        .where(text(HAS_ENDED), OutboxMessage.settled_at >= now - seconds, text(IS_ACCEPTED))
        .group_by(domain, OutboxMessage.status)
    )
    for name, status, count in session.execute(accepted):
        found.setdefault(name, Counter())[status] += count
    rates = [
        DomainRates(
            name,
            counts.total(),
            counts[Status.DELIVERED],
            counts[Status.BOUNCED],
            counts[Status.COMPLAINED],
        )
        for name, counts in found.items()
    ]
    return sorted(rates, key=lambda one: (-one.accepted, one.domain))


def events_of(session: Session, message_id: int) -> Sequence[MailEvent]:
    """What came back about a message, oldest first."""
    theirs = select(MailEvent).where(MailEvent.outbox_id == message_id)
    return session.scalars(theirs.order_by(MailEvent.at, MailEvent.id)).all()


def not_understood(session: Session, *, count: int = 50) -> Sequence[MailReport]:
    """Reports that nobody understands, newest first, without their content."""
    noted = select(MailReport).where(_IS_LEFT)
    # Each may have a megabyte, which a list does not show.
    noted = noted.options(defer(MailReport.content))
    return session.scalars(noted.order_by(MailReport.id.desc()).limit(count)).all()


def count_not_understood(session: Session) -> int:
    """How many reports nobody understands."""
    return session.scalar(select(func.count()).select_from(MailReport).where(_IS_LEFT)) or 0


def find_report(session: Session, number: int) -> MailReport | None:
    """A report that nobody understands; None if there is none with this id."""
    found = session.get(MailReport, number) if 0 < number <= MAX_ID else None
    return found if found is not None and found.note is not None else None


def discard_report(session: Session, number: int) -> bool:
    """Delete a report that an operator has looked at; return False if it was not there."""
    this = delete(MailReport).where(MailReport.id == number, _IS_LEFT).returning(MailReport.id)
    return 0 < number <= MAX_ID and session.scalar(this) is not None


def prune_events(session: Session, *, now: float, retention: float) -> bool:
    """Delete a batch of old events and of reports that nobody understood.

    Returns whether there may be more. `retention` is in seconds; events stay KEPT_AT_LEAST.
    """
    before = now - max(retention, KEPT_AT_LEAST)
    old = select(MailEvent.id).where(MailEvent.at < before).order_by(MailEvent.at)
    events = session.scalars(old.limit(PRUNE_AT_ONCE)).all()
    session.execute(delete(MailEvent).where(MailEvent.id.in_(events)))
    reports = session.scalars(
        select(MailReport.id)
        .where(_IS_LEFT, MailReport.received_at < now - retention)
        .limit(PRUNE_AT_ONCE)
    ).all()
    session.execute(delete(MailReport).where(MailReport.id.in_(reports)))
    return PRUNE_AT_ONCE in {len(events), len(reports)}


def _domain(dialect: str) -> ColumnElement[str]:
    """The receiving domain of a row."""
    key = OutboxMessage.recipient_key
    at = func.instr(key, "@") if dialect == "sqlite" else func.strpos(key, "@")
    return func.substr(key, at + 1)
