"""Are digests composed fast enough for a site with many readers?

Each reader has two unread posts and an unread message, and gets one digest, whose row the periodic
task enqueues. Beside them as many resets are enqueued. All are composed in one thread, each in a
session of its own as when it leaves, a hundred digests and a hundred resets in turns, so that other
load affects both. How soon resets overtake digests is another question.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, text

from benchmarks.databases import engines, fresh_database
from benchmarks.filling import tidy
from benchmarks.reporting import Report, parse
from flask_outbox import ComposeContext, Email, OutboxMessage, current_outbox, parse_address
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.notifications.bundles import DIGEST_KIND, enqueue_due
from microblog.notifications.email_preferences import EmailedKind, Frequency
from microblog.notifications.models import EmailPreference, Notification
from microblog.schema import upgrade
from microblog.settings import Settings

AT_LEAST = 1 / 3
AUTHOR = 1
IN_TURNS = 100
BODY = "Put your ear close to it, and wait. Ten minutes of music that nobody wrote. @user"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digests", type=int, default=10_000)
    options, full = parse(parser)
    report = Report("digests", __doc__, full=full)
    table = report.table("Database", "Enqueued a second", "Composed a second")
    for engine in engines(report):
        enqueued, composed = measure(engine, options.digests)
        for words, kind in (("digests", DIGEST_KIND), ("resets", RESET_KIND)):
            table.row(f"{engine}, {words}", f"{enqueued[kind]:,.0f}", f"{composed[kind]:,.0f}")
        ratio = composed[DIGEST_KIND] / composed[RESET_KIND]
        report.promise(
            f"On {engine}, {options.digests:,} digests are composed at no less than a third of the"
            " rate of resets",
            measured=f"{ratio:.2f} × ({composed[DIGEST_KIND]:,.0f} a second)",
            kept=ratio >= AT_LEAST,
        )
    report.finish()


def measure(engine: str, count: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return how many of each kind are enqueued, and how many composed, a second."""
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name,
        fresh_database(engine, Path(name), name="digests") as url,
    ):
        settings = Settings(
            SECRET_KEY="a secret for a benchmark only, long enough",
            DATABASE_URL=url,
            INSTANCE_PATH=Path(name),
        )
        app = create_app(settings)
        with app.app_context():
            upgrade()
            fill(count)
            enqueue: dict[str, Callable[[], None]] = {
                DIGEST_KIND: enqueue_digests,
                RESET_KIND: partial(_enqueue_resets, count),
            }
            enqueued = {kind: count / _seconds(write) for kind, write in enqueue.items()}
            tidy(db.engine)
            rows = {kind: _rows(kind) for kind in enqueue}
            taken = dict.fromkeys(enqueue, 0.0)
            for begin in range(0, count, IN_TURNS):
                for kind in enqueue:
                    some = rows[kind][begin : begin + IN_TURNS]
                    taken[kind] += _seconds(partial(_compose, kind, some))
            db.engine.dispose()
    return enqueued, {kind: count / seconds for kind, seconds in taken.items()}


def fill(count: int) -> None:
    """Readers with two posts and a message each that they have not seen: user2, user3 and so on."""
    now = utc_now()
    before = now - timedelta(hours=1)
    readers = range(AUTHOR + 1, AUTHOR + 1 + count)
    chosen: dict[str, Any] = {}
    for kind in EmailedKind:
        chosen |= {
            kind.value: Frequency.DAILY.value,
            f"{kind.value}_since": now - timedelta(days=1),
        }
    due = {"hour": now.astimezone(UTC).hour, "weekday": 0, "locale": "en", "next_at": now}
    tables: dict[Any, list[dict[str, Any]]] = {
        User: [_account(number, now) for number in (AUTHOR, *readers)],
        Post: [
            {"id": 2 * reader + one, "user_id": AUTHOR, "body": BODY, "created_at": before}
            for reader in readers
            for one in (0, 1)
        ],
        Notification: [
            {
                "user_id": reader,
                "kind": ("reply", "mention")[one],
                "actor_id": AUTHOR,
                "post_id": 2 * reader + one,
                "created_at": before - timedelta(hours=1),
            }
            for reader in readers
            for one in (0, 1)
        ],
        Conversation: [{"id": one, "first_id": AUTHOR, "second_id": one} for one in readers],
        PrivateMessage: [
            {
                "id": one,
                "conversation_id": one,
                "sender_id": AUTHOR,
                "body": BODY,
                "created_at": before - timedelta(hours=1),
            }
            for one in readers
        ],
        Participation: [
            {
                "user_id": one,
                "conversation_id": one,
                "other_id": AUTHOR,
                "last_message_id": one,
                "unread": 1,
            }
            for one in readers
        ],
        EmailPreference: [
            {"user_id": one, **chosen, **due, "chosen_at": now, "time_zone": "UTC"}
            for one in readers
        ],
    }
    with transaction() as writing:
        for model, rows in tables.items():
            writing.execute(insert(model), rows)
        # As after a while of use.
        writing.execute(text("ANALYZE"))


def _account(number: int, now: datetime) -> dict[str, Any]:
    name = f"user{number}"
    return {
        "id": number,
        "username": name,
        "username_key": name,
        "username_skeleton": name,
        "email": f"{name}@example.com",
        "email_key": f"{name}@example.com",
        "password_hash": "-",
        "registered_at": now,
        "email_verified_at": now,
    }


def enqueue_digests() -> None:
    """Enqueue all digests that are due, as the periodic task does."""
    more = True
    while more:
        with transaction() as writing:
            more = enqueue_due(writing, current_outbox(), utc_now())


def _enqueue_resets(count: int) -> None:
    readers = range(AUTHOR + 1, AUTHOR + 1 + count)
    with transaction() as writing:
        about = {"at": time.time(), "browser": "Firefox on Linux", "address": "203.0.113.0/24"}
        resets = ({"to": f"user{one}@example.com", "arguments": about} for one in readers)
        current_outbox().enqueue_many(writing, RESET_KIND, resets)


def _rows(kind: str) -> Sequence[Any]:
    """The recipient, its key and the arguments of each message of this kind."""
    row = OutboxMessage
    wanted = select(row.recipient, row.recipient_key, row.arguments).where(row.kind == kind)
    with db.engine.connect() as connection:
        return connection.execute(wanted).all()


def _compose(kind: str, rows: Sequence[Any]) -> None:
    outbox = current_outbox()
    email_type = outbox.email_types[kind]
    for recipient, key, arguments in rows:
        url = outbox.unsubscribe_url(key, email_type.list) if email_type.list else ""
        context = ComposeContext(
            parse_address(recipient), "en", arguments, time.time(), 1, unsubscribe_url=url
        )
        with outbox.sessions() as session, outbox.delivery.in_locale("en"):
            composed = email_type.compose(session, context)
        assert isinstance(composed, Email), composed


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
