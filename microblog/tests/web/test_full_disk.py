"""An outage is logged once when it begins and once when it ends: full disks, lost databases."""

from __future__ import annotations

import logging
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from flask_outbox.application import make_dispatcher
from flask_outbox.database_errors import is_outage
from flask_outbox.outage import Outage
from microblog import database, schema
from microblog.app import create_app
from microblog.cli.web_server import BODY_IN_MEMORY_BYTES
from microblog.database import db
from microblog.settings import Settings
from microblog.web import logs
from tests.cli.test_web_server import PAGE, POST, Served, everything
from tests.constants import SECRET, Make
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, make_user
from tests.web.test_logs import clean_root

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    with suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True, check=False).returncode == 0:
            yield folder
            subprocess.run(["umount", "-l", str(folder)], check=True)
            return
    pytest.skip("needs the right to mount a small disk")


@pytest.fixture
def crowded_site(small_disk: Path, smtp: ScriptedServer) -> Iterator[Flask]:
    """A site whose database is on the small disk."""
    settings = Settings(
        DATABASE_URL=f"sqlite:///{small_disk}/site.db",
        INSTANCE_PATH=small_disk,
        SECRET_KEY=SECRET,
        PUBLIC_URL="http://localhost",
        ADMINS=["admin@microblog.example.com"],
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=smtp.port,
        RATELIMIT_ENABLED=False,
    )
    app = create_app(settings, demo=True)
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        schema.upgrade()
    make_user(app, "susan")
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture(autouse=True)
def new_outages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outages that have not begun, whatever other tests of this process did."""
    for name in ("_reading", "_writing"):
        known: Outage = getattr(database, name)
        monkeypatch.setattr(known, "lasts", False)


def fill(file: Path) -> None:
    """Write until the disk is full."""
    with file.open("wb", buffering=0) as written, suppress(OSError):
        while True:
            written.write(b"x" * 4096)


def ask(app: Flask) -> int:
    form = {"email": "susan@example.com"}
    return app.test_client().post("/reset_password_request", data=form).status_code


def test_a_full_disk_is_logged_when_it_begins_and_when_it_ends(
    crowded_site: Flask, small_disk: Path, smtp: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """However many pages fail, and however often the dispatcher looks for due messages."""
    app = crowded_site
    caplog.set_level(logging.INFO)
    assert ask(app) == 302
    with app.app_context():
        dispatcher = make_dispatcher(app)
    for number in range(5):
        # A connection that is closed may free some space.
        fill(small_disk / f"filling-{number}")
        assert ask(app) == 503
        ready = app.test_client().get("/readyz")
        assert ready.status_code == 503 or "disk" in ready.get_json()["degraded"]
        assert app.test_client().get("/metrics").status_code == 200
        with dispatcher.delivery(dispatcher.lease_keeper()) as delivery:
            dispatcher.deliver_due(delivery, range(3))
    begun = logged(caplog, logging.ERROR)
    assert begun[:2] == [
        "The database cannot be written: database or disk is full",
        "The outbox cannot be written: database or disk is full",
    ]
    for file in small_disk.glob("filling-*"):
        file.unlink()
    assert ask(app) == 302
    with dispatcher.lease_keeper() as leases, dispatcher.delivery(leases) as delivery:
        dispatcher.deliver_due(delivery, range(3))
    assert len(smtp.received) == 2
    assert logged(caplog, logging.ERROR) == begun
    over = [words for words in logged(caplog, logging.INFO) if "can be" in words]
    # Without free space SQLite may be unable to read, too.
    assert {words.split(" cannot")[0] for words in begun} == {one.split(" can")[0] for one in over}
    assert len(begun) == len(over) == len(set(over))
    assert "Traceback" not in caplog.text


def logged(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno == level]


def test_an_upload_that_finds_no_room_is_refused_and_the_next_one_taken(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "microblog.cli.web_server")
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    body = b"x" * 2 * BODY_IN_MEMORY_BYTES
    upload = POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    served = Served()
    served.start()
    fill(small_disk / "filling")
    for _ in range(3):
        # It may still send when it is refused, and then read nothing but a reset.
        assert everything(served.send(upload))[:13] in {b"HTTP/1.1 503 ", b""}
        assert everything(served.send(PAGE)).endswith(b"a page")
    (small_disk / "filling").unlink()
    assert everything(served.send(upload)).endswith(body)
    served.close()
    assert [one.getMessage() for one in caplog.records] == [
        "Large forms cannot be received, whose temporary file cannot be written:"
        " No space left on device",
        "Large forms can be received again.",
    ]


def test_a_log_file_on_a_full_disk_is_logged_once_without_tracebacks(
    small_disk: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Records that cannot be written are not kept in memory; the file continues afterwards."""
    file = small_disk / "site.log"
    with clean_root():
        logs.configure(file)
        logger = logging.getLogger("writer")
        logger.info("before")
        fill(small_disk / "filling")
        for _ in range(50):
            logger.info("lost %s", "x" * 5000)
        (small_disk / "filling").unlink()
        logger.info("after")
    lines = capfd.readouterr().err.splitlines()
    logged_lines = [line.partition("]: ")[2] for line in lines if "log file" in line]
    assert logged_lines == [
        f"The log file {file} cannot be written: No space left on device",
        f"The log file {file} can be written again.",
    ]
    assert len(lines) == 54
    assert "Traceback" not in "".join(lines)
    kept = file.read_text().splitlines()
    assert kept[0].endswith("before")
    assert sum("lost" in line for line in kept) < 3
    assert any(line.endswith("after") for line in kept)


@ON_SQLITE
def test_a_database_that_is_away_is_logged_once_by_pages(
    make_app: Make, caplog: pytest.LogCaptureFixture
) -> None:
    away = "postgresql://nobody:hunter2@127.0.0.1:1/nothing"
    app = make_app(DATABASE_URL=away, PUBLIC_URL="http://localhost")
    app.config["WTF_CSRF_ENABLED"] = False
    for _ in range(3):
        assert ask(app) == 503
        assert app.test_client().get("/readyz").status_code == 503
    assert len(logged(caplog, logging.ERROR)) <= 2
    assert "cannot be" in logged(caplog, logging.ERROR)[0]
    assert "hunter2" not in caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("statement", ["SELECT nothing FROM nowhere", "SELECT 1 +"])
def test_an_error_in_a_statement_is_no_outage(app: Flask, statement: str) -> None:
    """It is logged as an error, with its traceback."""
    with app.app_context():
        with pytest.raises(DBAPIError) as caught:
            db.session.execute(text(statement))
        assert not is_outage(caught.value)
