"""What was found, marked in the text that a person wrote."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from markupsafe import Markup, escape

from microblog.search.folding import pieces

MARKED_MAXIMUM = 1024
"""How many parts of texts are kept with their marks: those of some dozens of pages."""


@lru_cache(MARKED_MAXIMUM)
def marked(text: str, found: frozenset[str]) -> Markup:
    """The text as HTML, with `<mark>` around each part that gives one of these terms."""
    html, end = Markup(), 0
    for start, stop in _places(text, found):
        html += escape(text[end:start]) + Markup("<mark>{}</mark>").format(text[start:stop])
        end = stop
    return html + escape(text[end:])


def _places(text: str, found: frozenset[str]) -> Iterator[tuple[int, int]]:
    """Where they are, from left to right; those that overlap or touch are one."""
    start = stop = -1
    for piece in sorted(piece for piece in pieces(text) if piece.term in found):
        if piece.start > stop:
            if stop > start:
                yield start, stop
            start, stop = piece.start, piece.end
        else:
            stop = max(stop, piece.end)
    if stop > start:
        yield start, stop
