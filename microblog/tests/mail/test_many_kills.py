"""Killed again and again, at every step and in between, the dispatcher loses nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from benchmarks.killing import SINK_DELAY, WAYS, Campaign
from benchmarks.sink import running_sink
from microblog.settings import Settings

pytestmark = pytest.mark.slow

MESSAGES, KILLS = 1000, 20


def test_twenty_kills_lose_nothing(
    app: Flask, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    seed = random.randrange(2**32)
    taken = tmp_path / "taken"
    with running_sink(delay=SINK_DELAY, log=taken) as port:
        settings = make_settings(MAIL_PORT=port, PUBLIC_URL="http://localhost")
        outcome = Campaign(app, settings, taken, random.Random(seed)).run(MESSAGES, KILLS)
    assert outcome.good, f"{outcome}, with random numbers that begin at {seed}"
    assert sum(outcome.kills.values()) == KILLS
    assert len(outcome.kills) == len(WAYS), "each step was reached"
    assert outcome.copies > 0, "no kill hit a message between its acceptance and its end"
