"""Pages inside the application's layout, and moments and numbers as their reader writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flask import render_template
from markupsafe import Markup

from flask_outbox.application import current_outbox
from flask_outbox.dashboard import labels
from flask_outbox.dashboard.csrf import csrf_field
from flask_outbox.language import has_babel
from flask_outbox.page_texts import gettext, ngettext, page_language

if TYPE_CHECKING:
    from babel import Locale

_FOLDER = "flask_outbox/dashboard"
OWN_LAYOUT = f"{_FOLDER}/layout.html"

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def render_page(
    template: str,
    title: str,
    *,
    layout: str,
    navigation: bool,
    has_error: bool = False,
    **context: object,
) -> str:
    """Render a template of ours, and put it into the block `content` of the layout.

    The two are rendered apart, so that neither sees the other's functions and variables. With
    `has_error`, the window's title says first that something is wrong.
    Raises RuntimeError if the layout has no such block: the page would be empty.
    """
    made = render_template(
        f"{_FOLDER}/{template}.html",
        title=title,
        navigation=navigation,
        _=gettext,
        ngettext=ngettext,
        csrf_field=csrf_field,
        labels=labels,
        moment=moment,
        recent=partial(recent, now=current_outbox().clock()),
        duration=duration,
        number=number,
        percent=percent,
        **context,
    )
    title = gettext("Error: %(title)s", title=title) if has_error else title
    content = Markup(made)  # noqa: S704 - Jinja escaped what is in it
    page = render_template(
        f"{_FOLDER}/page.html",
        outbox_layout=layout,
        outbox_title=title,
        outbox_content=content,
        outbox_language=page_language(),
        title=title,
    )
    if content not in page:
        raise RuntimeError(f"The dashboard's layout {layout!r} has no block named 'content'.")
    return page


def reader_zone() -> tzinfo:
    """The time zone of the reader, from Flask-Babel; UTC without it."""
    if not has_babel():
        return UTC
    from flask_babel import get_timezone  # noqa: PLC0415 - an application need not have it

    try:
        return ZoneInfo(str(get_timezone()))
    except (LookupError, ValueError, OSError):
        return UTC


def moment(seconds: float) -> Markup:
    """A moment in Unix time, to the second and with its zone."""
    return _time(seconds, _exactly)


def recent(seconds: float, *, now: float) -> Markup:
    """A moment as briefly as can be: today's without the date, this year's without the year."""
    today = datetime.fromtimestamp(now, UTC)
    return _time(seconds, lambda when: _briefly(when, today))


def duration(seconds: float) -> str:
    """Roughly how long, like "3 minutes"."""
    if has_babel():
        from flask_babel import format_timedelta  # noqa: PLC0415 - an application need not have it

        return str(format_timedelta(timedelta(seconds=seconds), threshold=1.5))
    for size, unit in _UNITS:
        if seconds >= size * 1.5:
            return f"{round(seconds / size)} {unit}s"
    return "1 second" if round(seconds) == 1 else f"{round(seconds)} seconds"


def number(count: int) -> str:
    """A number with the separators of the reader's language."""
    if has_babel():
        from flask_babel import format_decimal  # noqa: PLC0415 - an application need not have it

        return str(format_decimal(count))
    return f"{count:,}"


def percent(rate: float) -> str:
    """A rate as a percentage with one or two digits after the point, like 2.5 % or 0.12 %."""
    digits = 1 if rate >= 0.01 else 2
    if has_babel():
        from flask_babel import format_percent  # noqa: PLC0415 - an application need not have it

        return str(format_percent(rate, "#,##0." + "0" * digits + "%"))
    return f"{rate:.{digits}%}"


def _time(seconds: float, in_words: Callable[[datetime], str]) -> Markup:
    when = datetime.fromtimestamp(seconds, UTC)
    # Some languages' formats have narrow blanks, which not every font has.
    words = " ".join(in_words(when).split())
    return Markup('<time datetime="{}">{}</time>').format(when.isoformat(timespec="seconds"), words)


def _exactly(when: datetime) -> str:
    if not has_babel():
        return when.strftime("%Y-%m-%d %H:%M:%S UTC")
    from babel.dates import format_datetime  # noqa: PLC0415 - it comes with Flask-Babel

    words = format_datetime(when, "long", tzinfo=reader_zone(), locale=_locale())
    # Chinese puts the zone in brackets.
    return words.replace("[", "").replace("]", "")


def _to_the_minute(when: datetime) -> str:
    if not has_babel():
        return when.strftime("%Y-%m-%d %H:%M UTC")
    return _dated(when, _locale().date_formats["medium"].pattern)


def _briefly(when: datetime, today: datetime) -> str:
    zone = reader_zone()
    then, now = when.astimezone(zone), today.astimezone(zone)
    if not has_babel():
        return when.strftime("%H:%M UTC" if then.date() == now.date() else "%Y-%m-%d %H:%M UTC")
    if then.date() == now.date():
        return _in_pattern(when, _locale().time_formats["short"].pattern)
    day = _locale().datetime_skeletons.get("MMMd") if then.year == now.year else None
    return _dated(when, day.pattern) if day else _to_the_minute(when)


def _dated(when: datetime, date: str) -> str:
    locale = _locale()
    joined = str(locale.datetime_formats["medium"])
    clock = locale.time_formats["short"].pattern
    return _in_pattern(when, joined.replace("{1}", date).replace("{0}", clock))


def _in_pattern(when: datetime, pattern: str) -> str:
    from babel.dates import format_datetime  # noqa: PLC0415 - it comes with Flask-Babel

    zone = reader_zone()
    words = format_datetime(when, pattern, tzinfo=zone, locale=_locale())
    return f"{words} UTC" if zone.tzname(when) == "UTC" else words


def _locale() -> Locale:
    from babel import Locale  # noqa: PLC0415 - it comes with Flask-Babel
    from flask_babel import get_locale  # noqa: PLC0415 - an application need not have it

    return get_locale() or Locale("en")
