"""On SQLite, the writes of several threads share a transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from flask_outbox import current_outbox
from flask_outbox.delivery.raw_sql import GroupCommit

THREADS = 8


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_concurrent_writes_are_committed_together(app: Flask, app_context: AppContext) -> None:
    group = GroupCommit(current_outbox().engine)
    first, others = threading.Event(), threading.Event()
    begun: list[str] = []

    def slow(cursor: Any) -> int:
        first.set()
        assert others.wait(5)
        return int(cursor.execute("SELECT 1").fetchone()[0])

    results: list[int] = []

    def write(work: Callable[[Any], int]) -> None:
        results.append(group.write(work))

    def answer(number: int, _cursor: Any) -> int:
        return number

    threads = [start(partial(write, slow))]
    assert first.wait(5)
    threads += [start(partial(write, partial(answer, one))) for one in range(2, THREADS + 1)]
    while len(group._waiting) < THREADS - 1:
        pass
    event.listen(current_outbox().engine, "checkout", lambda *_: begun.append("checkout"))
    others.set()
    join(threads)
    assert sorted(results) == list(range(1, THREADS + 1))
    assert begun == [], "another connection was taken"
    group.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_error_reaches_all_writers_and_passes(app: Flask, app_context: AppContext) -> None:
    group = GroupCommit(current_outbox().engine)
    with pytest.raises(OperationalError):
        group.write(lambda cursor: cursor.execute("SELECT nothing FROM nowhere"))
    assert group.write(lambda cursor: cursor.execute("SELECT 7").fetchone()[0]) == 7
    group.close()


def start(work: Callable[[], Any]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
