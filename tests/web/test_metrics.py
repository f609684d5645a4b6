"""Figures for a monitoring system, which strangers must not read."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor

TOKEN = "a token for the monitoring"
READER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(PUBLIC_URL="http://localhost", METRICS_TOKEN=TOKEN)


def test_what_waits_and_what_was_sent_is_counted(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    visitor.register("susan")
    visitor.ask_for_reset("susan@example.com")
    visitor.ask_for_reset("nobody@example.com")
    deliver()
    visitor.ask_for_reset("susan@example.com")
    figures = read(app)
    assert figures["microblog_mail_messages", "sent"] == 1
    assert figures["microblog_mail_messages", "discarded"] == 1
    assert figures["microblog_mail_messages", "queued"] == 1
    assert figures["microblog_mail_waiting", "prompt"] == 1
    assert figures["microblog_mail_waiting", "bulk"] == 0
    assert 0 <= figures["microblog_mail_oldest_seconds", "prompt"] < 60
    assert 0 < figures["microblog_mail_delivery_seconds", "0.99"] < 60


def test_an_empty_outbox_has_figures_too(app: Flask) -> None:
    assert read(app)["microblog_mail_messages", "dead"] == 0


@pytest.mark.parametrize(
    "given", ["", "Bearer", "Bearer wrong", "Basic x", f"Bearer {TOKEN}x", "ä"]
)
def test_strangers_see_nothing(app: Flask, given: str) -> None:
    headers = {"Authorization": given} if given else {}
    assert app.test_client().get("/metrics", headers=headers).status_code == 404


def test_without_a_token_there_is_no_such_page(make_app: Callable[..., Flask]) -> None:
    assert make_app().test_client().get("/metrics").status_code == 404
    assert make_app(demo=True).test_client().get("/metrics").status_code == 200


def read(app: Flask) -> dict[tuple[str, str], float]:
    answer = app.test_client().get("/metrics", headers=READER)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {
        (sample.name, next(iter(sample.labels.values()))): sample.value
        for family in families
        for sample in family.samples
    }
