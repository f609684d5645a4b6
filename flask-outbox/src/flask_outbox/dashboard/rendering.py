"""Pages inside the application's layout, and moments and numbers as their reader writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from flask import render_template
from markupsafe import Markup

from flask_outbox.dashboard import labels
from flask_outbox.dashboard.csrf import csrf_field
from flask_outbox.language import has_babel
from flask_outbox.page_texts import gettext, ngettext, page_language

_FOLDER = "flask_outbox/dashboard"
OWN_LAYOUT = f"{_FOLDER}/layout.html"

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def render_page(
    template: str, title: str, *, layout: str, navigation: bool, **context: object
) -> str:
    """Render a template of ours, and put it into the block `content` of the layout.

    The two are rendered apart, so that neither sees the other's functions and variables.
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
        duration=duration,
        number=number,
        **context,
    )
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


def moment(seconds: float, *, exact: bool = False) -> Markup:
    """A moment in Unix time: to the minute, or to the second with its zone if `exact`."""
    when = datetime.fromtimestamp(seconds, UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), _in_words(when, exact=exact)
    )


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


def _in_words(when: datetime, *, exact: bool) -> str:
    if not has_babel():
        return when.strftime("%Y-%m-%d %H:%M:%S UTC" if exact else "%Y-%m-%d %H:%M UTC")
    from babel import Locale  # noqa: PLC0415 - it comes with Flask-Babel
    from babel.dates import format_datetime  # noqa: PLC0415
    from flask_babel import get_locale  # noqa: PLC0415

    locale, zone = get_locale() or Locale("en"), reader_zone()
    if exact:
        words = format_datetime(when, "long", tzinfo=zone, locale=locale)
    else:
        date, clock = locale.date_formats["medium"], locale.time_formats["short"]
        joined = str(locale.datetime_formats["medium"])
        pattern = joined.replace("{1}", date.pattern).replace("{0}", clock.pattern)
        words = format_datetime(when, pattern, tzinfo=zone, locale=locale)
        words += " UTC" if zone.tzname(when) == "UTC" else ""
    # Some languages' formats have narrow blanks, which not every font has.
    return " ".join(words.split())
