"""The terms by which texts are found, the same for both databases.

A text is read in words. Case, width and accents make no difference. Chinese, Japanese, Korean and
Thai are written without blanks between words, or with endings that are stuck to them: a run of
their letters gives each letter, and each pair of neighbours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import regex

TERM_MAXIMUM = 64
"""Characters of a term; a longer word is found by its beginning."""

_RUN_SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ーｰ"
_INSIDE = r"\p{M}\p{Default_Ignorable_Code_Point}ﾞﾟ"

_WORD = regex.compile(
    rf"(?P<run>(?:[{_RUN_SCRIPTS}][{_INSIDE}]*+)++)"
    rf"|(?:[[\p{{L}}\p{{N}}]--[{_RUN_SCRIPTS}{_INSIDE}]][{_INSIDE}]*+)++",
    regex.V1,
)
_LETTER = regex.compile(rf"[{_RUN_SCRIPTS}][{_INSIDE}]*+")
_PART = regex.compile(r"[\p{L}\p{N}\p{M}]+")

# Accents, and the vowel points of Hebrew and Arabic; not the marks of scripts that need them.
_LEFT_OUT = regex.compile(
    r"[\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0670"
    r"\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f\p{Default_Ignorable_Code_Point}]+"
)
_SHORT_I = ("и\u0306", "й")


class Piece(NamedTuple):
    """A term, and the part of the text that it was made of."""

    start: int
    end: int
    term: str
    is_inner: bool
    """Whether it is one letter of several in a run."""


def pieces(text: str) -> Iterator[Piece]:
    """All terms of a text, with their places."""
    for found in _WORD.finditer(text):
        if found["run"] is None:
            start, end = found.span()
            yield from (Piece(start, end, term, is_inner=False) for term in _terms_of(found[0]))
        else:
            yield from _pieces_of_run(found[0], found.start())


def terms(text: str) -> list[str]:
    """The terms under which a text is indexed, each once, in the order of the text."""
    return list(dict.fromkeys(piece.term for piece in pieces(text)))


def wanted_terms(text: str) -> list[str]:
    """The terms that a text must have to be found by this one: pairs stand for their letters."""
    return list(dict.fromkeys(piece.term for piece in pieces(text) if not piece.is_inner))


def folded(text: str) -> str:
    """The text without what makes no difference: case, width, accents."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", plain).replace(*_SHORT_I)
    return unicodedata.normalize("NFC", _LEFT_OUT.sub("", apart))


@lru_cache(8192)
def _terms_of(word: str) -> tuple[str, ...]:
    return tuple(part[:TERM_MAXIMUM] for part in _PART.findall(folded(word)))


def _pieces_of_run(run: str, offset: int) -> Iterator[Piece]:
    letters = [
        Piece(offset + found.start(), offset + found.end(), term, True)
        for found in _LETTER.finditer(run)
        # Some radicals of Chinese are symbols, and no letters.
        if (term := "".join(_terms_of(found[0])))
    ]
    if len(letters) == 1:
        yield letters[0]._replace(is_inner=False)
        return
    yield from letters
    for one, other in pairwise(letters):
        yield Piece(one.start, other.end, (one.term + other.term)[:TERM_MAXIMUM], is_inner=False)
