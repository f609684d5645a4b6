"""Metrics for a monitoring system, which nobody else may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import update

from flask_outbox.outbox.models import OutboxMessage
from microblog.database import transaction
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, make_user

TOKEN = "a token for the monitoring"
READER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(PUBLIC_URL="http://localhost", METRICS_TOKEN=TOKEN)


def test_what_waits_and_what_was_sent_is_counted(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    make_user(app, "susan")
    visitor.ask_for_reset("susan@example.com")
    visitor.ask_for_reset("nobody@example.com")
    deliver()
    visitor.ask_for_reset("susan@example.com")
    figures = read(app)
    assert figures["ended_total", "accounts.reset_password", "sent"] == 1
    assert figures["ended_total", "accounts.reset_password", "discarded"] == 1
    assert figures["waiting", "high", "queued"] == 1
    assert figures["waiting", "high", "deferred"] == 0
    assert 0 <= figures["oldest_seconds", "high"] < 60
    assert figures["delivery_seconds_count", "high"] == 1
    assert 0 < figures["delivery_seconds_sum", "high"] < 60
    assert figures["delivery_seconds_bucket", "high", "60.0"] == 1


def test_the_buckets_of_a_histogram_add_up(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    for name in ("susan", "bob"):
        make_user(app, name)
        visitor.ask_for_reset(f"{name}@example.com")
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(OutboxMessage)
            .where(OutboxMessage.recipient == "susan@example.com")
            .values(created_at=OutboxMessage.created_at - 100)
        )
    deliver()
    figures = read(app)
    buckets = [
        figures["delivery_seconds_bucket", "high", bound]
        for bound in ("60.0", "300.0", "14400.0", "+Inf")
    ]
    assert buckets == [1, 2, 2, 2]


def test_an_empty_outbox_has_metrics_too(app: Flask) -> None:
    figures = read(app)
    assert figures["ended_total", "accounts.reset_password", "dead"] == 0
    assert figures["waiting", "low", "queued"] == 0
    assert figures["oldest_seconds", "low"] == 0
    assert figures["delivery_seconds_count", "low"] == 0


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Basic x", f"Bearer {TOKEN}x", "ä"]
)
def test_metrics_are_hidden_without_the_token(app: Flask, given: str) -> None:
    headers = {"Authorization": given} if given else {}
    assert app.test_client().get("/metrics", headers=headers).status_code == 404


def test_without_a_token_there_is_no_such_page(make_app: Callable[..., Flask]) -> None:
    assert make_app().test_client().get("/metrics").status_code == 404
    assert make_app(demo=True).test_client().get("/metrics").status_code == 200


def read(app: Flask) -> dict[tuple[str, ...], float]:
    """The value of each metric, by its name without the common prefix, and its labels."""
    answer = app.test_client().get("/metrics", headers=READER)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {
        (sample.name.removeprefix("microblog_mail_"), *sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
    }
