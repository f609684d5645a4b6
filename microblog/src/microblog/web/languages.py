"""The languages of the site, and which of them a reader gets."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from zoneinfo import available_timezones

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, format_time
from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale, get_timezone
from flask_login import current_user
from markupsafe import Markup

from microblog.web.cookies import cookie_name, cookie_path
from microblog.web.supported_languages import LANGUAGES, NAMES, nearest_language

LANGUAGE_COOKIE = "language"
TIME_ZONE_COOKIE = "time_zone"

babel = Babel()


def init_app(app: Flask) -> None:
    app.config["LANGUAGES"] = LANGUAGES
    babel.init_app(app, locale_selector=_select, timezone_selector=_time_zone)
    app.jinja_env.filters["local_time"] = local_time
    app.jinja_env.globals.update(
        language=current_language, languages=NAMES, time_zone_cookie=_time_zone_cookie
    )


def current_language() -> str:
    """The language of this request, as one of LANGUAGES."""
    return str(get_locale() or LANGUAGES[0])


def supported_locale(locale: str) -> str:
    """The language of the site that is nearest to this locale."""
    return negotiate_locale([locale.replace("-", "_")], LANGUAGES) or LANGUAGES[0]


def local_time(moment: datetime) -> str:
    """Format a moment to the minute, in the reader's language and time zone.

    If the zone is unknown, it is in UTC and says so.
    """
    language = current_language()
    text = format_datetime(moment, minute_pattern(language), tzinfo=get_timezone(), locale=language)
    return text if _time_zone() else f"{text} UTC"


def local_time_soon(moment: datetime, *, now: datetime) -> str:
    """Format a moment as `local_time` does, without its date if that is today's."""
    zone, language = get_timezone(), current_language()
    if moment.astimezone(zone).date() != now.astimezone(zone).date():
        return local_time(moment)
    text = format_time(moment, "short", tzinfo=zone, locale=language)
    return text if _time_zone() else f"{text} UTC"


@cache
def minute_pattern(language: str) -> str:
    """The language's pattern for a date with the month's name, and a time without seconds."""
    locale = Locale.parse(language)
    date, time = locale.date_formats["medium"].pattern, locale.time_formats["short"].pattern
    return str(locale.datetime_formats["medium"]).replace("{1}", date).replace("{0}", time)


def is_time_zone(name: str) -> bool:
    """Whether there is a time zone with this IANA name."""
    return name in time_zones()


@cache
def time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _time_zone() -> str | None:
    """The zone the reader chose, else the one their browser reported; None means UTC."""
    if not has_request_context():
        return None
    zone = _choice("time_zone") or request.cookies.get(cookie_name(TIME_ZONE_COOKIE), "")
    return zone if is_time_zone(zone) else None


def _time_zone_cookie() -> Markup:
    """The attributes that tell a page's script in which cookie to store the browser's time zone."""
    name, path = cookie_name(TIME_ZONE_COOKIE), cookie_path()
    return Markup(' data-cookie="{}" data-path="{}"').format(name, path)


def _select() -> str | None:
    """The language of the account, else the one chosen in this browser, else the browser's own."""
    if not has_request_context():
        return None
    for chosen in (_choice("locale"), request.cookies.get(cookie_name(LANGUAGE_COOKIE))):
        if chosen in LANGUAGES:
            return chosen
    return next(
        (ours for ours in map(nearest_language, request.accept_languages.values()) if ours), None
    )


def _choice(name: str) -> str | None:
    """A preference of the account that is signed in, if any."""
    return getattr(getattr(current_user, "user", None), name, None)
