from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.brokers import RABBITMQ, REDIS, Broker, has_broker, remove_queues
from tests.celery.urgent import register_urgent
from tests.celery.workers import Workers
from tests.services import need
from tests.smtp_server import ScriptedServer

BROKERS = {"rabbitmq": (RABBITMQ, "RabbitMQ"), "redis": (REDIS, "Redis")}


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    url, name = BROKERS[request.param]
    need(has_broker(url), f"{name} at TEST_{request.param.upper()}_URL or {url.rpartition('@')[2]}")
    made = Broker.at(url)
    yield made
    remove_queues(made)


@pytest.fixture
def workers(app: Flask, database_url: str, smtp: ScriptedServer, tmp_path: Path) -> Workers:
    register_urgent(app)
    return Workers(app, database_url, smtp.port, tmp_path)
