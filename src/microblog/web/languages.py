"""The languages of the site, and which of them a visitor reads."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from babel import Locale, negotiate_locale
from flask import Flask, has_request_context, request
from flask_babel import Babel, format_date, format_time, get_locale, to_user_timezone

LANGUAGES = ("en",)

TIME_ZONE_COOKIE = "time_zone"

babel = Babel()


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=_select, timezone_selector=_time_zone)
    app.jinja_env.filters["local_time"] = local_time


def current_language() -> str:
    """The language of this request, as one of LANGUAGES."""
    return str(get_locale() or LANGUAGES[0])


def spoken(locale: str) -> str:
    """The language of the site that comes nearest to the one that somebody asked for."""
    return negotiate_locale([locale.replace("-", "_")], LANGUAGES) or LANGUAGES[0]


def local_time(moment: datetime) -> str:
    """A moment in the reader's language and time zone, to the minute; UTC is named."""
    locale = get_locale() or Locale.parse(LANGUAGES[0])
    parts = str(locale.datetime_formats["medium"])
    date, time = format_date(to_user_timezone(moment), "medium"), format_time(moment, "short")
    said = parts.replace("{1}", date).replace("{0}", time)
    return said if _time_zone() else f"{said} UTC"


def _time_zone() -> str | None:
    """The zone that the browser told by its cookie; None means UTC."""
    zone = request.cookies.get(TIME_ZONE_COOKIE, "") if has_request_context() else ""
    return zone if zone in _zones() else None


@cache
def _zones() -> set[str]:
    return available_timezones()


def _select() -> str | None:
    if not has_request_context():
        return None
    return request.accept_languages.best_match(LANGUAGES)
