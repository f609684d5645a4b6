"""Moments in mail: in the reader's language and time zone, to the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from microblog.web.times import moment_in_words
from tests.visitor import ON_SQLITE

MOMENT = datetime(2026, 3, 1, 23, 30, 45, tzinfo=UTC)


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "zone", "words"),
    [
        ("en", None, "Mar 1, 2026, 11:30 PM UTC"),
        ("en", "Nowhere/Else", "Mar 1, 2026, 11:30 PM UTC"),
        ("en", "Europe/Berlin", "Mar 2, 2026, 12:30 AM"),
        ("ru", "Europe/Moscow", "2 мар. 2026 г., 02:30"),
        ("zh_Hant", "Asia/Taipei", "2026年3月2日 清晨7:30"),
    ],
)
def test_a_moment_is_in_the_readers_language_and_zone(
    app: Flask, locale: str, zone: str | None, words: str
) -> None:
    with app.app_context(), force_locale(locale):
        assert moment_in_words(MOMENT, zone) == words


@ON_SQLITE
@pytest.mark.parametrize(
    ("zone", "earlier", "words"),
    [
        (None, timedelta(hours=23), "11:30 PM UTC"),
        (None, timedelta(hours=24), "Mar 1, 2026, 11:30 PM UTC"),
        # In Berlin a new day began half an hour before.
        ("Europe/Berlin", timedelta(minutes=30), "12:30 AM"),
        ("Europe/Berlin", timedelta(minutes=31), "Mar 2, 2026, 12:30 AM"),
    ],
)
def test_the_date_of_today_is_left_out(
    app: Flask, zone: str | None, earlier: timedelta, words: str
) -> None:
    with app.app_context():
        assert moment_in_words(MOMENT, zone, today=MOMENT - earlier) == words
