"""Moments as their reader writes them: briefly in lists, exactly in a message's history."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from flask_babel import Babel
from markupsafe import Markup

from flask_outbox.dashboard.rendering import moment, recent

MOMENT = datetime(2026, 11, 29, 16, 1, 5, tzinfo=UTC).timestamp()
DAY = 86400


def shown(time: Markup) -> str:
    return time.striptags()


@pytest.mark.parametrize(
    ("language", "today", "this_year", "earlier"),
    [
        ("en", "4:01 PM UTC", "Nov 29, 4:01 PM UTC", "Nov 29, 2026, 4:01 PM UTC"),
        ("ru", "16:01 UTC", "29 нояб., 16:01 UTC", "29 нояб. 2026 г., 16:01 UTC"),
        ("zh_Hant", "下午4:01 UTC", "11月29日 下午4:01 UTC", "2026年11月29日 下午4:01 UTC"),
        (None, "16:01 UTC", "2026-11-29 16:01 UTC", "2026-11-29 16:01 UTC"),
    ],
)
def test_a_list_has_no_more_of_a_date_than_is_needed(
    language: str | None, today: str, this_year: str, earlier: str
) -> None:
    with _application(language).app_context():
        assert shown(recent(MOMENT, now=MOMENT + 3600)) == today
        assert shown(recent(MOMENT, now=MOMENT + 5 * DAY)) == this_year
        assert shown(recent(MOMENT, now=MOMENT + 90 * DAY)) == earlier


@pytest.mark.parametrize(
    ("language", "exact"),
    [
        ("en", "November 29, 2026, 4:01:05 PM UTC"),
        ("ru", "29 ноября 2026 г., 16:01:05 UTC"),
        ("zh_Hant", "2026年11月29日 下午4:01:05 UTC"),
        (None, "2026-11-29 16:01:05 UTC"),
    ],
)
def test_a_history_has_seconds_and_the_zone(language: str | None, exact: str) -> None:
    with _application(language).app_context():
        assert shown(moment(MOMENT)) == exact


def _application(language: str | None) -> Flask:
    app = Flask("bare", static_folder=None)
    if language:
        Babel(app, default_locale=language)
    return app
