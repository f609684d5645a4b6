"""Lines of plain text mail, short enough to be quoted (RFC 3676, section 4.2)."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

from flask import Flask

WIDTH = 72
"""Columns of a line. Chinese characters fill two."""

_OPENING, _CLOSING = "「『（《〈【“", "，。、；：！？」』）》〉】”…"

# What no line break may separate: a word, or a character of Chinese, with its punctuation.
_WIDE = "⺀-〿㇀-鿿豈-﫿︰-﹏＀-￯"
_PIECE = re.compile(rf"\s+|[{_OPENING}]*(?:[^\s{_WIDE}{_CLOSING}]+|[{_WIDE}])[{_CLOSING}]*|\S")


def init_app(app: Flask) -> None:
    app.jinja_env.filters["wrap"] = wrap


def wrap(text: str) -> str:
    """Break the lines of a text that are too long. A link stays whole."""
    return "\n".join(_wrapped(line) for line in text.split("\n"))


def _wrapped(line: str) -> str:
    if _columns(line) <= WIDTH:
        return line
    lines = [""]
    for piece in _PIECE.findall(line):
        if lines[-1] and _columns(lines[-1] + piece.rstrip()) > WIDTH:
            lines.append("")
        if lines[-1] or not piece.isspace():
            lines[-1] += piece
    return "\n".join(one.rstrip() for one in lines)


def _columns(text: str) -> int:
    # Most lines: one by one, their letters take a fifth of the time of a whole email.
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
