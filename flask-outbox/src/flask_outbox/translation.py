"""The texts of this library, in a gettext domain of its own.

The output of commands is translated by Python's own gettext, into the language of the environment
(LANGUAGE, LC_ALL, LC_MESSAGES, LANG). What is stored or logged stays English.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from gettext import NullTranslations, translation
from pathlib import Path

DOMAIN = "flask_outbox"
CATALOGUES = Path(__file__).resolve().parent / "translations"

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
_TRADITIONAL = ("zh_TW", "zh_HK", "zh_MO")
"""Where Chinese is written in traditional letters: a terminal names the place, not the letters."""


def gettext(text: str) -> str:
    """The text in the language of the environment; English where there is no translation."""
    return _catalogue().gettext(text)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The one text for 1, the other for other counts, in the language of the environment."""
    return _catalogue().ngettext(singular, plural, count)


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, when it is shown."""
    return text


def _catalogue() -> NullTranslations:
    return translation(DOMAIN, CATALOGUES, list(_wanted()), fallback=True)


def _wanted() -> Iterator[str]:
    """The languages of the first variable that is set, as GNU gettext finds them."""
    wanted = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    for name in wanted.split(":"):
        yield name
        if name.startswith(_TRADITIONAL):
            yield "zh_Hant"
