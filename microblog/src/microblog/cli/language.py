"""The command line speaks its user's language: that of the terminal, where the site has it.

The texts are those of the catalogues that pages use, and are found as GNU gettext finds them: by
the variables LANGUAGE, LC_ALL, LC_MESSAGES and LANG, of which the first that is set counts.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

from flask_outbox.cli import replace_unwritable_letters
from microblog.web.supported_languages import LANGUAGES, nearest_language

CATALOGUES = Path(__file__).resolve().parent.parent / "translations"
DOMAIN = "messages"

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


def speak_the_terminals_language() -> None:
    """Translate what will be said from now on, click's own words among it."""
    os.environ["LANGUAGE"] = terminals_language()
    gettext.bindtextdomain(DOMAIN, CATALOGUES)
    replace_unwritable_letters()


def terminals_language() -> str:
    """One of LANGUAGES; English where the terminal's is none of them."""
    wanted = next((os.environ[name] for name in _VARIABLES if os.environ.get(name)), "")
    names = (name.partition(".")[0] for name in wanted.split(":"))
    return next((ours for ours in map(nearest_language, names) if ours), LANGUAGES[0])
