"""A dispatcher that is killed again and again while mail waits, and what became of each message.

Shared by the measurement (`benchmarks.kill`) and by the test of the same thing with fewer kills.
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

from benchmarks.forking import Dispatching, Forker
from flask_outbox import current_outbox
from flask_outbox.outbox.models import IS_WAITING, Status
from microblog.accounts.models import User
from microblog.database import db, is_sqlite, transaction, utc_now
from microblog.settings import Settings, as_environment
from tests.mail.killed_dispatcher import AFTER_ADMISSION, POINTS

LEASE_SECONDS = 2.0
SINK_DELAY = 0.005
"""Seconds: long enough that each connection has a message in flight at most moments."""

RESET_EVERY = 10
"""Every so manieth message is a reset, for an account of its own; it is urgent and guarded."""

AT_A_MOMENT = "at a random moment"
WAYS = (*POINTS, AT_A_MOMENT)

LONGEST_MOMENT = 0.25
REACHED_WITHIN = 30.0
REST_WITHIN = 120.0
"""Seconds: from the first claim to a kill; for a step to be reached; for all to be delivered."""

APPLICATION = "microblog killed"


@dataclass
class Outcome:
    """What the log of the mail server and the outbox say at the end, in numbers of messages.

    `lost` never reached the server. `strange` ones have a Message-ID that no row has. `unexplained`
    copies are more than the kills at which the message was in flight. `claims` counts rows whose
    attempts are not what the kills explain. `clean_end` is how the last dispatcher, which nobody
    killed, ended. `words` tell about each message that is lost or not sent.
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
    """Kills the dispatcher of one site. `taken` is where its mail server notes Message-IDs."""

    def __init__(self, app: Flask, settings: Settings, taken: Path, chance: random.Random) -> None:
        self._app = app
        self._environment = as_environment(settings) | {"DATABASE_URL": _named(settings)}
        self._taken = taken
        self._log = taken.with_suffix(".log")
        self._chance = chance
        self._posted = 0
        self._claims: dict[int, int] = {}
        self._deaths: Counter[int] = Counter()

    def run(self, messages: int, kills: int) -> Outcome:
        """Post a part of the messages before each kill, and deliver the rest after the last."""
        outcome = Outcome(messages)
        with self._app.app_context(), Forker() as forker:
            for number in range(kills):
                each = messages * (number + 1) // kills - self._posted
                self._post(each)
                way = self._kill(forker, WAYS[number % len(WAYS)], each)
                outcome.kills[way] += 1
                outcome.in_flight += self._note_what_was_in_flight()
            outcome.clean_end = self._deliver_the_rest(forker)
            self._judge(outcome)
        return outcome

    def _post(self, count: int) -> None:
        outbox = current_outbox()
        with transaction() as writing:
            for number in range(self._posted, self._posted + count):
                address = f"user{number}@example.com"
                if number % RESET_EVERY == 0:
                    writing.execute(insert(User).values(_account(f"user{number}", address)))
                    outbox.enqueue(writing, "accounts.reset_password", address)
                else:
                    outbox.send_email(
                        f"Hello {number}", None, [address], "A line.\n" * 20, session=writing
                    )
        self._posted += count

    def _kill(self, forker: Forker, way: str, messages: int) -> str:
        """Start a dispatcher and see it killed; returns how."""
        if way == AT_A_MOMENT:
            dispatching = self._start(forker)
            dispatching.begun(seconds=REACHED_WITHIN)
            time.sleep(self._chance.uniform(0, LONGEST_MOMENT))
            code = dispatching.signal(signal.SIGKILL)
        else:
            passing = messages // RESET_EVERY if way == AFTER_ADMISSION else messages
            call = self._chance.randint(1, max(passing * 3 // 4, 1))
            dispatching = self._start(forker, way, call)
            ended = dispatching.ended(seconds=REACHED_WITHIN)
            if ended is None:
                way, ended = AT_A_MOMENT, dispatching.signal(signal.SIGKILL)
            code = ended
        assert code == -signal.SIGKILL, f"the dispatcher ended by itself, with {code}"
        return way

    def _start(
        self, forker: Forker, point: str | None = None, call: int | None = None
    ) -> Dispatching:
        return forker.start(
            self._environment, lease=LEASE_SECONDS, log=self._log, point=point, call=call
        )

    def _note_what_was_in_flight(self) -> int:
        """Rows that the killed one had claimed and not settled; returns how many."""
        self._wait_for_its_last_commits()
        claimed = _rows(
            "SELECT id, attempts, due_at FROM outbox WHERE attempts > 0 AND settled_at IS NULL"
        )
        assert all(due_at <= time.time() + LEASE_SECONDS for *_row, due_at in claimed)
        fresh = [number for number, claims, _ in claimed if claims > self._claims.get(number, 0)]
        self._claims.update((number, claims) for number, claims, _ in claimed)
        self._deaths.update(fresh)
        return len(fresh)

    @staticmethod
    def _wait_for_its_last_commits() -> None:
        """PostgreSQL finishes what it was told, although the one who told it is dead."""
        while not is_sqlite() and _rows(
            f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{APPLICATION}'"
            " AND datname = current_database()"
        ):
            time.sleep(0.005)

    def _deliver_the_rest(self, forker: Forker) -> bool:
        """Whether a dispatcher that nobody kills brings everything to an end, and ends well."""
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
        for number, message_id, status, attempts, answer in rows:
            copies = taken[message_id] - 1
            if copies < 0:
                outcome.lost += 1
                outcome.words.append(f"lost: message {number}, {status}: {answer}")
            outcome.copies += max(copies, 0)
            outcome.unexplained += max(copies - self._deaths[number], 0)
            outcome.claims += attempts != self._deaths[number] + 1
            if status != Status.SENT:
                outcome.not_sent += 1
                outcome.words.append(f"message {number}, {attempts} claims, {status}: {answer}")


def _named(settings: Settings) -> str:
    """The address of the database, so that the dispatcher's connections can be told from ours."""
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
