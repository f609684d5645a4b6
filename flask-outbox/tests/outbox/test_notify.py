"""NOTIFY and LISTEN: dispatchers of all hosts are woken, and nothing that fails is noticed."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.orm import sessionmaker

from flask_outbox import FlaskOutbox
from flask_outbox.outbox import notify
from flask_outbox.outbox.notify import CHANNEL, NotifyWakeup
from flask_outbox.outbox.wakeup import SocketWakeup, WakeupListener, choose_wakeup, listener_of
from tests.ports import HOST, free_port, is_open
from tests.services import need
from tests.waiting import eventually

psycopg = pytest.importorskip("psycopg", reason="needs psycopg")

LONG = 60.0
"""Seconds that no test waits to the end."""


@pytest.fixture
def database_url(_postgresql_url: str) -> str:
    """Nothing here is about SQLite."""
    return _postgresql_url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    yield made
    made.dispose()


@pytest.fixture
def wakeup(engine: Engine) -> NotifyWakeup:
    return NotifyWakeup(engine)


@pytest.fixture
def listener(wakeup: NotifyWakeup) -> Iterator[WakeupListener]:
    """A listener that has begun to listen."""
    with listener_of(wakeup) as made:
        assert made.wait(LONG), "what was committed before it listened was announced to nobody"
        yield made


@pytest.fixture
def outbox(engine: Engine) -> FlaskOutbox:
    return FlaskOutbox(Flask(__name__), sessions=sessionmaker(engine))


def test_a_commit_wakes_the_listeners_of_all_hosts(
    engine: Engine, outbox: FlaskOutbox, listener: WakeupListener
) -> None:
    with listener_of(NotifyWakeup(engine)) as other:
        assert other.wait(LONG)
        outbox.send_email("Hello", "a@example.com", ["b@example.com"], "text")
        assert listener.wait(LONG)
        assert other.wait(LONG)


def test_a_rollback_wakes_nobody(
    engine: Engine, outbox: FlaskOutbox, listener: WakeupListener
) -> None:
    with sessionmaker(engine)() as session:
        outbox.send_email("Hello", "a@example.com", ["b@example.com"], "text", session=session)
        session.rollback()
    assert not listener.wait(0.1)


def test_threads_that_wake_at_once_lose_no_wake_up(
    wakeup: NotifyWakeup, listener: WakeupListener
) -> None:
    threads = [threading.Thread(target=wakeup.wake, args=[[1]]) for _ in range(8)]
    for _ in range(20):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert listener.wait(LONG)
        threads = [threading.Thread(target=wakeup.wake, args=[[1]]) for _ in range(8)]
        while listener.wait(0.02):
            pass


def test_the_process_can_wake_itself_while_it_listens(listener: WakeupListener) -> None:
    waking = threading.Timer(0.05, listener.wake)
    waking.start()
    assert listener.wait(LONG)
    waking.join()


def test_a_wake_up_takes_no_connection_of_the_pool(
    database_url: str, listener: WakeupListener
) -> None:
    exhausted = create_engine(database_url, pool_size=1, max_overflow=0, pool_timeout=LONG)
    with exhausted.connect():
        NotifyWakeup(exhausted).wake([1])
        assert listener.wait(LONG)


def test_a_listener_that_is_cut_listens_again(
    engine: Engine,
    wakeup: NotifyWakeup,
    listener: WakeupListener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(notify, "RETRY_FIRST_SECONDS", 0.05)
    with caplog.at_level(logging.INFO):
        assert cut(engine, f"LISTEN {CHANNEL}") == 1
        assert eventually(lambda: not listener.wait(0.01) and caplog.records)
        assert eventually(lambda: listener.wait(0.01)), "something may have been announced"
    wakeup.wake([1])
    assert listener.wait(LONG)
    words = [record.getMessage() for record in caplog.records]
    assert "Cannot listen for new mail" in words[0]
    assert words[1:] == ["Listening for new mail again."]


def test_a_sender_that_is_cut_still_wakes(
    engine: Engine, wakeup: NotifyWakeup, listener: WakeupListener
) -> None:
    wakeup.wake([1])
    assert listener.wait(LONG)
    assert cut(engine, f"NOTIFY {CHANNEL}") == 1
    wakeup.wake([1])
    assert listener.wait(LONG)


def test_a_connection_that_was_idle_is_replaced(
    engine: Engine,
    wakeup: NotifyWakeup,
    listener: WakeupListener,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wakeup.wake([1])
    first = processes(engine, f"NOTIFY {CHANNEL}")
    wakeup.wake([1])
    assert processes(engine, f"NOTIFY {CHANNEL}") == first
    monkeypatch.setattr(notify, "IDLE_SECONDS", 0.0)
    wakeup.wake([1])
    assert eventually(lambda: processes(engine, f"NOTIFY {CHANNEL}") - first)
    assert listener.wait(LONG)


def test_a_database_that_is_away_costs_nothing_but_time(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(notify, "RETRY_FIRST_SECONDS", 0.0)
    attempts = 0

    def connect() -> object:
        nonlocal attempts
        attempts += 1
        return psycopg.connect(host=HOST, port=free_port())

    away = create_engine("postgresql+psycopg://", creator=connect)
    wakeup = NotifyWakeup(away)
    with caplog.at_level(logging.INFO), listener_of(wakeup) as listener:
        for _ in range(3):
            assert not listener.wait(0.01)
        listener.wake()
        assert listener.wait(LONG)
        assert attempts == 4
        for _ in range(3):
            wakeup.wake([1])
    assert attempts == 6, "once, and once more: then it pauses"
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_forked_process_has_its_own_connection(
    wakeup: NotifyWakeup, listener: WakeupListener
) -> None:
    wakeup.wake([1])
    assert listener.wait(LONG)
    wakeup._notifying.acquire()
    child = os.fork()
    if child == 0:
        wakeup.wake([1])
        os._exit(0 if wakeup._connection is not None else 1)
    wakeup._notifying.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert listener.wait(LONG)
    wakeup.wake([1])
    assert listener.wait(LONG)


@pytest.mark.slow
def test_behind_a_pooler_it_polls_and_says_so_once(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_pooler(database_url, tmp_path) as pooled:
        wakeup = NotifyWakeup(create_engine(pooled))
        with caplog.at_level(logging.INFO), listener_of(wakeup) as listener:
            for _ in range(3):
                assert not listener.wait(0.05)
                wakeup.wake([1])
        assert "connection pooler" in caplog.text
        assert len(caplog.records) == 1


@pytest.mark.slow
def test_notifications_pass_a_pooler(
    database_url: str, tmp_path: Path, listener: WakeupListener
) -> None:
    """Dispatchers connect directly, web servers through the pooler."""
    with running_pooler(database_url, tmp_path) as pooled:
        wakeup = NotifyWakeup(create_engine(pooled))
        wakeup.wake([1])
        assert listener.wait(LONG)


def test_the_driver_decides_what_wakes(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(choose_wakeup(engine, tmp_path / "socket"), NotifyWakeup)
    monkeypatch.setattr(engine.dialect, "driver", "psycopg2")
    assert isinstance(choose_wakeup(engine, tmp_path / "socket"), SocketWakeup)
    assert isinstance(choose_wakeup(create_engine("sqlite://"), tmp_path / "socket"), SocketWakeup)


def processes(engine: Engine, query: str) -> set[int]:
    """The server's processes whose last statement was this one."""
    with engine.connect() as connection:
        found = text(
            "SELECT pid FROM pg_stat_activity WHERE query = :query AND datname = current_database()"
        )
        return set(connection.scalars(found, {"query": query}))


def cut(engine: Engine, query: str) -> int:
    """Cut the connections whose last statement was this one; return how many there were."""
    found = processes(engine, query)
    with engine.connect() as connection:
        for process in found:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": process})
    return len(found)


@contextmanager
def running_pooler(url: str, folder: Path) -> Iterator[str]:
    """PgBouncer in transaction mode before this database; gives the address there."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    need(program is not None, "PgBouncer")
    assert program is not None
    target, port = make_url(url), free_port()
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host={target.host} port={target.port or 5432} user={target.username}\n"
        f"[pgbouncer]\nlisten_addr = {HOST}\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\nignore_startup_parameters = extra_float_digits\n"
    )
    command = [program, str(folder / "pgbouncer.ini")]
    if os.getuid() == 0:
        folder.chmod(0o755)
        command[1:1] = ["-u", "nobody"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as pooler:
        try:
            assert eventually(lambda: is_open(port))
            pooled = target.set(host=HOST, port=port)
            yield pooled.render_as_string(hide_password=False)
        finally:
            pooler.kill()
