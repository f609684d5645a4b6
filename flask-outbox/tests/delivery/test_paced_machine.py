"""Whatever happens under rate limits, in any order: the promises in docs/delivery.md hold."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine, create_engine, event

from tests.delivery.paced_machine import PacedMachine

pytestmark = pytest.mark.slow

FACTOR = int(os.environ.get("TEST_EXAMPLES_FACTOR", "1"))
EXAMPLES = {"sqlite": 40 * FACTOR, "postgresql": 5 * FACTOR}
STEPS = 20


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    # As in the site: a process that dies in this test leaves its connections behind.
    made = create_engine(database_url, max_overflow=-1)
    if made.dialect.name == "sqlite":

        @event.listens_for(made, "connect")
        def _hurry(connection: sqlite3.Connection, _record: object) -> None:
            # No test here depends on what a power cut loses.
            connection.execute("PRAGMA synchronous = OFF")

    yield made
    made.dispose()


def test_any_interleaving_keeps_what_rate_limits_promise(engine: Engine) -> None:
    """Never more than the limit in its time; nothing waits without need; urgent mail goes first;
    nothing polls again and again; and in the end everything has left."""
    machine: Any = partial(PacedMachine, engine)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=EXAMPLES[engine.dialect.name],
            stateful_step_count=STEPS,
            deadline=None,
            # The same sequences in every build; others if more are asked for.
            derandomize=FACTOR == 1,
            suppress_health_check=list(HealthCheck),
        ),
    )
