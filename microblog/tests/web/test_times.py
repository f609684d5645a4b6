"""Moments in mail: in the reader's language and time zone, to the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask_babel import force_locale

from microblog.web.times import moment_in_words, month_name, relative_time
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


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "ago", "words"),
    [
        ("en", timedelta(seconds=-5), "now"),
        ("en", timedelta(seconds=59), "now"),
        ("en", timedelta(minutes=1), "1 min"),
        ("en", timedelta(minutes=59, seconds=59), "59 min"),
        ("en", timedelta(hours=1), "1 h"),
        ("en", timedelta(hours=23, minutes=59), "23 h"),
        ("en", timedelta(days=6, hours=23), "6 d"),
        ("en", timedelta(days=7), "Feb 22"),
        ("en", timedelta(days=70), "Dec 21, 2025"),
        ("ru", timedelta(minutes=12), "12 мин"),
        ("ru", timedelta(days=7), "22 февр."),
        ("zh_Hant", timedelta(minutes=12), "12 分鐘"),
        ("zh_Hant", timedelta(days=7), "2月22日"),
    ],
)
def test_a_week_is_counted_and_what_is_older_has_a_date(
    app: Flask, locale: str, ago: timedelta, words: str
) -> None:
    with app.test_request_context(), force_locale(locale):
        assert relative_time(MOMENT - ago, now=MOMENT) == words


@ON_SQLITE
@pytest.mark.parametrize(
    ("locale", "words"),
    [("en", "March 2026"), ("ru", "марта 2026\u202fг."), ("zh_Hant", "2026年3月")],
)
def test_a_month_stands_in_a_sentence(app: Flask, locale: str, words: str) -> None:
    with app.app_context(), force_locale(locale):
        assert month_name(MOMENT) == words
