"""Moments in words, in the current language and in the reader's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_skeleton, format_time
from flask import Flask
from flask_babel import get_locale, get_timezone
from flask_babel import gettext as _

from microblog.database import utc_now
from microblog.web.languages import current_language, minute_pattern
from microblog.web.supported_languages import LANGUAGES

MINUTE, HOUR, DAY = 60, 3600, 86400
WEEK = 7 * DAY

DATES_MAXIMUM = 4096
"""How many are kept in words."""


def init_app(app: Flask) -> None:
    app.jinja_env.filters["exact_time"] = lambda moment: in_words(moment, get_timezone())
    app.jinja_env.filters["month_name"] = month_name
    app.jinja_env.filters["relative_time"] = lambda moment: relative_time(
        moment, now=utc_now().astimezone(get_timezone())
    )


def relative_time(moment: datetime, *, now: datetime) -> str:
    """How long ago a moment was, up to a week; then its date, with the year if it is another.

    `now` is in the reader's time zone.
    """
    seconds = (now - moment).total_seconds()
    if seconds < MINUTE:
        return _("now")
    if seconds < HOUR:
        return _("%(num)d min", num=seconds // MINUTE)
    if seconds < DAY:
        return _("%(num)d h", num=seconds // HOUR)
    if seconds < WEEK:
        return _("%(num)d d", num=seconds // DAY)
    return _day(moment, now.year, now.tzinfo or UTC, current_language())


def day_name(moment: datetime, *, now: datetime) -> str:
    """The day of a moment, as a heading; `now` is in the reader's time zone."""
    day, today = moment.astimezone(now.tzinfo).date(), now.date()
    if day == today:
        return _("Today")
    if day == today - timedelta(days=1):
        return _("Yesterday")
    skeleton = "MMMMEEEEd" if day.year == today.year else "yMMMMEEEEd"
    return _date(moment, skeleton, now.tzinfo or UTC, current_language())


def time_of_day(moment: datetime, zone: tzinfo) -> str:
    """The hour and minute of a moment."""
    return format_time(moment, "short", tzinfo=zone, locale=current_language())


def month_name(moment: datetime) -> str:
    """The month of a moment, with its year, as it stands in a sentence."""
    return _month(moment, get_timezone(), current_language())


@lru_cache(DATES_MAXIMUM)
def _month(moment: datetime, zone: tzinfo, language: str) -> str:
    # In Russian a month by itself (L) is a word in another case.
    pattern = Locale.parse(language).datetime_skeletons["yMMMM"].pattern.replace("L", "M")
    return format_datetime(moment, pattern, tzinfo=zone, locale=language)


@lru_cache(DATES_MAXIMUM)
def _day(moment: datetime, this_year: int, zone: tzinfo, language: str) -> str:
    is_recent = moment.astimezone(zone).year == this_year
    return _date(moment, "MMMd" if is_recent else "yMMMd", zone, language)


@lru_cache(DATES_MAXIMUM)
def _date(moment: datetime, skeleton: str, zone: tzinfo, language: str) -> str:
    return format_skeleton(skeleton, moment, tzinfo=zone, locale=language)


def zone_named(name: str | None) -> tzinfo:
    """The time zone with this IANA name; UTC if there is none."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):
        return UTC


def whole_minute(moment: datetime) -> datetime:
    """Round a moment up to the minute, so that what is announced for it is possible by then."""
    return moment + timedelta(seconds=-moment.timestamp() % 60)


def from_unix(seconds: float) -> datetime:
    """The moment of this Unix time, in which the outbox counts."""
    return datetime.fromtimestamp(seconds, UTC)


def moment_in_words(moment: datetime, zone: str | None, *, today: datetime | None = None) -> str:
    """Format a moment for mail to the minute, in the time zone with this name.

    Without one, it is in UTC and says so. If it is on the day of `today`, only its time is told.
    """
    reader, language = zone_named(zone), current_language()
    if today is not None and moment.astimezone(reader).date() == today.astimezone(reader).date():
        words = format_time(moment, "short", tzinfo=reader, locale=language)
    else:
        words = format_datetime(moment, minute_pattern(language), tzinfo=reader, locale=language)
    return _with_plain_blanks(words if reader is not UTC else f"{words} UTC")


def in_words(moment: datetime, zone: tzinfo) -> str:
    """Format a moment to the second with its zone, for people who compare it with other records."""
    words = format_datetime(moment, "long", tzinfo=zone, locale=get_locale() or LANGUAGES[0])
    return _with_plain_blanks(words)


def _with_plain_blanks(words: str) -> str:
    # Some languages' formats have narrow blanks, which not every mail program shows.
    return " ".join(words.split())
