"""The languages of the site, and which of them a reader gets."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import cache, lru_cache
from urllib.parse import unquote
from zoneinfo import available_timezones

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, format_time
from flask import Flask, g, has_request_context, request
from flask_babel import Babel, Domain, get_locale, get_timezone, get_translations
from flask_login import current_user
from jinja2 import pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from microblog.web.cookies import cookie_name, cookie_path
from microblog.web.supported_languages import LANGUAGES, NAMES, nearest_language

LANGUAGE_COOKIE = "language"
TIME_ZONE_COOKIE = "time_zone"

TEXTS_MAXIMUM = 4096
"""How many texts and moments are kept: more than the site has, and than a few pages show."""

babel = Babel()


class _Texts(Domain):
    """Flask-Babel's, which would look up the catalogue for each text."""

    def gettext(self, string: str, **variables: object) -> str:
        translated = translation(string, current_language(), is_html=False)
        return translated % variables if variables else translated


def init_app(app: Flask) -> None:
    app.config["LANGUAGES"] = LANGUAGES
    babel.init_app(app, locale_selector=_select, timezone_selector=reader_zone)
    babel.domain_instance = _Texts()
    # Jinja's own resolve each name twice.
    app.jinja_env.globals.update(_=_gettext, gettext=_gettext)
    app.jinja_env.filters["local_time"] = local_time
    app.jinja_env.globals.update(
        language=current_language, languages=NAMES, time_zone_cookie=_time_zone_cookie
    )


def current_language() -> str:
    """The language of this request, as one of LANGUAGES."""
    try:
        # Each text asks, and Flask-Babel takes long to return what it knows already.
        locale = g._flask_babel.babel_locale  # noqa: SLF001
    except (AttributeError, RuntimeError):
        locale = get_locale()
    return _identifier(locale) if locale else LANGUAGES[0]


def supported_locale(locale: str) -> str:
    """The language of the site that is nearest to this locale."""
    return negotiate_locale([locale.replace("-", "_")], LANGUAGES) or LANGUAGES[0]


def local_time(moment: datetime) -> str:
    """Format a moment to the minute, in the reader's language and time zone.

    If the zone is unknown, it is in UTC and says so.
    """
    text = _formatted(moment, current_language(), get_timezone())
    return text if reader_zone() else f"{text} UTC"


@lru_cache(TEXTS_MAXIMUM)
def _formatted(moment: datetime, language: str, zone: tzinfo) -> str:
    return format_datetime(moment, minute_pattern(language), tzinfo=zone, locale=language)


def local_time_soon(moment: datetime, *, now: datetime) -> str:
    """Format a moment as `local_time` does, without its date if that is today's."""
    zone, language = get_timezone(), current_language()
    if moment.astimezone(zone).date() != now.astimezone(zone).date():
        return local_time(moment)
    text = format_time(moment, "short", tzinfo=zone, locale=language)
    return text if reader_zone() else f"{text} UTC"


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


@pass_eval_context
def _gettext(evaluation: EvalContext, text: str, /, **variables: object) -> str:
    """Translate a text of a template; it is a format string, also without variables."""
    translated = translation(text, current_language(), is_html=bool(evaluation.autoescape))
    return translated % variables if "%" in text else translated


@lru_cache(TEXTS_MAXIMUM)
def translation(text: str, _language: str, *, is_html: bool) -> str:
    """A text in the current language, of which there is one translation in each."""
    translated: str = get_translations().ugettext(text)
    return Markup(translated) if is_html else translated  # noqa: S704 - the site's own text


@cache
def _identifier(locale: Locale) -> str:
    return str(locale)


def reader_zone() -> str | None:
    """The zone the reader chose, else the one their browser reported; None means UTC."""
    if not has_request_context():
        return None
    chosen = _choice("time_zone")
    return chosen if chosen and is_time_zone(chosen) else browser_zone()


def browser_zone() -> str | None:
    """The zone that the browser reported, if it did."""
    # The page's script writes its slash as %2F.
    zone = unquote(request.cookies.get(cookie_name(TIME_ZONE_COOKIE), ""))
    return zone if is_time_zone(zone) else None


def _time_zone_cookie() -> Markup:
    """The attributes that tell a page's script in which cookie to store the browser's time zone."""
    name, path = cookie_name(TIME_ZONE_COOKIE), cookie_path()
    return _cookie_attributes(name, path)


@cache
def _cookie_attributes(name: str, path: str) -> Markup:
    return Markup(' data-cookie="{}" data-path="{}"').format(name, path)


def _select() -> Locale:
    return _locale(_selected() or LANGUAGES[0])


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)


def _selected() -> str | None:
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
