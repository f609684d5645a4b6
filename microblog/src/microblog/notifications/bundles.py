"""Bundles that are due are enqueued in bulk, and mail that nobody reads stops by itself.

Each person has the moments of their own clock. Several processes may look at once: a row that one
of them has locked is left to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import literal_column, select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.models import User
from microblog.accounts.visibility import is_visible
from microblog.messages.models import Participation
from microblog.notifications.email_preferences import (
    EmailedKind,
    Window,
    due_windows,
    reschedule,
    stop,
)
from microblog.notifications.models import EmailPreference, Notification
from microblog.notifications.notifications import WRITTEN_TO_READER
from microblog.web.times import from_unix

DIGEST_KIND = "notifications.digest"
SILENCE_KIND = "notifications.silence"

LOOKED_EVERY = timedelta(minutes=1)

SILENCE = timedelta(days=60)
"""After so long without a visit, the mail stops: addresses that nobody reads become traps."""

ENQUEUED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Messages:
    """What to enqueue, as `Outbox.enqueue_many` takes it."""

    digests: list[Mapping[str, Any]] = field(default_factory=list)
    last_ones: list[Mapping[str, Any]] = field(default_factory=list)


def register_periodic_tasks(outbox: Outbox) -> None:
    """Look for due bundles each minute, in whatever process delivers."""
    outbox.register_periodic_task(
        "notifications.bundles",
        lambda session, now: enqueue_due(session, outbox, datetime.fromtimestamp(now, UTC)),
        every=LOOKED_EVERY,
    )


def enqueue_due(session: Session, outbox: Outbox, now: datetime) -> bool:
    """Enqueue a batch of the bundles that are due; return whether there may be more."""
    wanted = (
        select(EmailPreference, User)
        .join(User, User.id == EmailPreference.user_id)
        .where(EmailPreference.next_at <= now)
        .order_by(EmailPreference.next_at)
        .limit(ENQUEUED_AT_ONCE)
        .with_for_update(of=EmailPreference, skip_locked=True)
    )
    due = [(preference, user) for preference, user in session.execute(wanted)]
    unread = _with_unread(session, [user.id for _, user in due])
    messages = _Messages()
    for preference, user in due:
        if is_visible(user) and user.email_verified_at is not None:
            _add(messages, preference, user, is_unread=user.id in unread, now=now)
        reschedule(preference, user.time_zone, now=now)
    session.flush()
    outbox.enqueue_many(session, DIGEST_KIND, messages.digests)
    outbox.enqueue_many(session, SILENCE_KIND, messages.last_ones)
    return len(due) == ENQUEUED_AT_ONCE


def window_arguments(user_id: int, windows: Mapping[EmailedKind, Window]) -> dict[str, Any]:
    """What an email about these windows is enqueued with."""
    return {
        "user_id": user_id,
        "windows": {
            kind.value: [since.timestamp(), until.timestamp()]
            for kind, (since, until) in windows.items()
        },
    }


def windows_of(arguments: Mapping[str, Any]) -> dict[EmailedKind, Window]:
    """The windows that an email was enqueued with."""
    return {
        EmailedKind(kind): (from_unix(since), from_unix(until))
        for kind, (since, until) in arguments["windows"].items()
    }


def _with_unread(session: Session, user_ids: Collection[int]) -> set[int]:
    """Those of these people who may have something unread: most have nothing, and get no row."""
    posts = select(Notification.user_id).where(
        Notification.user_id.in_(user_ids),
        Notification.kind.in_([kind.value for kind in WRITTEN_TO_READER]),
        # The very words of the index.
        Notification.read_at.is_(None),
    )
    messages = select(Participation.user_id).where(
        Participation.user_id.in_(user_ids), Participation.unread > literal_column("0")
    )
    return {*session.scalars(posts.distinct()), *session.scalars(messages.distinct())}


def _add(
    messages: _Messages, preference: EmailPreference, user: User, *, is_unread: bool, now: datetime
) -> None:
    message = {"to": user.email, "locale": user.locale or preference.locale}
    if _is_silent(preference, user, now=now):
        stop(preference, now=now)
        key = f"{SILENCE_KIND}:{user.id}:{now.timestamp()}"
        messages.last_ones.append({**message, "arguments": {"user_id": user.id}, "key": key})
        return
    windows = due_windows(preference, user.time_zone, now=now)
    for kind, (_, until) in windows.items():
        setattr(preference, f"{kind.value}_since", until)
    if windows and is_unread:
        end = max(until for _, until in windows.values())
        key = f"{DIGEST_KIND}:{user.id}:{end.timestamp()}"
        arguments = window_arguments(user.id, windows)
        messages.digests.append({**message, "arguments": arguments, "key": key})


def _is_silent(preference: EmailPreference, user: User, *, now: datetime) -> bool:
    return now - max(user.last_seen_at or user.registered_at, preference.chosen_at) > SILENCE
