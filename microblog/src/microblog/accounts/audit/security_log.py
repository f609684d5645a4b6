"""The security log: what happened to an account, and the mail about it, for its owner to read.

Events and mail are in two tables, read as one list, newest first. Its pages begin at an entry
(keyset pagination).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.orm import Session

from flask_outbox.operations import MessageCursor, MessageOutcome, message_outcomes
from microblog.accounts.audit.address_history import address_spans
from microblog.accounts.models import SecurityEvent, User
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

KEPT = timedelta(days=90)
PAGE_SIZE = 30
PRUNED_AT_ONCE = 1000

MAIL_KINDS = "accounts."
"""What the names of all email types about accounts begin with."""


class SecurityEventType(StrEnum):
    """The types of events. Their values are stored; the pages have the sentences."""

    REGISTERED = "registered"
    VERIFICATION_ASKED = "verification_asked"
    """The owner asked for another link to verify the address."""
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
    """The owner pressed "this wasn't me" in a notice."""
    EXPORTED = "exported"
    DISABLED = "disabled"
    ENABLED = "enabled"
    RESET_STARTED = "reset_started"
    """An administrator had a reset link mailed to the owner."""
    ADMIN_MADE = "admin_made"
    ADMIN_UNMADE = "admin_unmade"
    MAIL_RESUMED = "mail_resumed"
    """The owner had mail tried again to an address that its server had refused."""
    AUTHENTICATOR_ADDED = "authenticator_added"
    AUTHENTICATOR_REMOVED = "authenticator_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    PASSKEY_COPIED = "passkey_copied"
    """Its counter went back: there may be two of it."""
    RECOVERY_CODES_RENEWED = "recovery_codes_renewed"
    RECOVERY_CODE_USED = "recovery_code_used"
    SECOND_STEP_FAILED = "second_step_failed"
    """A code was wrong after the right password."""
    SECOND_FACTOR_REMOVAL_ASKED = "second_factor_removal_asked"
    SECOND_FACTOR_REMOVAL_STOPPED = "second_factor_removal_stopped"
    SECOND_FACTOR_REMOVED = "second_factor_removed"
    POST_REMOVED = "post_removed"
    """An administrator removed a post of the owner's."""
    MESSAGE_REMOVED = "message_removed"
    """An administrator removed a private message of the owner's."""
    INVITATION_MADE = "invitation_made"
    """The owner, an administrator, made a link with which people can join."""
    INVITATION_REVOKED = "invitation_revoked"


class Group(StrEnum):
    """The groups of entries that can be shown."""

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
class Cursor:
    """Where a page begins: with the entries older than one, or with those newer.

    An entry is found by its Unix time, by whether it is an event or a mail, and by its id.
    """

    at: float
    is_event: bool
    id: int
    is_older: bool = field(default=True, compare=False)

    def __str__(self) -> str:
        return f"{self.at!r}-{'e' if self.is_event else 'm'}-{self.id}"

    @classmethod
    def of(cls, before: str | None, after: str | None) -> Cursor | None:
        """Read the cursor from the arguments of an address; nonsense means the newest page."""
        for text, is_older in ((before, True), (after, False)):
            found = _CURSOR.fullmatch(text or "")
            if found:
                return cls(float(found[1]), found[2] == "e", int(found[3]), is_older)
        return None


