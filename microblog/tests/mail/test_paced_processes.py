"""Dispatchers in processes of their own share the rate limits, to the message."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from flask import Flask

from flask_outbox import send_email
from flask_outbox.outbox.models import Status
from microblog.database import transaction
from microblog.settings import Settings, as_environment
from tests.outbox_rows import rows
from tests.smtp_server import Received, ScriptedServer
from tests.waiting import eventually
from tests.windows import most_within

pytestmark = pytest.mark.slow

LIMIT, GMAIL_LIMIT = 5, 2
LIMITS = {
    "MAIL_RATE_LIMIT": f"{LIMIT}/second",
    "MAIL_RATE_LIMIT_BY_DOMAIN": f"gmail.com={GMAIL_LIMIT}/second",
}
GMAIL, OTHERS = 6, 14

Make = Callable[..., Settings]


@contextmanager
def dispatching(settings: Settings) -> Iterator[Path]:
    """A dispatcher in a process of its own, and the file of its output."""
    settings.INSTANCE_PATH.mkdir(exist_ok=True)
    log = settings.INSTANCE_PATH / "dispatcher.txt"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "microblog", "process", "dispatcher"],
            env=os.environ | as_environment(settings),
            stdout=written,
            stderr=written,
        )
    try:
        yield log
    finally:
        process.terminate()
        code = process.wait(timeout=20)
        sys.stdout.write(log.read_text())
    assert code == 0


def is_gmail(received: Received) -> bool:
    return received.recipients[0].endswith("@gmail.com")


def test_two_dispatchers_share_one_limit(
    app: Flask, make_settings: Make, smtp: ScriptedServer, tmp_path: Path
) -> None:
    smtp.delay = 0.03
    with app.app_context(), transaction():
        for number in range(GMAIL):
            send_email("Hello", None, [f"person{number}@gmail.com"], "Hello.\n")
        for number in range(OTHERS):
            send_email("Hello", None, [f"person{number}@example.com"], "Hello.\n")
    with ExitStack() as both:
        logs = [
            both.enter_context(dispatching(make_settings(INSTANCE_PATH=tmp_path / name, **LIMITS)))
            for name in ("first", "second")
        ]
        received = smtp.wait_for(GMAIL + OTHERS)
        assert eventually(lambda: {row.status for row in rows(app)} == {Status.SENT})
    # A line is written after the row: of the last one only when the processes have ended.
    shares = [log.read_text().count(": sent:") for log in logs]
    moments = [one.at for one in received]
    gmail = [one.at for one in received if is_gmail(one)]
    assert most_within(1, moments) <= LIMIT
    assert most_within(1, gmail) <= GMAIL_LIMIT
    assert {(row.attempts, row.failures) for row in rows(app)} == {(1, 1)}
    sys.stdout.write(f"shares {shares}, {max(moments) - min(moments):.2f} s\n")
    assert sum(shares) == GMAIL + OTHERS
