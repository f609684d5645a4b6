"""Lines of plain text mail, short enough to be quoted (RFC 3676, section 4.2)."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

from flask import Flask

WIDTH = 72
"""Columns of a line. Chinese characters fill two."""

_QUOTED = "> "

_OPENING, _CLOSING = "「『（《〈【“", "，。、；：！？」』）》〉】”…"

# What no line break may separate: a word, or a character of Chinese, with its punctuation.
_WIDE = "⺀-〿㇀-鿿豈-﫿︰-﹏＀-￯"
_PIECE = re.compile(rf"\s+|[{_OPENING}]*(?:[^\s{_WIDE}{_CLOSING}]+|[{_WIDE}])[{_CLOSING}]*|\S")


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(quote=quote, wrap=wrap)


def quote(text: str) -> str:
    """Mark each line as somebody else's, so that none passes for the mail's own words."""
    width = WIDTH - len(_QUOTED)
    lines = "\n".join(_wrapped(line, width) for line in text.split("\n"))
    return "\n".join(f"{_QUOTED}{line}".rstrip() for line in lines.split("\n"))


def wrap(text: str) -> str:
    """Break the lines of a text that are too long, except quoted ones. A link stays whole."""
    lines = text.split("\n")
    return "\n".join(line if line.startswith(_QUOTED) else _wrapped(line, WIDTH) for line in lines)


def _wrapped(line: str, width: int) -> str:
    if _columns(line) <= width:
        return line
    lines = [""]
    for piece in _PIECE.findall(line):
        if lines[-1] and _columns(lines[-1] + piece.rstrip()) > width:
            lines.append("")
        if lines[-1] or not piece.isspace():
            lines[-1] += piece
    return "\n".join(one.rstrip() for one in lines)


def _columns(text: str) -> int:
    # Most lines: one by one, their letters take a fifth of the time of a whole email.
    if text.isascii():
        return len(text)
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
