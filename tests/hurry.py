"""For what must not take long, whatever is sent: most of all while no other thread can run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 4.0
"""A slow machine needs far less; what grows with the square of a length, far more."""

TOWER = "a" + "\u0301" * 40_000 + "\u0323" * 40_000
"""Marks in an order that is not the canonical one: normalising sorts them one by one."""


@contextmanager
def soon() -> Iterator[None]:
    """Fail where this thread computes for too long; what it waits for does not count."""
    begun = time.thread_time()
    yield
    assert time.thread_time() - begun < SECONDS
