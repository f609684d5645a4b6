from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers import RABBITMQ, REDIS, Broker, has_broker, remove_queues
from tests.cli.running import HOST, clean_environment
from tests.constants import SECRET
from tests.services import need
from tests.smtp_server import ScriptedServer

MakeEnvironment = Callable[[Broker], dict[str, str]]


@pytest.fixture(params=["rabbitmq", "redis"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    url, name = {"rabbitmq": (RABBITMQ, "RabbitMQ"), "redis": (REDIS, "Redis")}[request.param]
    need(has_broker(url), f"{name} at TEST_{request.param.upper()}_URL or {url.rpartition('@')[2]}")
    made = Broker.at(url)
    yield made
    remove_queues(made)


@pytest.fixture
def environment(make_environment: MakeEnvironment, broker: Broker) -> dict[str, str]:
    return make_environment(broker)


@pytest.fixture
def make_environment(database_url: str, tmp_path: Path, smtp: ScriptedServer) -> MakeEnvironment:
    """A function that returns the settings of a site whose mail goes over a broker."""

    def make(broker: Broker) -> dict[str, str]:
        return clean_environment(
            SECRET_KEY=SECRET,
            PUBLIC_URL="http://blog.example.com",
            ADMINS="admin@microblog.example.com",
            DATABASE_URL=database_url,
            INSTANCE_PATH=str(tmp_path),
            MAIL_SERVER=HOST,
            MAIL_PORT=str(smtp.port),
            MAIL_TIMEOUT="30",
            RATELIMIT_ENABLED="off",
            **broker.settings,
        )

    return make
