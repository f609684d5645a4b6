"""Whatever comes back, in any order: what docs/feedback.md promises holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.feedback.coming_back import ComingBack, known_provider
from tests.feedback.feedback_machine import FeedbackMachine

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("app_context")]

FACTOR = int(os.environ.get("TEST_EXAMPLES_FACTOR", "1"))
EXAMPLES = {"sqlite": 30 * FACTOR, "postgresql": 3 * FACTOR}
STEPS = 30


def test_any_interleaving_keeps_what_is_promised(
    app: Flask, deliver: Callable[[], int], database_url: str
) -> None:
    """An event counts once, statuses follow the arrows, and no mail of a list goes to somebody
    who was told that they are unsubscribed."""
    with known_provider():
        machine: Any = partial(FeedbackMachine, ComingBack(app), deliver)
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES[database_url.partition("+")[0].partition(":")[0]],
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=FACTOR == 1,
                suppress_health_check=list(HealthCheck),
            ),
        )
