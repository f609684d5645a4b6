"""A running site whose database or limit store goes away, and comes back."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import psycopg
import pytest

from flask_outbox.outbox.models import Status
from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.cli.smoke_test import Browser
from microblog.database import db
from microblog.settings import Settings
from tests.celery.own_brokers import OwnRedis, has_own
from tests.cli.running import HOST, Running, run_command, running
from tests.cli.test_run import SECRET, environment_of
from tests.own_postgresql import OwnPostgreSQL, postgresql_programs
from tests.services import need
from tests.smtp_server import ScriptedServer
from tests.visitor import make_user
from tests.waiting import eventually

pytestmark = pytest.mark.slow

PEOPLE = 30
METRICS_TOKEN = "a token for tests only, long enough"

TAKEN, NOT_SAVED = "Check your email for the instructions", "Nothing was saved."

WELL: tuple[object, ...] = (200, TAKEN, (200, "ok", []), {"ready": 1.0, "rate_limits": 0.0})
AWAY = (503, NOT_SAVED, (503, "unavailable", "database"), {"ready": 0.0})
READ_ONLY = (200, *AWAY[1:])
NO_STORE = (200, TAKEN, (200, "degraded", ["rate_limits"]), {"ready": 1.0, "rate_limits": 1.0})


@dataclass
class Site:
    """A running site, with its own database and limit store."""

    running: Running
    database: OwnPostgreSQL
    store: OwnRedis
    asked: list[str] = field(default_factory=list)
    """The addresses that asked for a reset and were told that it was taken."""

    def look(self) -> tuple[object, ...]:
        """What people and programs see: a page, a form, whether it is ready, the metrics."""
        assert self._open("/healthz")[0] == 200
        return (self._open("/explore")[0], self.ask(), self._readiness(), self._metrics())

    def ask(self) -> str:
        """Ask for a reset; return what the answer says."""
        address = f"person{len(self.asked)}@example.com"
        browser = Browser(f"http://{HOST}:{self.running.port}")
        browser.open("/reset_password_request")
        page = browser.submit(email=address)
        (said,) = [words for words in (TAKEN, NOT_SAVED) if words in page] or [page]
        if said == TAKEN:
            self.asked.append(address)
        return said

    def statuses(self) -> list[str]:
        """How each message ended."""
        with psycopg.connect(self.database.url) as connection:
            rows = connection.execute("SELECT status FROM outbox ORDER BY id").fetchall()
        return [status for (status,) in rows]

    def logged(self) -> list[str]:
        """The lines in the logs of both processes, without their beginning."""
        logs = (self.running.output.parent / "logs").iterdir()
        lines = [line for log in sorted(logs) for line in log.read_text().splitlines()]
        assert not [line for line in lines if "Traceback" in line]
        return [line.partition("]: ")[2] for line in lines]

    def says_that_all_is_over(self) -> bool:
        """Whether each trouble in the logs has an end; if not, send one more form.

        By a form the site notices that the limit store is back, which it tries ever more rarely.
        """
        if troubles(self.logged()) == troubles_over(self.logged()):
            return True
        self.ask()
        time.sleep(1)
        return False

    def is_ready(self) -> str:
        """The status that /readyz gives; empty where it is no success."""
        code, status, _which = self._readiness()
        return status if code == 200 else ""

    def _open(self, path: str) -> tuple[int, str]:
        request = Request(f"http://{HOST}:{self.running.port}{path}")
        request.add_header("Authorization", f"Bearer {METRICS_TOKEN}")
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()

    def _readiness(self) -> tuple[int, str, object]:
        status, body = self._open("/readyz")
        said = json.loads(body)
        return status, said["status"], said.get("degraded", said.get("reason"))

    def _metrics(self) -> dict[str, float]:
        status, body = self._open("/metrics")
        assert status == 200
        lines = r'^microblog_(ready|degraded\{part="rate_limits"\}) (\S+)$'
        found = re.findall(lines, body, re.MULTILINE)
        return {"ready" if name == "ready" else "rate_limits": float(n) for name, n in found}


@pytest.fixture
def site(tmp_path: Path, smtp: ScriptedServer) -> Iterator[Site]:
    need(postgresql_programs() is not None, "PostgreSQL's initdb")
    need(has_own("redis"), "redis-server")
    with ExitStack() as stack:
        database = stack.enter_context(OwnPostgreSQL())
        store = OwnRedis(tmp_path / "redis")
        stack.enter_context(store)
        environment = environment_of(
            tmp_path,
            smtp.port,
            DATABASE_URL=database.url,
            RATELIMIT_STORAGE_URI=store.url,
            METRICS_TOKEN=METRICS_TOKEN,
        )
        upgraded = run_command(["db", "upgrade"], environment, tmp_path)
        assert upgraded.returncode == 0, upgraded.stderr
        port = choose_free(HOST)
        run = partial(running, ["run", "--port", str(port)], environment, tmp_path, port)
        app = create_app(
            Settings(DATABASE_URL=database.url, INSTANCE_PATH=tmp_path, SECRET_KEY=SECRET)
        )
        for number in range(PEOPLE):
            make_user(app, f"person{number}")
        with app.app_context():
            db.engine.dispose()
        made = Site(stack.enter_context(run()), database, store)
        assert eventually(lambda: made.is_ready() == "ok")
        yield made


def test_outages_are_answered_in_words_logged_twice_and_cost_no_mail(
    site: Site, smtp: ScriptedServer
) -> None:
    assert site.look() == WELL
    smtp.wait_for(len(site.asked))
    with smtp.pause():
        site.ask()
        assert eventually(lambda: len(site.asked) == smtp.commands.count("DATA"))
        site.database.kill()
        assert [site.look() for _ in range(3)] == [AWAY] * 3
    # Its message was taken meanwhile, which nothing could be told of.
    smtp.wait_for(len(site.asked))
    site.database.start()
    assert eventually(site.is_ready)
    assert site.look() == WELL

    site.database.restart()
    assert site.look() == WELL, "lost connections are replaced before a page uses them"

    site.database.set("default_transaction_read_only", "on")
    assert eventually(lambda: not site.is_ready())
    assert [site.look() for _ in range(3)] == [READ_ONLY] * 3
    site.database.set("default_transaction_read_only", "off")
    assert eventually(site.is_ready)
    assert site.look() == WELL

    site.store.kill()
    assert [site.look() for _ in range(3)] == [NO_STORE] * 3
    site.store.start()
    assert eventually(lambda: site.is_ready() == "ok")
    assert site.look() == WELL

    smtp.wait_for(len(site.asked))
    # A message is claimed again where the database went away between its claim and its delivery.
    assert eventually(lambda: set(site.statuses()) == {Status.SENT}), site.statuses()
    assert sorted(one.recipients[0] for one in smtp.received) == sorted(site.asked)
    assert eventually(site.says_that_all_is_over)
    # The server was killed, restarted and read-only, each for a while and more than a few requests.
    assert set(troubles(site.logged()).values()) <= {1, 2, 3}


BEGINS = {
    "The database cannot be read: ": "The database can be read again.",
    "The database cannot be written: ": "The database can be written again.",
    "The outbox cannot be read: ": "The outbox can be read again.",
    "The outbox cannot be written: ": "The outbox can be written again.",
    "Cannot listen for new mail": "Listening for new mail again.",
    "The store of the rate limits is away": "The store of the rate limits is back.",
}


def troubles(lines: Sequence[str]) -> Counter[str]:
    """How often each trouble began."""
    return Counter(begin for line in lines for begin in BEGINS if line.startswith(begin))


def troubles_over(lines: Sequence[str]) -> Counter[str]:
    """How often each trouble ended."""
    return Counter(begin for line in lines for begin, end in BEGINS.items() if line == end)
