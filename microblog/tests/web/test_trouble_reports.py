"""ADMINS get mail when mail waits too long or a disk is nearly full, and once when it's over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from flask_outbox import current_outbox
from flask_outbox.application import make_dispatcher
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.database import transaction
from microblog.web import readiness, trouble_reports
from microblog.web.error_reports import FAILURE_KIND
from microblog.web.trouble_reports import (
    DISK_FULL,
    DISK_HAS_ROOM,
    LATE_SECONDS,
    MAIL_LEAVES,
    MAIL_WAITS,
    QUIET,
    report,
)
from tests.constants import Make
from tests.delivering import running
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE

ADMINS = ["ops@example.com", "root@example.com"]
AWAY = "421 4.3.2 Not before noon"
DAY = QUIET.total_seconds()


@pytest.fixture
def app(make_app: Make) -> Flask:
    made: Flask = make_app(PUBLIC_URL="http://localhost", ADMINS=ADMINS)
    return made


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A function that says whether all disks count as nearly full."""

    def set_full(is_full: bool) -> None:
        monkeypatch.setattr(readiness, "FULL_SHARE", 2.0 if is_full else 0.0)
        monkeypatch.setattr(readiness, "FULL_BYTES", 10**30 if is_full else 0)

    set_full(False)
    return set_full


pytestmark = pytest.mark.usefixtures("full_disk")


def look(app: Flask, *, later: float = 0.0) -> None:
    """Look for trouble, as whoever delivers does every few minutes."""
    with app.app_context(), transaction() as writing:
        assert not report(writing, time.time() + later)


def enqueue_other_mail(app: Flask, *, age: float) -> None:
    """Enqueue mail of ordinary priority that has been due for so long."""
    sample = {
        "route": "/",
        "method": "GET",
        "count": 1,
        "error": "LookupError",
        "when": "now",
        "reference": "1",
        "trace": "",
    }
    with app.app_context(), transaction() as writing:
        number = current_outbox().enqueue(
            writing, FAILURE_KIND, "susan@example.com", arguments=sample
        )
        then = time.time() - age
        writing.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == number)
            .values(created_at=then, due_at=then)
        )


def reports(app: Flask) -> list[tuple[str, str, str]]:
    """The type, recipient and status of each mail about trouble."""
    return [(row.kind, row.recipient, row.status) for row in rows(app) if row.kind != FAILURE_KIND]


def subjects(smtp: ScriptedServer) -> list[str]:
    return [str(one.message["Subject"]) for one in smtp.received if "ops@" in one.recipients[0]]


