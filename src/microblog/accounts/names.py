"""User names: what they may hold, and when two of them are one."""

from __future__ import annotations

import re
import unicodedata

USERNAME_MINIMUM = 1
USERNAME_MAXIMUM = 64

_ALLOWED = re.compile(r"[\w.-]+")


def is_username(name: str) -> bool:
    """Letters and digits of any script, dots, hyphens and underscores."""
    return bool(_ALLOWED.fullmatch(name)) and USERNAME_MINIMUM <= len(name) <= USERNAME_MAXIMUM


def username_key(name: str) -> str:
    """The one spelling of a name: two names that differ in case or in width only are one."""
    return unicodedata.normalize("NFKC", name).casefold()[:USERNAME_MAXIMUM]
