"""Counting the messages that the mail server got within a time."""

from __future__ import annotations

from collections.abc import Iterable


def most_within(seconds: float, moments: Iterable[float]) -> int:
    """The largest number of moments in any interval of so many seconds, excluding its end."""
    ordered = sorted(moments)
    most, first = 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
