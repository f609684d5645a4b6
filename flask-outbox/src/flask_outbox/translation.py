"""The texts of this library, in a gettext domain of its own.

What is said to whoever runs a command is translated by Python's own gettext, into the language that
the environment names (LANGUAGE, LC_ALL, LC_MESSAGES, LANG). What is stored or logged stays English.
"""

from __future__ import annotations

from gettext import bindtextdomain, dgettext
from pathlib import Path

DOMAIN = "flask_outbox"
CATALOGUES = Path(__file__).resolve().parent / "translations"

bindtextdomain(DOMAIN, CATALOGUES)


def gettext(text: str) -> str:
    """The text in the language of the environment; English where there is no translation."""
    return dgettext(DOMAIN, text)


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, where it is told."""
    return text
