"""Bundles leave once a day, whatever clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from microblog.notifications.schedule import latest_moment, next_moment

ZONES = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Moscow",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Los_Angeles",
    "America/Havana",
    "America/Santiago",
    "Asia/Taipei",
    "Asia/Kathmandu",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Australia/Lord_Howe",
    "Australia/Adelaide",
    "Pacific/Apia",
    "Pacific/Chatham",
)
"""Twenty zones: of both hemispheres, with half hours and quarters, and a change by half an hour."""

CHANGES = (date(2026, 3, 1), date(2026, 9, 20))
"""Within the 60 days after these, every zone that changes its clocks does."""


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("hour", [0, 1, 2, 3, 8, 23])
@pytest.mark.parametrize("begin", CHANGES)
def test_each_day_has_one_moment(zone: str, hour: int, begin: date) -> None:
    there = ZoneInfo(zone)
    moment = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
    days = []
    for _ in range(60):
        following = next_moment(moment, there, hour)
        assert moment < following
        assert latest_moment(following, there, hour) == following
        assert latest_moment(following - timedelta(seconds=1), there, hour) < following
        days.append(following.astimezone(there).date())
        moment = following
    assert days == [days[0] + timedelta(days=number) for number in range(60)]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("weekday", range(7))
def test_each_week_has_one_moment(zone: str, weekday: int) -> None:
    there = ZoneInfo(zone)
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    days = []
    for _ in range(10):
        moment = next_moment(moment, there, 7, weekday)
        assert latest_moment(moment + timedelta(days=6), there, 7, weekday) == moment
        days.append(moment.astimezone(there).date())
    assert {day.weekday() for day in days} == {weekday}
    assert days == [days[0] + timedelta(weeks=number) for number in range(10)]


def test_an_hour_that_is_left_out_is_the_one_after_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = next_moment(datetime(2026, 3, 28, 12, tzinfo=UTC), berlin, 2)
    assert spring == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert spring.astimezone(berlin).hour == 3
    autumn = next_moment(datetime(2026, 10, 24, 12, tzinfo=UTC), berlin, 2)
    assert autumn == datetime(2026, 10, 25, 0, tzinfo=UTC), "the first of two"
