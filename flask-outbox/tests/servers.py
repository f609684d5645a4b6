"""Fixtures of both distributions: an empty folder, a mail server, a token server."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.smtp_server import ScriptedServer
from tests.token_server import TokenServer, token_server


@pytest.fixture(scope="session")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("test")


@pytest.fixture
def tmp_path(_folder: Path) -> Path:
    """An empty folder with the same path in every test, so that sites made for it can be reused."""
    shutil.rmtree(_folder)
    _folder.mkdir()
    return _folder


DELIVERING = re.compile("flask-outbox|mail-[0-9]+|housekeeping|lease-keeper|outbox-look")


@pytest.fixture(autouse=True)
def _nothing_delivers_afterwards() -> Iterator[None]:
    """Whatever delivers must end with the test that began it: the next one has other files."""
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    assert not [one.name for one in left if DELIVERING.fullmatch(one.name)]


@pytest.fixture(scope="session")
def _smtp_ports() -> list[int]:
    """The port of the last server, which the next one reuses."""
    return []


@pytest.fixture
def smtp(_smtp_ports: list[int]) -> Iterator[ScriptedServer]:
    with scripted_server_again(_smtp_ports) as server:
        yield server


def scripted_server_again(ports: list[int]) -> ScriptedServer:
    try:
        server = ScriptedServer(port=ports[-1] if ports else 0)
    except OSError:
        server = ScriptedServer()
    ports.append(server.port)
    return server


@pytest.fixture
def tokens() -> Iterator[TokenServer]:
    with token_server() as server:
        yield server
