"""The texts of this library, in a gettext domain of its own.

The output of commands is translated by Python's own gettext, into the language of the environment
(LANGUAGE, LC_ALL, LC_MESSAGES, LANG). What is stored or logged stays English.
"""

from __future__ import annotations

from gettext import bindtextdomain, dgettext, dngettext
from pathlib import Path

DOMAIN = "flask_outbox"
CATALOGUES = Path(__file__).resolve().parent / "translations"

bindtextdomain(DOMAIN, CATALOGUES)


def gettext(text: str) -> str:
    """The text in the language of the environment; English where there is no translation."""
    return dgettext(DOMAIN, text)


def ngettext(singular: str, plural: str, count: int) -> str:
    """The one text for 1, the other for other counts, in the language of the environment."""
    return dngettext(DOMAIN, singular, plural, count)


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, when it is shown."""
    return text
