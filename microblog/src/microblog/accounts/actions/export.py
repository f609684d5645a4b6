"""The export of everything that the site stores about a person; docs/accounts.md describes it.

It contains no secrets, nor anything from which one could be guessed: no password hash, no digest of
a session's or a browser's secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from flask_outbox.operations import events_within, messages_within, opt_outs_of
from microblog.accounts.actions.personal_data import PersonalData
from microblog.accounts.audit.address_history import address_spans
from microblog.accounts.audit.security_log import SecurityEventType, record
from microblog.accounts.models import (
    Authenticator,
    EmailChange,
    KnownBrowser,
    LoginSession,
    Passkey,
    RecoveryCode,
    SecurityEvent,
    User,
)
from microblog.database import Model
from microblog.web.scope import Scope

FORMAT = "microblog-export"
VERSION = 1

ACCOUNT = (
    "username", "display_name", "email", "email_verified_at", "registered_at", "last_seen_at",
    "is_admin", "disabled_at", "deletes_at", "second_factor_ends_at", "locale", "time_zone",
)  # fmt: skip
SESSION = ("created_at", "seen_at", "remembered", "browser", "address", "methods", "proved_at")
BROWSER = ("seen_at", "trusted_until")
PASSKEY = ("name", "created_at", "used_at", "is_synced", "transports", "sign_count")
AUTHENTICATOR = ("created_at", "confirmed_at", "used_at")
RECOVERY_CODE = ("created_at", "used_at")
EVENT = ("kind", "at", "browser", "address", "details")
CHANGE = ("old_email", "new_email", "requested_at", "confirmed_at", "undo_until", "undone_at")


def export(
    session: Session, user: User, parts: Iterable[PersonalData], *, now: datetime
) -> dict[str, Any]:
    """Return the export, ready for JSON; moments are texts as in RFC 3339, in UTC."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": moment(now),
        "account": _members(user, ACCOUNT),
        "sessions": _rows(session, LoginSession, user, SESSION),
        "known_browsers": _rows(session, KnownBrowser, user, BROWSER),
        "passkeys": _rows(session, Passkey, user, PASSKEY),
        "authenticators": _rows(session, Authenticator, user, AUTHENTICATOR),
        "recovery_codes": _rows(session, RecoveryCode, user, RECOVERY_CODE),
        "security_events": _rows(session, SecurityEvent, user, EVENT),
        "email_changes": _rows(session, EmailChange, user, CHANGE),
        "mail": _mail(session, user),
        "mail_events": _mail_events(session, user),
        "mail_opt_outs": _mail_opt_outs(session, user, now=now),
    }
    for part in parts:
        found |= part.collect(session, user.id)
    return found


def record_export(session: Session, user_id: int, scope: Scope) -> None:
    """Record that the data was exported."""
    record(session, user_id, SecurityEventType.EXPORTED, scope)


def moment(value: datetime | None) -> str | None:
    """Format a moment as the export does, like 2026-03-01T12:00:00+00:00."""
    return value.isoformat() if value else None


def _rows(
    session: Session, model: type[Any], user: User, names: Sequence[str]
) -> list[dict[str, Any]]:
    own = select(model).where(model.user_id == user.id)
    rows = session.scalars(own.order_by(*inspect(model).primary_key))
    return [_members(row, names) for row in rows]


def _members(row: Model, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: moment(value) if isinstance(value, datetime) else value
        for name, value in values.items()
    }


def _mail(session: Session, user: User) -> list[dict[str, Any]]:
    """List what was mailed to each address while it was the account's; no texts are stored."""
    return [
        {
            "kind": message.kind,
            "to": message.recipient,
            "status": str(message.status),
            "at": _unix_moment(message.created_at),
        }
        for span in address_spans(session, user, since=user.registered_at)
        for message in messages_within(session, span)
    ]


def _mail_events(session: Session, user: User) -> list[dict[str, Any]]:
    """List what servers and readers said of that mail after it was sent."""
    return [
        {
            "to": event.recipient_key,
            "meaning": event.meaning,
            "code": event.code,
            "words": event.words,
            "at": _unix_moment(event.at),
        }
        for span in address_spans(session, user, since=user.registered_at)
        for event in events_within(session, span)
    ]


def _mail_opt_outs(session: Session, user: User, *, now: datetime) -> list[dict[str, Any]]:
    """List what the account's address gets no mail of, and since when."""
    return [
        {
            "to": one.address_key,
            "list": one.list,
            "reason": one.reason,
            "since": _unix_moment(one.since),
            "until": None if one.until is None else _unix_moment(one.until),
        }
        for span in address_spans(session, user, since=user.registered_at)
        if span.until is None
        for one in opt_outs_of(session, span.key, now=now.timestamp())
    ]


def _unix_moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
