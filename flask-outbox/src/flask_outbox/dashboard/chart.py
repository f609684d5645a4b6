"""A chart of how messages ended, hour by hour: a column an hour, a segment a status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from flask_outbox.operations.counts import Hour
from flask_outbox.outbox.models import Status

COLUMN = 10
HEIGHT = 100
SMALLEST = 2.0
"""The least height of a segment: one failure among a thousand messages must be visible."""

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
    """A part of a column, in units of the chart: COLUMN wide, HEIGHT high at most."""

    status: Status
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw; `statuses` counts the messages that ended with each status."""

    width: int
    segments: Sequence[Segment]
    statuses: dict[Status, int]
    highest: int
    """Messages in the highest column."""


def draw(hours: Sequence[Hour]) -> Chart:
    totals = Counter[str]()
    for hour in hours:
        totals.update(hour.by_status)
    highest = max((sum(hour.by_status.values()) for hour in hours), default=0)
    scale = (HEIGHT - SMALLEST * len(ORDER)) / max(highest, 1)
    segments = [
        segment
        for position, hour in enumerate(hours)
        for segment in _column(position * COLUMN, hour.by_status, scale)
    ]
    present = {status: totals[status] for status in ORDER if totals[status]}
    return Chart(len(hours) * COLUMN, segments, present, highest)


def _column(x: float, by_status: dict[str, int], scale: float) -> list[Segment]:
    segments = []
    y = float(HEIGHT)
    for status in ORDER:
        if by_status.get(status):
            height = max(by_status[status] * scale, SMALLEST)
            y -= height
            segments.append(Segment(status, x, round(y, 2), round(height, 2)))
    return segments
