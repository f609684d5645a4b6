"""User names: what they may hold, and when two of them are one."""

from __future__ import annotations

import unicodedata

USERNAME_MINIMUM = 1
USERNAME_MAXIMUM = 64

_PUNCTUATION = "._-"


def is_username(name: str) -> bool:
    """Letters and digits of any script, with their marks; dots, hyphens and underscores."""
    if not USERNAME_MINIMUM <= len(name) <= USERNAME_MAXIMUM:
        return False
    letters = unicodedata.normalize("NFC", name)
    kinds = [unicodedata.category(letter)[0] for letter in letters]
    known = all(
        kind in "LMN" or letter in _PUNCTUATION for kind, letter in zip(kinds, letters, strict=True)
    )
    return known and kinds[0] != "M"


def username_key(name: str) -> str:
    """The one spelling of a name: two names that differ in case or in width only are one."""
    return unicodedata.normalize("NFKC", name).casefold()[:USERNAME_MAXIMUM]
