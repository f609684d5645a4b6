"""Whatever happens to the outbox, in any order: nothing is lost, nothing is sent twice without
need, and a status changes only along the arrows in docs/delivery.md."""

from __future__ import annotations

import logging
import os
import re
import sqlite3
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, create_engine, event

from flask_outbox.operations.messages import RETRYABLE
from flask_outbox.outbox.models import WAITING, Status
from flask_outbox.outbox.rate_limits import RateLimits
from tests.delivery.outbox_machine import LIMITS, OutboxMachine

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[2] / "docs" / "delivery.md"

FACTOR = int(os.environ.get("TEST_EXAMPLES_FACTOR", "1"))
"""For a longer search than in a run of all tests."""

EXAMPLES = {"sqlite": 50 * FACTOR, "postgresql": 10 * FACTOR}
STEPS = 30


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="flask_outbox")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    made = create_engine(database_url)
    if made.dialect.name == "sqlite":

        @event.listens_for(made, "connect")
        def _hurry(connection: sqlite3.Connection, _record: object) -> None:
            # No test here depends on what a power cut loses.
            connection.execute("PRAGMA synchronous = OFF")

    yield made
    made.dispose()


@pytest.mark.parametrize("limits", [RateLimits(), LIMITS], ids=["unlimited", "limited"])
def test_any_interleaving_keeps_what_the_outbox_promises(
    engine: Engine, limits: RateLimits
) -> None:
    machine: Any = partial(OutboxMachine, engine, drawn_arrows(), limits)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES[engine.dialect.name],
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_diagram_has_each_status_and_shows_what_can_be_retried() -> None:
    arrows = drawn_arrows()
    drawn = {status for arrow in arrows for status in arrow}
    # What follows after "sent" is drawn in feedback.md.
    assert drawn == {str(status) for status in Status if status not in AFTER_SENT}
    assert {source for source, target in arrows if target == "queued"} == {*RETRYABLE}
    assert {source for source, target in arrows if target == "sent"} == {*WAITING}


AFTER_SENT = {Status.DELIVERED, Status.BOUNCED, Status.COMPLAINED}


def drawn_arrows() -> set[tuple[str, str]]:
    """The changes of a status in the page's diagram."""
    (drawing,) = re.findall(r"(?m)^```text\n(queued ─.*?)^```", PAGE.read_text(), re.DOTALL)
    sources = re.findall(r"(?m)^(\w+) ─", drawing)
    ends = re.findall(r"[┬├┴]──► (\w+)(?!\w* again)( +─[┐┤])?", drawing)
    assert sources == ["queued", "deferred"]
    assert re.search(r"(?m)^ +▼", drawing)
    assert re.search(r"(?m)^ +└─+┴──► queued again", drawing), "deferred can be retried, too"
    return {
        ("queued", "deferred"),
        ("deferred", "queued"),
        *((source, end) for source in sources for end, _ in ends),
        *((end, "queued") for end, again in ends if again),
    }
