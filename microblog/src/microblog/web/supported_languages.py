"""The languages of the site, in a module that the command line loads without any page."""

from __future__ import annotations

LANGUAGES = ("en", "zh_Hant", "ru")

NAMES = {"en": "English", "zh_Hant": "繁體中文", "ru": "Русский"}
"""Each in its own language, so that its readers recognise it."""

# The languages that browsers ask for, and the nearest of ours.
_ASKED_FOR = {"en": "en", "zh": "zh_Hant", "ru": "ru", "be": "ru"}


def nearest_language(asked: str) -> str | None:
    """The language of the site for a name as browsers and systems write it: zh-TW, ru_RU."""
    return _ASKED_FOR.get(asked.lower().replace("_", "-").partition("-")[0])


def gettext_noop(text: str) -> str:
    """Mark a text that is translated later, when it is shown."""
    return text
