"""Kill a dispatcher again and again while mail waits, and check what became of each message.

Shared by the benchmark (`benchmarks.kill`) and by a test with fewer kills.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert, make_url, text

from benchmarks.forking import CELERY, PROCESS, THREAD, Dispatching, Forker
from flask_outbox import current_outbox
from flask_outbox.outbox.models import IS_WAITING, Status
from microblog.accounts.models import User
from microblog.database import db, is_sqlite, transaction, utc_now
from microblog.settings import Settings, as_environment
from tests.mail.killed_dispatcher import AFTER_ADMISSION, POINTS

LEASE_SECONDS = 2.0
SINK_DELAY = 0.005
"""Seconds: enough that each connection has a message in flight most of the time."""

RESET_EVERY = 10
"""One in so many messages is a reset, each for another account: it is urgent, and counts towards
the recipient limit."""

AT_A_MOMENT = "at a random moment"
WAYS = (*POINTS, AT_A_MOMENT)

LONGEST_MOMENT = 0.25
REACHED_WITHIN = 30.0
REST_WITHIN = 120.0
"""Seconds: from the first claim to a kill; for a step to be reached; for all to be delivered."""

APPLICATION = "microblog killed"

NOTIFY = "notify"
HOW = (PROCESS, THREAD, NOTIFY, CELERY)
"""What is killed: the process, the process in a thread of which the dispatcher runs, one that waits
for a NOTIFY, since the messages are enqueued when it listens, or a Celery worker, which takes the
tasks that were sent when the messages were enqueued."""


@dataclass
class Outcome:
    """How the log of the mail server and the outbox compare at the end, in numbers of messages.

    `lost` ones never reached the server. `strange` ones have a Message-ID that no row has.
    `unexplained` copies exceed the kills at which the message was in flight. `claims` counts rows
    with another number of attempts than the kills explain. `clean_end` says whether the last
    dispatcher, which is not killed, ended well. `words` describe each message lost or not sent.
    """

    messages: int
    kills: Counter[str] = field(default_factory=Counter)
    in_flight: int = 0
    copies: int = 0
    lost: int = 0
    strange: int = 0
    unexplained: int = 0
    claims: int = 0
    not_sent: int = 0
    clean_end: bool = False
    words: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        wrong = self.lost + self.strange + self.unexplained + self.claims + self.not_sent
        return wrong == 0 and self.clean_end


class Campaign:
    """Kills the dispatcher of one site. `taken` is the file of its mail server's Message-IDs, and
    `how` one of HOW."""

    def __init__(
        self,
        app: Flask,
        settings: Settings,
        taken: Path,
        chance: random.Random,
        *,
        how: str = PROCESS,
    ) -> None:
        self._how = how
        self._app = app
        self._environment = as_environment(settings) | {"DATABASE_URL": _named(settings)}
        self._taken = taken
        self._log = taken.with_suffix(".log")
        self._chance = chance
        self._enqueued = 0
        self._claims: dict[int, int] = {}
        self._deaths: Counter[int] = Counter()

    def run(self, messages: int, kills: int) -> Outcome:
        """Enqueue a part of the messages before each kill, and deliver the rest after the last."""
        outcome = Outcome(messages)
        with self._app.app_context(), Forker() as forker:
            for number in range(kills):
                each = messages * (number + 1) // kills - self._enqueued
                if self._how != NOTIFY:
                    self._enqueue(each)
                way = self._kill(forker, WAYS[number % len(WAYS)], each)
                outcome.kills[way] += 1
                outcome.in_flight += self._record_in_flight()
            outcome.clean_end = self._deliver_the_rest(forker)
            self._judge(outcome)
        return outcome

    def _enqueue(self, count: int) -> None:
        outbox = current_outbox()
        with transaction() as writing:
            for number in range(self._enqueued, self._enqueued + count):
                address = f"user{number}@example.com"
                if number % RESET_EVERY == 0:
                    writing.execute(insert(User).values(_account(f"user{number}", address)))
                    outbox.enqueue(writing, "accounts.reset_password", address)
                else:
                    outbox.send_email(
                        f"Hello {number}", None, [address], "A line.\n" * 20, session=writing
                    )
        self._enqueued += count

    def _kill(self, forker: Forker, way: str, messages: int) -> str:
        """Start a dispatcher and kill it; return where that happened."""
        if way == AT_A_MOMENT:
            dispatching = self._start(forker, messages)
            dispatching.begun(seconds=REACHED_WITHIN)
            time.sleep(self._chance.uniform(0, LONGEST_MOMENT))
            code = dispatching.signal(signal.SIGKILL)
        else:
            passing = messages // RESET_EVERY if way == AFTER_ADMISSION else messages
            call = self._chance.randint(1, max(passing * 3 // 4, 1))
            dispatching = self._start(forker, messages, way, call)
            ended = dispatching.ended(seconds=REACHED_WITHIN)
            if ended is None:
                way, ended = AT_A_MOMENT, dispatching.signal(signal.SIGKILL)
            code = ended
        assert code == -signal.SIGKILL, f"the dispatcher ended by itself, with {code}"
        return way

    def _start(
        self,
        forker: Forker,
        messages: int = 0,
        point: str | None = None,
        call: int | None = None,
    ) -> Dispatching:
        """Start a dispatcher; one that is to be notified of these messages gets them then."""
        started = forker.start(
            self._environment,
            lease=LEASE_SECONDS,
            log=self._log,
            point=point,
            call=call,
            how=PROCESS if self._how == NOTIFY else self._how,
        )
        if self._how == NOTIFY and messages:
            self._enqueue_when_it_listens(messages)
        return started

    def _enqueue_when_it_listens(self, messages: int) -> None:
        """Enqueue them one commit at a time, so that each is notified; if none listens, at last."""
        deadline = time.monotonic() + REACHED_WITHIN
        while time.monotonic() < deadline and not _rows(
            f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"
            " AND datname = current_database() AND query LIKE 'LISTEN %'"
        ):
            time.sleep(0.005)
        for _ in range(messages):
            self._enqueue(1)

    def _record_in_flight(self) -> int:
        """Record which rows the killed dispatcher had claimed and not settled; return how many."""
        self._wait_for_last_commits()
        claimed = _rows(
            "SELECT id, attempts, due_at FROM outbox WHERE attempts > 0 AND settled_at IS NULL"
        )
        assert all(due_at <= time.time() + LEASE_SECONDS for *_row, due_at in claimed)
        fresh = [row_id for row_id, claims, _ in claimed if claims > self._claims.get(row_id, 0)]
        self._claims.update((row_id, claims) for row_id, claims, _ in claimed)
        self._deaths.update(fresh)
        return len(fresh)

    @staticmethod
    def _wait_for_last_commits() -> None:
        """Wait for PostgreSQL, which finishes a statement although its client is dead."""
        while not is_sqlite() and _rows(
            f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"
            " AND datname = current_database()"
        ):
            time.sleep(0.005)

    def _deliver_the_rest(self, forker: Forker) -> bool:
        """Start a dispatcher, stop it once everything is settled; return whether it ends well."""
        dispatching = self._start(forker)
        deadline = time.monotonic() + REST_WITHIN
        while time.monotonic() < deadline and _rows(
            f"SELECT 1 FROM outbox WHERE {IS_WAITING} LIMIT 1"
        ):
            time.sleep(0.05)
        return dispatching.signal(signal.SIGTERM) == 0

    def _judge(self, outcome: Outcome) -> None:
        taken = Counter(self._taken.read_text().split())
        rows = _rows("SELECT id, message_id, status, attempts, answer FROM outbox")
        outcome.strange = len(taken.keys() - {row[1] for row in rows})
        for row_id, message_id, status, attempts, answer in rows:
            copies = taken[message_id] - 1
            if copies < 0:
                outcome.lost += 1
                outcome.words.append(f"lost: message {row_id}, {status}: {answer}")
            outcome.copies += max(copies, 0)
            outcome.unexplained += max(copies - self._deaths[row_id], 0)
            outcome.claims += attempts != self._deaths[row_id] + 1
            if status != Status.SENT:
                outcome.not_sent += 1
                outcome.words.append(f"message {row_id}, {attempts} claims, {status}: {answer}")


def _named(settings: Settings) -> str:
    """The database's address with an application name that marks the dispatcher's connections."""
    url = make_url(settings.DATABASE_URL)
    if url.get_backend_name() == "postgresql":
        url = url.update_query_dict({"application_name": APPLICATION})
    return url.render_as_string(hide_password=False)


def _account(name: str, address: str) -> dict[str, object]:
    return {
        "username": name,
        "username_key": name,
        "email": address,
        "email_key": address,
        "password_hash": "unused",
        "registered_at": utc_now(),
    }


def _rows(sql: str) -> Sequence[tuple[Any, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]
