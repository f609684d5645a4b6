"""A dispatcher that is killed loses nothing; a second copy is the same message."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from benchmarks.forking import Forker
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.settings import Settings, as_environment
from tests.mail.killed_dispatcher import LEASE_SECONDS, POINTS
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user

pytestmark = pytest.mark.slow

ACCEPTED = {"after the final dot", "after acceptance", "while settling", "after settling"}
SETTLED = {"after settling"}


@pytest.fixture(scope="module")
def forker() -> Iterator[Forker]:
    with Forker() as started:
        yield started


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_dispatcher_loses_nothing(
    app: Flask,
    visitor: Visitor,
    deliver: Callable[[], int],
    smtp: ScriptedServer,
    make_settings: Callable[..., Settings],
    forker: Forker,
    tmp_path: Path,
    point: str,
) -> None:
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    settings = make_settings(PUBLIC_URL="http://localhost", MAIL_CONNECTIONS=1)
    killed_at(point, forker, settings, tmp_path)
    assert has_received(smtp) == (point in ACCEPTED)
    waiting = rows(app)[0]
    assert waiting.status == (Status.SENT if point in SETTLED else Status.QUEUED)
    wait_until_due(waiting, settled=point in SETTLED)
    deliver()
    assert rows(app)[0].status == Status.SENT
    copies = 2 if point in ACCEPTED - SETTLED else 1
    assert len(smtp.received) == copies
    assert {one.message["Message-ID"] for one in smtp.received} == {waiting.message_id}


def killed_at(point: str, forker: Forker, settings: Settings, folder: Path) -> None:
    dispatching = forker.start(
        as_environment(settings), lease=LEASE_SECONDS, log=folder / "dispatcher.log", point=point
    )
    code = dispatching.ended(seconds=60)
    assert code == -signal.SIGKILL, "the dispatcher was not killed where it should"


def has_received(smtp: ScriptedServer) -> bool:
    """Whether one message came; the server may read what the dead dispatcher sent later."""
    smtp.wait_until_hung_up()
    return len(smtp.received) == 1


def wait_until_due(row: OutboxMessage, *, settled: bool) -> None:
    """Wait until the lease of the killed dispatcher ends."""
    if not settled:
        assert row.due_at - time.time() <= LEASE_SECONDS
        time.sleep(max(row.due_at - time.time(), 0) + 0.01)
