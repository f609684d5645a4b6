"""User names: what they may hold, and when two of them are one."""

from __future__ import annotations

import unicodedata

USERNAME_MINIMUM = 1
USERNAME_MAXIMUM = 64

SPELLING_MAXIMUM = 4 * USERNAME_MAXIMUM
"""Code points of a name before it is composed, which makes at most four of them one. What is longer
is nobody's name, and sorting its marks would take the square of their number."""

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
    spelling = unicodedata.normalize("NFKC", name[:SPELLING_MAXIMUM])
    return spelling.casefold()[:USERNAME_MAXIMUM]
