"""The clock is set while a site runs: forward, back, by a leap second, on a leap day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path

import pytest
from flask import Flask

from flask_outbox.outbox.models import Status
from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.cli.smoke_test import Browser
from microblog.settings import Settings
from tests.cli.running import HOST, Running, running
from tests.cli.test_run import SECRET, environment_of
from tests.outbox_rows import rows
from tests.services import need
from tests.smtp_server import Received, ScriptedServer
from tests.visitor import PASSWORD, make_user
from tests.waiting import eventually
from tests.wall_clock import WallClock, has_compiler

pytestmark = pytest.mark.slow

LEAP_DAY = datetime(2028, 2, 29, 23, 30, tzinfo=UTC)
HOUR = 3600

PEOPLE = ("susan", "bob", "carol", "dave", "erin")


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    need(has_compiler(), "a C compiler")
    made = WallClock(tmp_path)
    made.set(LEAP_DAY)
    return made


@pytest.fixture
def site(clock: WallClock, tmp_path: Path, smtp: ScriptedServer) -> Iterator[Running]:
    port = choose_free(HOST)
    environment = environment_of(tmp_path, smtp.port) | clock.environment
    with running(["run", "--port", str(port)], environment, tmp_path, port) as started:
        yield started


@pytest.fixture
def app(site: Running, tmp_path: Path) -> Flask:
    """The site's database, with people; it is in a process with the right time."""
    made = create_app(
        Settings(
            DATABASE_URL=f"sqlite:///{tmp_path / 'site.db'}",
            INSTANCE_PATH=tmp_path,
            SECRET_KEY=SECRET,
        )
    )
    assert site.process.poll() is None
    for name in PEOPLE:
        make_user(made, name)
    return made


def test_a_clock_that_is_set_repeats_no_mail_stops_none_and_ends_no_session(
    site: Running, app: Flask, clock: WallClock, smtp: ScriptedServer
) -> None:
    base = f"http://{HOST}:{site.port}"
    susan = Browser(base)
    susan.open("/login")
    assert "Hi, susan!" in susan.submit(username="susan", password=PASSWORD)
    smtp.wait_for(1)  # about the new browser
    kept = HTTPConnection(HOST, site.port)
    assert status(kept) == 200

    with smtp.pause():
        ask_for_reset(base, "susan")
        assert eventually(lambda: smtp.commands.count("DATA") == 2)
        clock.move(HOUR)
        # Its lease is over by the new time, but not given to who delivers the next one.
        ask_for_reset(base, "bob")
        assert eventually(lambda: smtp.commands.count("DATA") == 3)
    smtp.wait_for(3)
    assert "Hi, susan!" in susan.open("/")
    assert status(kept) == 200, "the connection was cut, as if it had been idle for an hour"
    assert opens(base, link := link_to("bob", smtp))

    smtp.script["connect"] = "421 4.3.2 Closed for a while"
    smtp.script["mail"] = "421 4.3.2 Closed for a while"
    ask_for_reset(base, "carol")
    assert eventually(lambda: "deferred" in statuses(app))
    clock.move(-HOUR)
    smtp.script.clear()
    ask_for_reset(base, "dave")
    # One was due in an hour by the new time.
    smtp.wait_for(5)
    assert "Hi, susan!" in susan.open("/")
    assert opens(base, link)

    clock.move(-1)
    assert "Hi, susan!" in susan.open("/")
    ask_for_reset(base, "erin")
    smtp.wait_for(6)
    assert eventually(lambda: statuses(app) == {Status.SENT})
    received = sorted(one.recipients[0] for one in smtp.received)
    assert received == sorted(map(address, [*PEOPLE, "susan"]))
    assert {row.attempts for row in rows(app) if row.recipient != address("carol")} == {1}
    assert said(site) == ["set forward by 3600 seconds.", "set back by 3600 seconds."]


def address(name: str) -> str:
    return f"{name}@example.com"


def status(connection: HTTPConnection) -> int:
    """The status of a page over this connection, which is not made anew."""
    was_open = connection.sock
    connection.request("GET", "/healthz")
    answer = connection.getresponse()
    answer.read()
    assert was_open in {None, connection.sock}
    return answer.status


def ask_for_reset(base: str, name: str) -> None:
    browser = Browser(base)
    browser.open("/reset_password_request")
    assert "Check your email for the instructions" in browser.submit(email=address(name))


def link_to(name: str, smtp: ScriptedServer) -> str:
    (found,) = [one for one in smtp.received if one.recipients == [address(name)]]
    return path_in(found)


def path_in(received: Received) -> str:
    (line,) = [one for one in received.text().splitlines() if "/reset_password/" in one]
    return "/reset_password/" + line.rpartition("/")[2]


def opens(base: str, link: str) -> bool:
    return "Reset Your Password" in Browser(base).open(link)


def statuses(app: Flask) -> set[str]:
    return {row.status for row in rows(app)}


def said(site: Running) -> list[str]:
    """What the dispatcher logged about the clock."""
    logged = (site.output.parent / "logs" / "site-dispatcher.log").read_text()
    assert "Traceback" not in logged
    return [line.partition("clock was ")[2] for line in logged.splitlines() if "clock was" in line]