def test_mail_that_waited_is_reported_once_and_its_end_once(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    smtp.script["mail"] = AWAY
    enqueue_other_mail(app, age=LATE_SECONDS + 60)
    deliver()
    for _ in range(3):
        look(app)
    assert reports(app) == [(MAIL_WAITS, admin, Status.QUEUED) for admin in ADMINS]
    deliver()
    assert smtp.received == [], "it waits, too"
    look(app)
    smtp.script.clear()
    deliver()
    assert {one.recipients[0] for one in smtp.received[:2]} == set(ADMINS), "ahead of the rest"
    assert len(smtp.received) == 3
    text = smtp.received[0].text()
    assert "This site's mail has been waiting since " in text
    assert "Not before noon" in text
    assert "http://localhost/admin/mail" in text
    for _ in range(3):
        look(app)
    deliver()
    assert [kind for kind, _, _ in reports(app)] == [MAIL_WAITS] * 2 + [MAIL_LEAVES] * 2
    assert subjects(smtp)[-1] == "[Microblog] Mail leaves again"
    assert "had to wait from " in smtp.received[-1].text()


@ON_SQLITE
def test_mail_that_waited_for_minutes_is_not_reported(app: Flask) -> None:
    enqueue_other_mail(app, age=LATE_SECONDS - 60)
    look(app)
    assert reports(app) == []


@ON_SQLITE
def test_a_queue_that_moves_is_not_reported(app: Flask, deliver: Callable[[], int]) -> None:
    enqueue_other_mail(app, age=0)
    deliver()
    enqueue_other_mail(app, age=LATE_SECONDS + 60)
    look(app)
    assert reports(app) == []


@ON_SQLITE
def test_a_mail_about_what_is_over_is_discarded(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    enqueue_other_mail(app, age=LATE_SECONDS + 60)
    look(app)
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(OutboxMessage)
            .where(OutboxMessage.kind == FAILURE_KIND)
            .values(status=Status.CANCELLED, settled_at=time.time())
        )
    deliver()
    assert smtp.received == []
    assert {status for _, _, status in reports(app)} == {Status.DISCARDED}


@ON_SQLITE
def test_a_full_disk_is_reported_once_and_its_end_once(
    app: Flask,
    full_disk: Callable[[bool], None],
    deliver: Callable[[], int],
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "web1")
    full_disk(True)
    for _ in range(3):
        look(app)
        deliver()
    assert subjects(smtp) == ["[Microblog] The disk of web1 is nearly full"]
    assert f"where {app.instance_path} is" in " ".join(smtp.received[0].text().split())
    full_disk(False)
    for _ in range(3):
        look(app)
        deliver()
    assert subjects(smtp)[1:] == ["[Microblog] The disk of web1 has room again"]
    assert len(smtp.received) == 4


@ON_SQLITE
def test_a_trouble_that_comes_and_goes_is_reported_once_a_day(
    app: Flask, full_disk: Callable[[bool], None], deliver: Callable[[], int]
) -> None:
    for _ in range(3):
        for is_full in (True, False):
            full_disk(is_full)
            look(app)
            deliver()
    assert [kind for kind, _, _ in reports(app)] == [DISK_FULL] * 2 + [DISK_HAS_ROOM] * 2
    full_disk(True)
    look(app, later=DAY - 60)
    assert len(reports(app)) == 4
    look(app, later=DAY + 60)
    assert len(reports(app)) == 6


@ON_SQLITE
def test_each_machine_reports_its_own_disk(
    app: Flask,
    full_disk: Callable[[bool], None],
    deliver: Callable[[], int],
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def on(host: str, *, is_full: bool) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: host)
        full_disk(is_full)
        look(app)

    on("web1", is_full=True)
    on("web2", is_full=False)
    deliver()
    on("web2", is_full=False)
    assert subjects(smtp) == ["[Microblog] The disk of web1 is nearly full"]
    on("web2", is_full=True)
    on("web1", is_full=True)
    deliver()
    assert len(subjects(smtp)) == 2
    on("web1", is_full=False)
    deliver()
    assert subjects(smtp)[2:] == ["[Microblog] The disk of web1 has room again"]


def test_two_that_look_at_once_report_once(app: Flask, full_disk: Callable[[bool], None]) -> None:
    full_disk(True)
    begun = threading.Event()

    def look_too() -> None:
        begun.set()
        look(app)

    other = threading.Thread(target=look_too)
    with app.app_context(), transaction() as writing:
        report(writing, time.time())
        other.start()
        begun.wait()
        time.sleep(0.1)
    other.join()
    assert len(reports(app)) == len(ADMINS)


@ON_SQLITE
def test_without_admins_nothing_is_enqueued(
    make_app: Make, full_disk: Callable[[bool], None]
) -> None:
    full_disk(True)
    site = make_app(PUBLIC_URL="http://localhost", ADMINS=[])
    look(site)
    assert rows(site) == []


@ON_SQLITE
def test_whoever_delivers_looks_for_trouble(
    app: Flask, full_disk: Callable[[bool], None], smtp: ScriptedServer
) -> None:
    full_disk(True)
    with app.app_context():
        assert current_outbox().periods["web.trouble"] == 300
    with running(make_dispatcher(app)):
        received = smtp.wait_for(2)
    assert {one.recipients[0] for one in received} == set(ADMINS)


@pytest.mark.parametrize("values", [{"arguments": {}}, {"arguments": {}, "reduced": True}])
@ON_SQLITE
def test_a_report_that_was_reduced_is_forgotten(
    app: Flask, full_disk: Callable[[bool], None], values: dict[str, Any]
) -> None:
    full_disk(True)
    look(app)
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(**values))
    full_disk(False)
    look(app)
    assert {kind for kind, _, _ in reports(app)} == {DISK_FULL}
    assert trouble_reports.REMEMBERED.days < 30
