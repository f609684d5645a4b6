"""Limits on how often a client may post, when the store of the counts fails."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.celery.own_brokers import OwnRedis, has_own
from tests.constants import Make
from tests.services import need
from tests.visitor import ON_SQLITE
from tests.waiting import eventually

pytestmark = [ON_SQLITE, pytest.mark.slow]

LOGGER = "microblog.web.ratelimits"

AWAY = "The store of the rate limits is away: each process counts for itself meanwhile."
BACK = "The store of the rate limits is back."


def site_with_store(make_app: Make, address: str) -> Flask:
    site: Flask = make_app(
        PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True, RATELIMIT_STORAGE_URI=address
    )
    site.config["WTF_CSRF_ENABLED"] = False
    return site


def ask(app: Flask, path: str = "/reset_password_request") -> int:
    """Post a form without fields; return the status."""
    return app.test_client().post(path).status_code


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


def test_without_its_store_the_site_counts_in_memory_until_the_store_is_back(
    make_app: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once when it goes and once when it returns; forms are limited all the time."""
    need(has_own("redis"), "redis-server")
    caplog.set_level(logging.INFO, LOGGER)
    with OwnRedis(tmp_path / "redis") as redis:
        app = site_with_store(make_app, redis.url)
        assert ask(app) == 200
        redis.kill()
        # A minute may end meanwhile, but no second one.
        assert set(asked := [ask(app) for _ in range(61)]) == {200, 429}, asked
        redis.start()
        # A server that has just started may be too slow for the first request, and is asked again.
        assert eventually(lambda: ask(app) == 200 and logged(caplog)[-1] == BACK)
    found = logged(caplog)
    assert found == [AWAY, BACK] * (len(found) // 2)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The site's own log about the store; Flask-Limiter logs, too."""
    return [record.getMessage() for record in caplog.records if record.name == LOGGER]


def test_no_request_fails_that_notices_the_outage_together_with_another(
    make_app: Make, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = site_with_store(make_app, silent)
    together = threading.Barrier(4)
    codes: list[int] = []

    def post() -> None:
        together.wait()
        codes.append(ask(app))

    threads = [threading.Thread(target=post) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 4
    assert len(logged(caplog)) == 1


@pytest.mark.parametrize("address", ["memory://", "redis://127.0.0.1:1/0"])
def test_pages_work_while_the_store_is_away(make_app: Make, address: str) -> None:
    app = site_with_store(make_app, address)
    assert [ask(app, path) for path in ("/login", "/register", "/reset_password_request")] == [
        200,
        200,
        200,
    ]
