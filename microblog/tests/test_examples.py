"""The applications in examples/ run as their readers run them, and need the mail part alone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from flask_outbox.dev.catcher import CaughtMail, CaughtMessage
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.cli.ports import choose_free, wait_until_open
from tests.cli.running import HOST
from tests.waiting import eventually

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "flask-outbox" / "examples" / "shop.py"

ORDER = {"address": "susan@example.com", "goods": "a kettle"}


def test_an_order_is_confirmed_by_a_mail_that_arrives(tmp_path: Path) -> None:
    port, smtp_port = choose_free(HOST), choose_free("localhost")
    with shop(tmp_path, smtp_port, "run", "--port", str(port)):
        assert wait_until_open(HOST, port, seconds=30)
        assert order(port, ORDER) == (200, "Ordered.\n")
        assert order(port, {**ORDER, "address": "susan"})[0] == 400
        with shop(tmp_path, smtp_port, "catch"), shop(tmp_path, smtp_port, "deliver") as dispatcher:
            (caught,) = arrived(tmp_path, 1)
            assert caught.recipients == ["susan@example.com"]
            assert (caught.sender, caught.subject) == ("shop@example.com", "Your order")
            assert words(caught) == "Thank you for ordering: a kettle"
            assert order(port, {**ORDER, "goods": "a pot"}) == (200, "Ordered.\n")
            assert words(arrived(tmp_path, 2)[0]) == "Thank you for ordering: a pot"
            assert "Your order" in read(f"http://{HOST}:{port}/dev/inbox")
            dispatcher.send_signal(signal.SIGTERM)
            assert dispatcher.wait(timeout=20) == 0
    engine = create_engine(f"sqlite:///{tmp_path / 'shop.db'}")
    with Session(engine) as session:
        assert list(session.scalars(select(OutboxMessage.status))) == [Status.SENT] * 2
    engine.dispose()


def test_it_uses_the_mail_part_alone(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import shop, sys; print(*sorted(sys.modules))"],
        env={**os.environ, "PYTHONPATH": str(SHOP.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    ours = [name for name in shown.stdout.split() if re.match(r"(microblog|flask_outbox)\b", name)]
    assert "flask_outbox.outbox.outbox" in ours
    assert [name for name in ours if name.startswith("microblog")] == []
    foreign = {"celery", "pydantic", "flask_login", "gunicorn", "alembic"}
    assert foreign.isdisjoint(shown.stdout.split())


@contextmanager
def shop(folder: Path, smtp_port: int, *command: str) -> Iterator[subprocess.Popen[bytes]]:
    """One process of the shop, as `flask --app shop COMMAND` starts it."""
    environment = {**os.environ, "SHOP_MAIL_PORT": str(smtp_port)}
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", str(SHOP), *command], cwd=folder, env=environment
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def order(port: int, form: dict[str, str]) -> tuple[int, str]:
    try:
        return 200, read(f"http://{HOST}:{port}/orders", urlencode(form).encode())
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def read(address: str, data: bytes | None = None) -> str:
    with build_opener(ProxyHandler({})).open(address, data, timeout=30) as answer:
        return str(answer.read().decode())


def arrived(folder: Path, count: int) -> list[CaughtMessage]:
    """The caught messages, newest first, once there are so many."""
    mail = CaughtMail(folder / "caught-mail")
    assert eventually(lambda: len(mail.all()) >= count)
    return mail.all()


def words(message: CaughtMessage) -> str:
    return (message.text or "").strip()
