"""People who chose emails, and what they got."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from flask_outbox.application import state_of
from flask_outbox.outbox.models import OutboxMessage
from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.notifications.email_preferences import (
    EmailChoice,
    EmailedKind,
    Frequency,
    choose,
)
from tests.smtp_server import Received, ScriptedServer
from tests.visitor import deliver_from

EMAILS = "notifications."


def want(
    user_id: int,
    frequency: Frequency,
    *kinds: EmailedKind,
    hour: int = 8,
    weekday: int = 0,
    zone: str | None = "UTC",
    at: datetime | None = None,
) -> None:
    """Choose this for these kinds, or for all, and nothing for the others."""
    frequencies = {
        kind: frequency if kind in (kinds or tuple(EmailedKind)) else Frequency.NEVER
        for kind in EmailedKind
    }
    choice = EmailChoice(frequencies, hour, weekday)
    with transaction() as writing:
        choose(writing, user_id, choice, zone=zone, locale="en", now=at or utc_now())


def look(app: Flask, now: datetime) -> None:
    """Look for due bundles, as the dispatcher does."""
    task = state_of(app).outbox.periodic_tasks["notifications.bundles"]
    more = True
    while more:
        with clock_at(app, now), transaction() as writing:
            more = task(writing, now.timestamp())


def seen(user_id: int, at: datetime) -> None:
    with transaction() as writing:
        writing.execute(update(User).where(User.id == user_id).values(last_seen_at=at))


def rows(kind: str = "") -> list[OutboxMessage]:
    """The emails that were enqueued, of this type or of all."""
    found = db.session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)).all()
    return [one for one in found if one.kind.startswith(kind or EMAILS)]


@contextmanager
def clock_at(app: Flask, moment: datetime) -> Iterator[None]:
    """Let the outbox believe that it is this moment."""
    outbox: Any = state_of(app).outbox
    before = outbox.clock
    outbox.clock = moment.timestamp
    try:
        yield
    finally:
        outbox.clock = before


def mailed(app: Flask, smtp: ScriptedServer, now: datetime) -> list[Received]:
    """What leaves at this moment."""
    count = len(smtp.received)
    with clock_at(app, now):
        deliver_from(app)
    return list(smtp.received[count:])
