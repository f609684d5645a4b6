"""An application with messages, and its commands in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from flask_outbox.application import make_dispatcher
from tests.commands.processes import Greeter
from tests.extensions import HAS_LITE, Made, classic, confirmation, lite, plain, scoped
from tests.ports import HOST
from tests.smtp_server import ScriptedServer

Command = Callable[..., Result]


MAKINGS = [classic, scoped, plain, *([lite] if HAS_LITE else [])]


@pytest.fixture(params=MAKINGS, ids=lambda making: making.__name__)
def made(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Made]:
    """An application in each of the ways in which one can be made; its folder is `tmp_path`."""
    monkeypatch.chdir(tmp_path)
    making = getattr(request, "param", classic)
    shop: Made = making(
        f"sqlite:///{tmp_path / 'shop.db'}",
        MAIL_SERVER=HOST,
        MAIL_PORT=smtp.port,
        MAIL_TIMEOUT="5",
        MAIL_SUPPRESS_SEND="off",
    )
    shop.outbox.email("shop.confirmation")(confirmation)
    yield shop
    shop.engine.dispose()


@pytest.fixture
def outbox(made: Made) -> Command:
    """Runs `flask outbox …`."""

    def run(*arguments: str, **environment: str) -> Result:
        return made.app.test_cli_runner().invoke(args=["outbox", *arguments], env=environment)

    return run


def loaded(outbox: Command, *arguments: str) -> Any:
    """What a command says to programs."""
    shown = outbox(*arguments, "--json")
    assert shown.exit_code == 0, shown.output
    return json.loads(shown.stdout)


def deliver(made: Made) -> int:
    """Deliver what is due; returns how many rows were handled."""
    return make_dispatcher(made.app).drain()


@pytest.fixture
def greeter(tmp_path: Path, smtp: ScriptedServer) -> Greeter:
    """An application for processes, with an empty folder."""
    return Greeter(tmp_path, smtp)
