"""What happened to an account, written down for its owner to read, and the mail about it.

What is written down and what became of the mail are two tables, read as one list: newest first, in
pages that are found by the place between two entries at which they begin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from flask_outbox.operations.history import Bound, MessageOutcome, message_outcomes
from microblog.accounts.audit.address_history import address_spans
from microblog.accounts.models import SecurityEvent, User
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

KEPT = timedelta(days=90)
PAGE_SIZE = 30
PRUNED_AT_ONCE = 1000

MAIL_KINDS = "accounts."
"""What the names of all kinds of mail about accounts begin with."""


class SecurityEventType(StrEnum):
    """The kinds of events. Their names are stored; their sentences are in the page."""

    REGISTERED = "registered"
    VERIFICATION_ASKED = "verification_asked"
    """Its owner asked for another link to confirm the address."""
    EMAIL_VERIFIED = "email_verified"
    LOGGED_IN = "logged_in"
    LOGGED_IN_NEW_BROWSER = "logged_in_new_browser"
    LOGGED_OUT = "logged_out"
    SESSION_ENDED = "session_ended"
    SESSIONS_ENDED = "sessions_ended"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of an event
    EMAIL_CHANGE_ASKED = "email_change_asked"
    EMAIL_CHANGE_CANCELLED = "email_change_cancelled"
    EMAIL_CHANGED = "email_changed"
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    DELETION_ASKED = "deletion_asked"
    DELETION_UNDONE = "deletion_undone"
    REPORTED = "reported"
    """Its owner pressed "this wasn't me" in a notice."""
    EXPORTED = "exported"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RESET_STARTED = "reset_started"
    """An administrator had a reset link mailed to the owner."""
    ADMIN_MADE = "admin_made"
    ADMIN_UNMADE = "admin_unmade"
    MAIL_RESUMED = "mail_resumed"
    """The owner had mail tried again to an address that its server had refused."""


class Group(StrEnum):
    """Which entries to look at."""

    ALL = "all"
    ACCESS = "access"
    CHANGES = "changes"
    MAIL = "mail"


ACCESS = frozenset(
    {
        SecurityEventType.LOGGED_IN,
        SecurityEventType.LOGGED_IN_NEW_BROWSER,
        SecurityEventType.LOGGED_OUT,
        SecurityEventType.SESSION_ENDED,
        SecurityEventType.SESSIONS_ENDED,
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """The place of an entry in the list: Unix time, which table it is of, and its number there."""

    at: float
    is_event: bool
    number: int

    def __str__(self) -> str:
        return f"{self.at!r}-{'e' if self.is_event else 'm'}-{self.number}"

    @classmethod
    def read(cls, text: str | None) -> Position | None:
        """The position that stands in an address; None for nonsense."""
        found = _POSITION.fullmatch(text or "")
        return cls(float(found[1]), found[2] == "e", int(found[3])) if found else None


_POSITION = re.compile(r"(\d{1,10}\.\d{1,9})-([em])-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened, or a mail, which has a fate. `kind` is the name of its kind."""

    position: Position
    kind: str
    place: RequestOrigin
    details: Mapping[str, Any]
    fate: MessageOutcome | None = None

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.position.at, UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, newest first. `older` and `newer` are where the next pages begin, if any."""

    entries: Sequence[Entry]
    older: Position | None
    newer: Position | None


def record(
    session: Session,
    user_id: int,
    happening: SecurityEventType,
    scope: Scope,
    **details: str,
) -> None:
    """Write down what happened, in the transaction in which it did. `details` hold no secret."""
    session.add(
        SecurityEvent(
            user_id=user_id,
            kind=happening.value,
            at=scope.now,
            browser=scope.origin.browser,
            address=scope.origin.address,
            details=details,
        )
    )


def moments_of(
    session: Session, user_id: int, *happenings: SecurityEventType, since: datetime
) -> list[datetime]:
    """When these things happened to the account, from `since` on."""
    return list(
        session.scalars(
            select(SecurityEvent.at).where(
                SecurityEvent.user_id == user_id,
                SecurityEvent.kind.in_([one.value for one in happenings]),
                SecurityEvent.at > since,
            )
        )
    )


def history(
    session: Session,
    user: User,
    *,
    now: datetime,
    before: Position | None = None,
    after: Position | None = None,
    group: Group = Group.ALL,
    count: int = PAGE_SIZE,
) -> Page:
    """A page of what happened to this account and of the mail about it, within the last 90 days.

    It holds what is older than `before` or newer than `after`; without either, the newest.
    """
    start = before or after
    backwards = start is None or start is before
    since = now - KEPT
    found = [
        *_events(session, user, since, start, group, backwards=backwards, count=count + 1),
        *_mails(session, user, since, start, group, backwards=backwards, count=count + 1),
    ]
    found.sort(key=lambda entry: entry.position, reverse=True)
    entries = found[:count] if backwards else found[-count:]
    more = len(found) > count
    has_older = more if backwards else bool(entries)
    has_newer = more if not backwards else bool(entries) and start is not None
    return Page(
        entries,
        entries[-1].position if has_older else None,
        entries[0].position if has_newer else None,
    )


def prune_events(session: Session, now: datetime) -> bool:
    """Forget a batch of what happened too long ago; whether there is more."""
    old = session.scalars(
        select(SecurityEvent.id).where(SecurityEvent.at < now - KEPT).limit(PRUNED_AT_ONCE)
    ).all()
    session.execute(delete(SecurityEvent).where(SecurityEvent.id.in_(old)))
    return len(old) == PRUNED_AT_ONCE


def _events(
    session: Session,
    user: User,
    since: datetime,
    start: Position | None,
    group: Group,
    *,
    backwards: bool,
    count: int,
) -> list[Entry]:
    if group is Group.MAIL:
        return []
    wanted = select(SecurityEvent).where(
        SecurityEvent.user_id == user.id, SecurityEvent.at >= since
    )
    if start is not None:
        wanted = wanted.where(_beyond(start, backwards=backwards))
    if group is not Group.ALL:
        is_access = SecurityEvent.kind.in_([one.value for one in ACCESS])
        wanted = wanted.where(is_access if group is Group.ACCESS else ~is_access)
    columns = (SecurityEvent.at, SecurityEvent.id)
    order = [column.desc() if backwards else column.asc() for column in columns]
    return [_event(event) for event in session.scalars(wanted.order_by(*order).limit(count))]


def _event(event: SecurityEvent) -> Entry:
    position = Position(event.at.timestamp(), is_event=True, number=event.id)
    return Entry(position, event.kind, RequestOrigin(event.browser, event.address), event.details)


def _beyond(start: Position, *, backwards: bool) -> ColumnElement[bool]:
    moment = datetime.fromtimestamp(start.at, UTC)
    number = min(start.number, MAX_ID)
    if not start.is_event:
        # The tables tell time in steps of different size. An event at the time of a mail is newer.
        moment += timedelta(microseconds=moment.timestamp() < start.at)
        number = -1
    at, same = SecurityEvent.at, SecurityEvent.at == moment
    # The first half says what the second implies, in a form that an index can use.
    if backwards:
        return and_(at <= moment, or_(at < moment, and_(same, SecurityEvent.id < number)))
    return and_(at >= moment, or_(at > moment, and_(same, SecurityEvent.id > number)))


def _mails(
    session: Session,
    user: User,
    since: datetime,
    start: Position | None,
    group: Group,
    *,
    backwards: bool,
    count: int,
) -> list[Entry]:
    if group not in {Group.ALL, Group.MAIL}:
        return []
    bound = None
    if start is not None:
        bound = Bound(start.at, is_newer=not backwards)
        if not start.is_event:
            bound = Bound(start.at, start.number, is_newer=not backwards)
    spans = address_spans(session, user, since=since)
    found = message_outcomes(session, spans, kinds=MAIL_KINDS, bound=bound, count=count)
    return [_mail(fate) for fate in found]


def _mail(fate: MessageOutcome) -> Entry:
    kept = fate.arguments
    place = RequestOrigin(kept.get("browser", ""), kept.get("address", ""))
    position = Position(fate.asked_at, is_event=False, number=fate.number)
    return Entry(position, fate.kind, place, {}, fate)
