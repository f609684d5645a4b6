"""How messages ended, hour by hour, as a small picture: columns of one segment for each status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask_outbox.operations.counts import Hour
from flask_outbox.outbox.models import Status

COLUMN = 10
HEIGHT = 100
SMALLEST = 2.0
"""The height of what is there at all: one failure among a thousand must be seen."""

ORDER = (
    Status.SENT,
    Status.DISCARDED,
    Status.CANCELLED,
    Status.EXPIRED,
    Status.UNKNOWN,
    Status.DEAD,
)
"""From the bottom of a column to its top."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a column, in units of the picture: COLUMN a column, HEIGHT in all."""

    status: Status
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """What to draw. `statuses` are those that there are, with how many messages ended so."""

    width: int
    segments: Sequence[Segment]
    statuses: dict[Status, int]
    most: int
    """Messages in the highest column."""


def draw(hours: Sequence[Hour]) -> Picture:
    totals = Counter[str]()
    for hour in hours:
        totals.update(hour.by_status)
    most = max((sum(hour.by_status.values()) for hour in hours), default=0)
    scale = (HEIGHT - SMALLEST * len(ORDER)) / max(most, 1)
    segments = [
        segment
        for number, hour in enumerate(hours)
        for segment in _column(number * COLUMN, hour.by_status, scale)
    ]
    present = {status: totals[status] for status in ORDER if totals[status]}
    return Picture(len(hours) * COLUMN, segments, present, most)


def _column(x: float, by_status: dict[str, int], scale: float) -> list[Segment]:
    segments = []
    y = float(HEIGHT)
    for status in ORDER:
        if by_status.get(status):
            height = max(by_status[status] * scale, SMALLEST)
            y -= height
            segments.append(Segment(status, x, round(y, 2), round(height, 2)))
    return segments
