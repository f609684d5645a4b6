"""The example application, run as its readers run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from flask_outbox.dev.catcher import CaughtMail, CaughtMessage
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.ports import HOST, free_port, is_open
from tests.waiting import eventually

SHOP = Path(__file__).resolve().parent.parent / "examples" / "shop.py"

ORDER = {"address": "susan@example.com", "goods": "a kettle"}


@dataclass(frozen=True)
class Shop:
    """A shop in a folder, whose processes this Python runs."""

    folder: Path
    port: int
    smtp_port: int
    python: Path = Path(sys.executable)

    @contextmanager
    def process(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start `flask --app shop COMMAND`."""
        given = {"SHOP_MAIL_PORT": str(self.smtp_port), "LANGUAGE": "en"}
        started = subprocess.Popen(
            [self.python, "-m", "flask", "--app", SHOP, *command],
            cwd=self.folder,
            env={**os.environ, **given},
        )
        try:
            yield started
        finally:
            started.terminate()
            started.wait(timeout=20)

    def order(self, form: dict[str, str]) -> tuple[int, str]:
        try:
            return 200, read(self.port, "/orders", urlencode(form).encode())
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def arrived(self, count: int) -> list[CaughtMessage]:
        """The caught messages, newest first, as soon as there are so many."""
        mail = CaughtMail(self.folder / "caught-mail")
        assert eventually(lambda: len(mail.all()) >= count)
        return mail.all()

    def statuses(self) -> Sequence[str]:
        """How the confirmations ended."""
        engine = create_engine(f"sqlite:///{self.folder / 'shop.db'}")
        try:
            with Session(engine) as session:
                confirmations = OutboxMessage.kind == "shop.confirmation"
                return session.scalars(select(OutboxMessage.status).where(confirmations)).all()
        finally:
            engine.dispose()


def orders_are_confirmed(folder: Path, *, python: Path = Path(sys.executable)) -> None:
    """Order before and after the dispatcher starts; each confirmation must arrive."""
    shop = Shop(folder, free_port(), free_port(), python)
    with shop.process("run", "--port", str(shop.port)):
        assert eventually(lambda: is_open(shop.port))
        assert shop.order(ORDER) == (200, "Ordered.\n")
        assert shop.order({**ORDER, "address": "susan"})[0] == 400
        inbox = free_port()
        catch = ("outbox", "catch", "--port", str(shop.smtp_port), "--web-port", str(inbox))
        with shop.process(*catch), shop.process("outbox", "deliver") as dispatcher:
            (caught,) = shop.arrived(1)
            assert caught.recipients == ["susan@example.com"]
            assert (caught.sender, caught.subject) == ("shop@example.com", "Your order")
            assert words(caught) == "Thank you for ordering: a kettle"
            assert shop.order({**ORDER, "goods": "a pot"}) == (200, "Ordered.\n")
            assert words(shop.arrived(2)[0]) == "Thank you for ordering: a pot"
            assert "Your order" in read(inbox, "/dev/inbox")
            dispatcher.send_signal(signal.SIGTERM)
            assert dispatcher.wait(timeout=20) == 0
    assert shop.statuses() == [Status.SENT] * 2


def read(port: int, path: str, data: bytes | None = None) -> str:
    opener = build_opener(ProxyHandler({}))
    with opener.open(f"http://{HOST}:{port}{path}", data, timeout=30) as answer:
        return str(answer.read().decode())


def words(message: CaughtMessage) -> str:
    return (message.text or "").strip()
