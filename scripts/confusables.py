"""Write the characters that look alike (UTS 39, section 4) into accounts/confusables.txt.

Needs PyICU, which is in no lock file, since nothing else needs it: pip install pyicu, with the
headers of ICU (Debian: libicu-dev). If the file changes, a migration has to compute
users.username_skeleton anew.
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

import icu

TARGET = Path(__file__).resolve().parent.parent / "microblog/src/microblog/accounts/confusables.txt"

HEADER = """\
# What a character of a user name looks like: the prototype, then what is taken for it; code points.
# Of the confusables of Unicode {version}, written by scripts/confusables.py.
# Copyright © 1991-{year} Unicode, Inc. All rights reserved. https://www.unicode.org/license.txt
"""

LETTERS_MARKS_NUMBERS = range(1, 12)
"""The numbers of these general categories in ICU."""


def can_be_in_a_skeleton(character: str) -> bool:
    """Whether a normalised name can contain this character."""
    known = icu.Char.charType(ord(character)) in LETTERS_MARKS_NUMBERS or character in "._-"
    forms = (unicodedata.normalize(form, character) for form in ("NFKC", "NFD"))
    return known and all(form == character for form in forms)


def main() -> None:
    checker = icu.SpoofChecker()
    alike: dict[str, list[str]] = defaultdict(list)
    for character in map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1))):
        if can_be_in_a_skeleton(character):
            prototype = checker.getSkeleton(0, character)
            if prototype != character:
                alike[prototype].append(character)
    # Unicode 15.0 is from 2022, and there is a version a year.
    version = icu.UNICODE_VERSION
    lines = [
        " ".join((_points(prototype, "+"), *(_points(one, "") for one in characters)))
        for prototype, characters in sorted(alike.items())
    ]
    header = HEADER.format(version=version, year=2007 + int(version.partition(".")[0]))
    TARGET.write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


def _points(text: str, between: str) -> str:
    return between.join(f"{ord(one):04X}" for one in text)


if __name__ == "__main__":
    main()
