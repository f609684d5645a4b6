"""The language of a request, and of a message while it is composed, where Flask-Babel is."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import cast

from flask import current_app, has_app_context

FALLBACK = "en"


def current_locale() -> str:
    """The language of the request, or of the message that is composed; else the default."""
    if not has_babel():
        return FALLBACK
    from flask_babel import get_locale  # noqa: PLC0415 - an application need not have it

    try:
        found = str(get_locale() or FALLBACK)
    except RuntimeError:
        # The application's selector asks the request, and there is none.
        found = _default_locale()
    # A modifier, as in de_DE@euro, is about money and not about words.
    return found.partition("@")[0]


def in_locale(locale: str) -> AbstractContextManager[object]:
    """Translate into this language; one that Babel does not know is the application's default."""
    if not has_babel():
        return nullcontext()
    from flask_babel import force_locale  # noqa: PLC0415 - as above

    name = locale.replace("-", "_")
    if not _is_known(name):
        name = _default_locale()
    return cast(AbstractContextManager[object], force_locale(name))


@lru_cache(maxsize=256)
def _is_known(name: str) -> bool:
    """Whether Babel has data for this language, which are files."""
    from babel import Locale, UnknownLocaleError  # noqa: PLC0415 - as above

    try:
        Locale.parse(name)
    except (ValueError, UnknownLocaleError):
        return False
    return True


def _default_locale() -> str:
    from flask_babel import get_babel  # noqa: PLC0415 - as above

    return str(get_babel().default_locale)


def has_babel() -> bool:
    """Whether the application chooses its language with Flask-Babel."""
    return has_app_context() and "babel" in current_app.extensions
