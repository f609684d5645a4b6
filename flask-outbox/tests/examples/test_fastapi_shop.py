"""FastAPI and Quart: mail is written in the request's asynchronous transaction, without Flask."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from textwrap import dedent, indent
from types import ModuleType
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import func, select

from flask_outbox import OutboxError, run_dispatcher, smtp_server
from flask_outbox.application import make_dispatcher
from flask_outbox.testing import OutboxTester
from tests.documentation import EXAMPLES, LIBRARY, example, run
from tests.examples.loading import load
from tests.ports import HOST
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

PAGE = LIBRARY / "docs" / "fastapi.md"
ORDER = {"address": "susan@example.com", "goods": "a kettle"}

MakeApp = Callable[[ModuleType], Any]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[ModuleType]:
    monkeypatch.setenv("SHOP_DATABASE", database_url)
    module = load("fastapi_shop", monkeypatch)
    yield module
    module.Order.__table__.drop(module.engine)
    module.engine.dispose()


class Client:
    """Asks the application, in one event loop: connections of a pool belong to theirs."""

    def __init__(self, shop: ModuleType, app: Any, runner: asyncio.Runner) -> None:
        self._shop = shop
        self._client = AsyncClient(transport=ASGITransport(app), base_url="http://shop")
        self._runner = runner

    def order(self, **changes: str) -> Response:
        return self._runner.run(self._client.post("/orders", json={**ORDER, **changes}))

    def hello(self, *, commits: bool) -> None:
        """Send what the page shows as a finished message, in a transaction of its own."""
        self._runner.run(self._hello(commits=commits))

    async def _hello(self, *, commits: bool) -> None:
        shop = self._shop
        (code,) = re.findall(r"(?ms)^  ```python\n(.*?)^  ```$", PAGE.read_text())
        names: dict[str, Any] = {}
        run(names, f"async def hello(session, outbox):\n{indent(dedent(code), '    ')}")
        async with shop.async_sessions() as session:
            await names["hello"](session, shop.outbox)
            await (session.commit() if commits else session.rollback())


def with_fastapi(shop: ModuleType) -> Any:
    return shop.app


def with_quart(shop: ModuleType) -> Any:
    names = dict(vars(shop))
    run(names, example(PAGE, "from quart import"))
    return names["app"]


WITH_BOTH = pytest.mark.parametrize(
    "client",
    [
        with_fastapi,
        pytest.param(
            with_quart,
            marks=pytest.mark.skipif(find_spec("quart") is None, reason="needs Quart, and Flask 3"),
        ),
    ],
    indirect=True,
)


@pytest.fixture
def client(request: pytest.FixtureRequest, shop: ModuleType) -> Iterator[Client]:
    make_app: MakeApp = getattr(request, "param", with_fastapi)
    with asyncio.Runner() as runner:
        yield Client(shop, make_app(shop), runner)
        runner.run(shop.async_engine.dispose())


@pytest.fixture
def outbox_app(shop: ModuleType) -> object:
    return shop.outbox


def orders(shop: ModuleType) -> int:
    with shop.outbox.sessions() as session:
        return int(session.scalar(select(func.count()).select_from(shop.Order)))


@WITH_BOTH
def test_an_order_is_confirmed_over_smtp(
    shop: ModuleType, client: Client, smtp: ScriptedServer
) -> None:
    answer = client.order()
    assert answer.status_code == 201
    server = smtp_server({"MAIL_SERVER": HOST, "MAIL_PORT": str(smtp.port)})
    make_dispatcher(shop.outbox, server=server).drain()
    (received,) = smtp.received
    assert received.recipients == ["susan@example.com"]
    assert received.text() == "Thank you for ordering: a kettle\n"


@WITH_BOTH
def test_order_and_mail_are_there_together_or_not_at_all(
    shop: ModuleType, client: Client, outbox: OutboxTester
) -> None:
    assert client.order(address="susan").status_code == 400
    assert orders(shop) == 0
    outbox.assert_nothing_queued()
    client.order()
    assert orders(shop) == 1
    outbox.assert_queued(shop.confirmation, to="susan@example.com")
    assert [one.subject for one in outbox.deliver()] == ["Your order"]


@pytest.mark.slow
def test_its_own_process_delivers(shop: ModuleType, client: Client, smtp: ScriptedServer) -> None:
    client.order()
    settings = {"MAIL_SERVER": HOST, "MAIL_PORT": str(smtp.port)}
    program = str(EXAMPLES / "fastapi_shop.py")
    with subprocess.Popen([sys.executable, program], env={**os.environ, **settings}) as one:
        try:
            assert eventually(lambda: len(smtp.received) == 1)
            client.order()
            assert eventually(lambda: len(smtp.received) == 2)
        finally:
            one.terminate()
        assert one.wait(timeout=20) == 0


def test_a_thread_delivers_while_the_pages_live(
    shop: ModuleType, client: Client, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_SERVER", HOST)
    monkeypatch.setenv("MAIL_PORT", str(smtp.port))
    names = dict(vars(shop))
    run(names, example(PAGE, "from contextlib import asynccon"))
    client.order()

    async def live() -> bool:
        async with names["lifespan"](names["app"]):
            return await asyncio.to_thread(lambda: eventually(lambda: len(smtp.received) == 1))

    assert asyncio.run(live())


def test_who_delivers_must_be_told_the_server_once(shop: ModuleType) -> None:
    with pytest.raises(TypeError, match=r"needs server=smtp_server"):
        run_dispatcher(shop.outbox)


def test_a_finished_message_shares_the_transaction_too(
    shop: ModuleType, client: Client, outbox: OutboxTester
) -> None:
    client.hello(commits=False)
    outbox.assert_nothing_queued()
    client.hello(commits=True)
    outbox.assert_queued(to="you@example.com", subject="Hello")


def test_a_composers_arguments_are_checked_where_they_are_made(shop: ModuleType) -> None:
    with pytest.raises(OutboxError, match="order_id"):
        shop.confirmation.arguments(order="1")