_CURSOR = re.compile(r"(\d{1,10}\.\d{1,9})-([em])-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event, or a message with its outcome. `kind` is the type of either."""

    cursor: Cursor
    kind: str
    origin: RequestOrigin
    details: Mapping[str, Any]
    outcome: MessageOutcome | None = None

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.cursor.at, UTC)


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first. `older` and `newer` are where the next pages begin, if any."""

    entries: Sequence[Entry]
    older: Cursor | None
    newer: Cursor | None


def record(
    session: Session,
    user_id: int,
    event_type: SecurityEventType,
    scope: Scope,
    **details: str,
) -> None:
    """Record an event in the transaction in which it happens. `details` contain no secret."""
    session.add(
        SecurityEvent(
            user_id=user_id,
            kind=event_type.value,
            at=scope.now,
            browser=scope.origin.browser,
            address=scope.origin.network,
            details=details,
        )
    )


def moments_of(
    session: Session, user_id: int, *event_types: SecurityEventType, since: datetime
) -> list[datetime]:
    """Return when events of these types happened to the account, after `since`."""
    return list(
        session.scalars(
            select(SecurityEvent.at).where(
                SecurityEvent.user_id == user_id,
                SecurityEvent.kind.in_([one.value for one in event_types]),
                SecurityEvent.at > since,
            )
        )
    )


def history(
    session: Session,
    user: User,
    *,
    now: datetime,
    cursor: Cursor | None = None,
    group: Group = Group.ALL,
    count: int = PAGE_SIZE,
) -> Page:
    """Return a page of the account's security log; without a cursor, the newest.

    The log goes back 90 days.
    """
    since = now - KEPT
    found = [
        *_events(session, user, since, cursor, group, count=count + 1),
        *_mails(session, user, since, cursor, group, count=count + 1),
    ]
    found.sort(key=lambda entry: entry.cursor, reverse=True)
    is_older, more = _is_older(cursor), len(found) > count
    entries = found[:count] if is_older else found[-count:]
    has_older = more if is_older else bool(entries)
    has_newer = bool(entries) and cursor is not None if is_older else more
    return Page(
        entries,
        entries[-1].cursor if has_older else None,
        entries[0].cursor if has_newer else None,
    )


def prune_events(session: Session, now: datetime) -> bool:
    """Delete a batch of old events; return whether there may be more."""
    old = session.scalars(
        select(SecurityEvent.id).where(SecurityEvent.at < now - KEPT).limit(PRUNED_AT_ONCE)
    ).all()
    session.execute(delete(SecurityEvent).where(SecurityEvent.id.in_(old)))
    return len(old) == PRUNED_AT_ONCE


def _events(
    session: Session,
    user: User,
    since: datetime,
    cursor: Cursor | None,
    group: Group,
    *,
    count: int,
) -> list[Entry]:
    if group is Group.MAIL:
        return []
    wanted = select(SecurityEvent).where(
        SecurityEvent.user_id == user.id, SecurityEvent.at >= since
    )
    if cursor is not None:
        wanted = wanted.where(_beyond(cursor))
    if group is not Group.ALL:
        is_access = SecurityEvent.kind.in_([one.value for one in ACCESS])
        wanted = wanted.where(is_access if group is Group.ACCESS else ~is_access)
    columns = (SecurityEvent.at, SecurityEvent.id)
    order = [column.desc() if _is_older(cursor) else column.asc() for column in columns]
    return [_event(event) for event in session.scalars(wanted.order_by(*order).limit(count))]


def _is_older(cursor: Cursor | None) -> bool:
    return cursor is None or cursor.is_older


def _event(event: SecurityEvent) -> Entry:
    cursor = Cursor(event.at.timestamp(), is_event=True, id=event.id)
    return Entry(cursor, event.kind, RequestOrigin(event.browser, event.address), event.details)


def _beyond(cursor: Cursor) -> ColumnElement[bool]:
    moment = datetime.fromtimestamp(cursor.at, UTC)
    event_id = min(cursor.id, MAX_ID)
    if not cursor.is_event:
        # The tables store times with different precision. An event at the time of a mail is newer.
        moment += timedelta(microseconds=moment.timestamp() < cursor.at)
        event_id = -1
    at, same = SecurityEvent.at, SecurityEvent.at == moment
    # The first half says what the second implies, in a form that an index can use.
    if cursor.is_older:
        return and_(at <= moment, or_(at < moment, and_(same, SecurityEvent.id < event_id)))
    return and_(at >= moment, or_(at > moment, and_(same, SecurityEvent.id > event_id)))


def _mails(
    session: Session,
    user: User,
    since: datetime,
    cursor: Cursor | None,
    group: Group,
    *,
    count: int,
) -> list[Entry]:
    if group not in {Group.ALL, Group.MAIL}:
        return []
    spans = address_spans(session, user, since=since)
    beside = _among_mails(cursor) if cursor else None
    found = message_outcomes(session, spans, kinds=MAIL_KINDS, cursor=beside, count=count)
    return [_mail(outcome) for outcome in found]


def _among_mails(cursor: Cursor) -> MessageCursor:
    if cursor.is_event:
        return MessageCursor(cursor.at, is_older=cursor.is_older)
    return MessageCursor(cursor.at, cursor.id, cursor.is_older)


def _mail(outcome: MessageOutcome) -> Entry:
    kept = outcome.arguments
    origin = RequestOrigin(kept.get("browser", ""), kept.get("address", ""))
    cursor = Cursor(outcome.asked_at, is_event=False, id=outcome.number)
    return Entry(cursor, outcome.kind, origin, {}, outcome)
