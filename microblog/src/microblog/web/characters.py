"""Characters as people see and count them: grapheme clusters (UAX 29)."""

from __future__ import annotations

import regex

MARKS_MAXIMUM = 20
"""Code points in one character: more than any script or emoji needs, and no tower of accents."""

# Flags are spelled out: in a run of regional indicators, \X goes back to the first one each time,
# which takes time quadratic in their number.
_CHARACTER = regex.compile(
    r"\p{Regional_Indicator}{2}[\p{GCB=Extend}\p{GCB=ZWJ}\p{GCB=SpacingMark}]*+|\X"
)
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")


def count_characters(text: str) -> int:
    """How many characters a person would count."""
    return sum(1 for _ in _CHARACTER.finditer(text))


def has_ignorable(text: str) -> bool:
    """Whether the text holds characters that are not displayed, not even as a blank."""
    return _IGNORABLE.search(text) is not None


def is_overloaded(text: str) -> bool:
    """Whether one character carries more marks than any language uses."""
    return any(len(one[0]) > MARKS_MAXIMUM for one in _CHARACTER.finditer(text))
