"""Codes that people type, whatever their spelling."""

from __future__ import annotations

import re
import unicodedata

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and capital letters but 0, 1, I, L and O, which look alike."""

_BETWEEN = re.compile(r"[\s\-‐‑‒–—_.]+")


def without_separators(typed: str) -> str:
    """Return what was typed in its compatible form (NFKC), without blanks, hyphens and dots."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", typed))
