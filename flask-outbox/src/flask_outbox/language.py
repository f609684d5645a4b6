"""The language of a request, and of a message while it is composed, where Flask-Babel is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import cast

from flask import current_app, has_app_context, has_request_context

FALLBACK = "en"


def request_locale() -> str:
    """The language of whoever makes the request; outside of one, the application's default."""
    if not _has_babel():
        return FALLBACK
    if not has_request_context():
        return str(current_app.config.get("BABEL_DEFAULT_LOCALE") or FALLBACK)
    from flask_babel import get_locale  # noqa: PLC0415 - an application need not have it

    # A modifier, as in de_DE@euro, is about money and not about words.
    return str(get_locale() or FALLBACK).partition("@")[0]


def in_locale(locale: str) -> AbstractContextManager[object]:
    """Translate into this language; one that Babel does not know changes nothing."""
    if not _has_babel():
        return nullcontext()
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - as above
    from flask_babel import force_locale  # noqa: PLC0415 - as above

    name = locale.replace("-", "_")
    try:
        Locale.parse(name)
    except (ValueError, UnknownLocaleError):
        name = str(current_app.config.get("BABEL_DEFAULT_LOCALE") or FALLBACK)
    return cast(AbstractContextManager[object], force_locale(name))


def _has_babel() -> bool:
    return has_app_context() and "babel" in current_app.extensions
