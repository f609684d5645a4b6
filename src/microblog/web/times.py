"""Moments in words: in the language that is being written, and in the reader's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from flask_babel import get_locale

from microblog.web.languages import LANGUAGES


def zone_named(name: str | None) -> tzinfo:
    """The time zone of this IANA name; UTC where there is none such."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):
        return UTC


def moment_in_words(moment: datetime, zone: str | None) -> str:
    """A moment to the second, with the name of its zone, as in mail that is read anywhere."""
    words = format_datetime(
        moment, "long", tzinfo=zone_named(zone), locale=get_locale() or LANGUAGES[0]
    )
    # Some languages' data has narrow blanks, which not every mail program shows.
    return " ".join(words.split())
