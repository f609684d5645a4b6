"""What an event does, by its meaning: one table, and the rules that its columns stand for.

Only events with a token of ours, or of a provider that proved who it is, have consequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import MailEvent, OptOut, OutboxMessage, Status
from flask_outbox.outbox.opt_outs import ALL_LISTS, OptOutReason, opt_out
from flask_outbox.outbox.suppressions import (
    GIVEN_UP_SECONDS,
    SuppressionSource,
    lift_proved_wrong,
    suppress,
)

REMEMBERED_SECONDS = 30 * DAY
"""How long an event counts: soft bounces, first reports, and proofs that an address works."""

SOFT_DAYS = 4
"""Days with soft bounces after which mail of lists is paused. A full mailbox is often full for a
weekend; most lists wait for four or five bounces."""

PAUSED_SECONDS = 14 * DAY

PROVED_SECONDS = DAY
"""After so long, mail that was sent and did not come back shows that its address works. Most
bounces come within minutes."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What an event of one meaning does.

    - `status` is what its message becomes.
    - `condemns`: the address is suppressed, as `_condemn` says.
    - `is_soft`: the day counts as one with a soft bounce; SOFT_DAYS of them pause mail of lists.
    - `ends_lists` is why the address gets no mail of lists any more: of all of them after a
      complaint, of the message's own where its reader unsubscribed.
    - `proves`: the address works, so what said the contrary before is over.
    """

    status: Status | None = None
    condemns: bool = False
    is_soft: bool = False
    ends_lists: OptOutReason | None = None
    proves: bool = False


_BOUNCED = Consequence(Status.BOUNCED)

CONSEQUENCES: Mapping[Meaning, Consequence] = {
    Meaning.DELIVERED: Consequence(Status.DELIVERED, proves=True),
    # Another event follows.
    Meaning.DELAYED: Consequence(),
    # To go on sending to nobody is what receivers take spammers for.
    Meaning.DEAD: Consequence(Status.BOUNCED, condemns=True),
    # Somebody has the address, and may come back: mail that they can do without waits for them.
    Meaning.FULL: Consequence(Status.BOUNCED, is_soft=True),
    Meaning.AMBIGUOUS: Consequence(Status.BOUNCED, is_soft=True),
    # The sender's own fault: to punish addresses for it would lose all of a provider's at once.
    Meaning.POLICY: _BOUNCED,
    # Another message may be small enough, or plainer.
    Meaning.MESSAGE: _BOUNCED,
    # Networks and name servers fail for whole domains, and come back.
    Meaning.PATH: _BOUNCED,
    # Who calls mail spam must not get it again; their password reset they ask for themselves.
    Meaning.COMPLAINT: Consequence(Status.COMPLAINED, ends_lists=OptOutReason.COMPLAINT),
    Meaning.UNSUBSCRIBED: Consequence(ends_lists=OptOutReason.UNSUBSCRIBED),
    # Nothing is sent there already; who lifts it at the provider must not lift it here, too.
    Meaning.PROVIDER: _BOUNCED,
    Meaning.UNKNOWN: Consequence(),
}

COMES_FROM: Mapping[Status, tuple[Status, ...]] = {
    Status.DELIVERED: (Status.SENT,),
    Status.BOUNCED: (Status.SENT, Status.DELIVERED),
    Status.COMPLAINED: (Status.SENT, Status.DELIVERED, Status.BOUNCED),
}
"""The arrows between statuses: from which a message may come to each."""


@dataclass(frozen=True, slots=True)
class TrustedEvent:
    """An event that was written for the first time, about a message that was found.

    `recipient_key` is the key of the address that it is about, or None where only its digest is
    known. `list_name` is the list that the message belongs to, if any.
    """

    message: OutboxMessage
    recipient_key: str | None
    meaning: Meaning
    words: str
    source: SuppressionSource
    list_name: str | None = None


def draw(session: Session, event: TrustedEvent, *, now: float, with_address: bool = True) -> bool:
    """Do what the table says; return whether the message has the event's status now.

    Without `with_address`, only the status changes: mail that was redirected says nothing about
    its own recipients.
    """
    consequence = CONSEQUENCES[event.meaning]
    has_status = consequence.status is not None and _move(
        session, event.message, consequence.status
    )
    key = event.recipient_key
    if with_address and key is not None:
        if consequence.condemns:
            _condemn(session, event, key, now=now)
        if consequence.is_soft:
            _pause_lists(session, key, now=now)
        if consequence.ends_lists is not None:
            _end_lists(session, event, key, consequence.ends_lists, now=now)
        if consequence.proves:
            _prove(session, key, sent_at=event.message.settled_at or event.message.created_at)
    return has_status


def _move(session: Session, message: OutboxMessage, status: Status) -> bool:
    """Move a message along an arrow; return whether it has the status then."""
    if message.status == status:
        return True
    moved = session.execute(
        update(OutboxMessage)
        .where(OutboxMessage.id == message.id, OutboxMessage.status.in_(COMES_FROM[status]))
        .values(status=status)
        .execution_options(synchronize_session=False)
    )
    session.expire(message, ["status"])
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def _condemn(session: Session, event: TrustedEvent, key: str, *, now: float) -> None:
    """Suppress a dead address.

    Outages of directories have refused everybody as unknown. So where the address took mail within
    30 days, it takes a second report, a day later, about mail that was sent after what it took.
    """
    took_at = _took_mail_at(session, event, key, now=now)
    if took_at is None or _was_reported_before(session, key, after=took_at, now=now):
        suppress(session, [(key, event.words)], now=now, source=event.source)


def _took_mail_at(session: Session, event: TrustedEvent, key: str, *, now: float) -> float | None:
    """When the address last took mail (Unix time), if that was within 30 days."""
    sent_at = OutboxMessage.settled_at
    return session.scalar(
        select(func.max(sent_at)).where(
            OutboxMessage.recipient_key == key,
            OutboxMessage.created_at >= now - 2 * REMEMBERED_SECONDS,  # for the index
            OutboxMessage.id != event.message.id,
            sent_at >= now - REMEMBERED_SECONDS,
            (OutboxMessage.status == Status.DELIVERED)
            | (OutboxMessage.status == Status.COMPLAINED)
            | ((OutboxMessage.status == Status.SENT) & (sent_at <= now - PROVED_SECONDS)),
        )
    )


def _was_reported_before(session: Session, key: str, *, after: float, now: float) -> bool:
    """Whether the address was called dead a day ago or earlier, since it last took mail.

    A date would not do: outages do not end at midnight.
    """
    found = session.scalar(
        select(func.min(MailEvent.at)).where(
            *_trusted(key, since=max(after, now - REMEMBERED_SECONDS)),
            MailEvent.meaning == Meaning.DEAD,
        )
    )
    return found is not None and found <= now - DAY


def _pause_lists(session: Session, key: str, *, now: float) -> None:
    """Pause mail of lists after SOFT_DAYS days with soft bounces, since the last success."""
    soft = [one for one, consequence in CONSEQUENCES.items() if consequence.is_soft]
    since = _last_success(session, key, since=now - REMEMBERED_SECONDS, now=now)
    moments = session.scalars(
        select(MailEvent.at).where(*_trusted(key, since=since), MailEvent.meaning.in_(soft))
    )
    if len({at // DAY for at in moments}) >= SOFT_DAYS:
        until = now + PAUSED_SECONDS
        opt_out(session, key, ALL_LISTS, reason=OptOutReason.BOUNCES, now=now, until=until)


def _last_success(session: Session, key: str, *, since: float, now: float) -> float:
    """When an event said last that mail arrived, or mail was sent that never came back.

    `since` if neither happened later. All are Unix time.
    """
    told = select(func.max(MailEvent.at)).where(
        *_trusted(key, since=since), MailEvent.meaning == Meaning.DELIVERED
    )
    # Most servers never tell. What does not fit into a mailbox comes back days later.
    kept = select(func.max(OutboxMessage.settled_at)).where(
        OutboxMessage.recipient_key == key,
        OutboxMessage.created_at >= since - REMEMBERED_SECONDS,  # for the index
        OutboxMessage.settled_at <= now - GIVEN_UP_SECONDS,
        OutboxMessage.status == Status.SENT,
    )
    return max(since, session.scalar(told) or 0.0, session.scalar(kept) or 0.0)


def _trusted(key: str, *, since: float) -> tuple[ColumnElement[bool], ...]:
    return MailEvent.recipient_key == key, MailEvent.at >= since, MailEvent.trusted.is_(True)


def _end_lists(
    session: Session, event: TrustedEvent, key: str, reason: OptOutReason, *, now: float
) -> None:
    is_complaint = reason is OptOutReason.COMPLAINT
    name = ALL_LISTS if is_complaint else event.list_name
    # Mail without a list is not what somebody can unsubscribe from.
    if name is not None:
        opt_out(session, key, name, reason=reason, now=now)


def _prove(session: Session, key: str, *, sent_at: float) -> None:
    """Forget what was said against an address before it took mail that was sent then."""
    sources = [one for one in SuppressionSource if one is not SuppressionSource.OPERATOR]
    lift_proved_wrong(session, key, sent_at=sent_at, sources=sources)
    session.execute(
        delete(OptOut).where(
            OptOut.address_key == key,
            OptOut.reason == OptOutReason.BOUNCES.value,
            OptOut.since < sent_at,
        )
    )
