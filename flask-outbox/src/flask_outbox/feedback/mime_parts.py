"""The parts of a message from anybody, read in bounded time and memory.

`email.parser` recurses into nested parts and compares each line with each boundary around it, so a
megabyte of boundaries takes minutes. Here only the beginning of a message is read, once for each
of a few levels. Nothing raises: what is broken is read as far as it goes.
"""

from __future__ import annotations

import base64
import codecs
import encodings
import html
import pkgutil
import quopri
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from encodings.aliases import aliases

READ_MAXIMUM = 1 << 20
"""Bytes of a message that are read: reports come first, and the mail that they return last."""

PARTS_MAXIMUM = 100
"""Parts of a message that are read; a report has three."""

DEPTH_MAXIMUM = 6
"""Levels of parts in parts; a report that a mailing list passed on has three."""

HEADER_MAXIMUM = 64 * 1024
"""Characters of one header that are read: servers take no more."""

FIELDS_MAXIMUM = 500
"""Fields of one header that are kept."""

VALUE_MAXIMUM = 2000
"""Characters of one field that are kept; a line has 998 at most (RFC 5322, section 2.1.1)."""

BOUNDARY_MAXIMUM = 200
"""Characters of a boundary: 70 are allowed (RFC 2046, section 5.1.1)."""

CHARSET_MAXIMUM = 40
"""Characters of a charset's name: IANA's names are no longer."""

_FIELD = re.compile(r"([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)", re.DOTALL)
_BEFORE_THE_HEADER = re.compile(rb"\n*(?:>?From [^\n]*\n)?")
_FIRST_BOUNDARY = re.compile(rb"(?:[^\n]{0,100}\n){0,4}--([^\n]{4,200}?)[ \t]*\n")
_TAG = re.compile(r"<[^<>]*>")
_LINE_TAG = re.compile(r"(?i)<(?:br|/?p|/?div|/?tr|/?li|/?h[1-6])\b[^<>]*>")
_UNSEEN = re.compile(r"(?is)<(style|script|head)\b.*?(?:</\1[^<>]{0,20}>|\Z)")
_LONG_NUMBER = re.compile(r"&#\d{8,}")
_SPACES = re.compile(r"[ \t\xa0]+")

# Codecs that are no charsets of mail; decoding the first two takes quadratic time.
_NO_CHARSETS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined"})

# Python keeps each name that it looked up in vain, for ever.
_CODECS = {one.name for one in pkgutil.iter_modules(encodings.__path__)} | aliases.keys()


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of a header, in their order: names in lower case, values unfolded."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """The first value of the field with this name (in lower case), or an empty text."""
        return next((value for other, value in self.fields if other == name), "")

    def all(self, *names: str) -> list[str]:
        """The values of the fields with these names (in lower case)."""
        return [value for name, value in self.fields if name in names]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message, or all of one that has no parts: its header and undecoded body."""

    header: Header
    content_type: str
    charset: str
    boundary: str
    body: bytes

    @property
    def content(self) -> bytes:
        """The body without its transfer encoding."""
        encoding = self.header.get("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _from_base64(self.body)
        return quopri.decodestring(self.body) if encoding == "quoted-printable" else self.body

    @property
    def text(self) -> str:
        """The body as a text; that of HTML without its tags."""
        text = decode(self.content, self.charset)
        return _without_tags(text) if self.content_type == "text/html" else text


def read_parts(content: bytes) -> tuple[Header, list[Part]]:
    """The header of a message, and the parts that have no parts themselves, in their order.

    Only the beginning is read, so the last part may lack its end, and others may be missing.
    """
    content = content[:READ_MAXIMUM].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = _BEFORE_THE_HEADER.match(content)
    whole = _read_part(content[start.end() :] if start else content)
    waiting, leaves = deque([(whole, 0)]), list[Part]()
    opened = 0
    while waiting and len(leaves) < PARTS_MAXIMUM:
        part, depth = waiting.popleft()
        inner = []
        if depth < DEPTH_MAXIMUM and (part is whole or part.content_type.startswith("multipart/")):
            inner = _divide(part, PARTS_MAXIMUM - opened)
            opened += len(inner)
        if inner:
            # In front, so that the order stays that of the message.
            waiting.extendleft((_read_part(one), depth + 1) for one in reversed(inner))
        else:
            leaves.append(part)
    return whole.header, leaves


def read_header(text: str) -> Header:
    """The fields at the beginning of a text, up to its first empty line."""
    return read_fields(text.lstrip("\n")[:HEADER_MAXIMUM].partition("\n\n")[0].splitlines())


def read_fields(lines: Iterable[str]) -> Header:
    """The fields in these lines; those that belong to none are left out."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line[:1] in {" ", "\t"}:
            if found:
                found[-1][1].append(line.strip())
        elif (field := _FIELD.match(line)) and len(found) < FIELDS_MAXIMUM:
            found.append((field[1].lower(), [field[2].strip()]))
    return Header(tuple((name, " ".join(values)[:VALUE_MAXIMUM]) for name, values in found))


def decode(content: bytes, charset: str) -> str:
    """The text in this charset; in UTF-8 or else Latin-1 where that is unknown or not true."""
    for name in (charset[:CHARSET_MAXIMUM], "utf-8"):
        try:
            if _is_known(name) and codecs.lookup(name).name not in _NO_CHARSETS:
                return _clean(content.decode(name))
        except (LookupError, ValueError):
            continue
    return _clean(content.decode("latin-1"))


def without_unstorable(text: str) -> str:
    """The text without NUL and surrogates, which no database keeps."""
    text = text.replace("\0", "")
    return text if text.isascii() else text.encode("utf-8", "ignore").decode()


def _is_known(charset: str) -> bool:
    name = encodings.normalize_encoding(charset).lower()
    return name in _CODECS or name.replace(".", "_") in _CODECS


def _read_part(content: bytes) -> Part:
    if content.startswith(b"\n"):
        head, body = b"", content[1:]
    else:
        head, _, body = content.partition(b"\n\n")
    header = read_header(decode(head[:HEADER_MAXIMUM], ""))
    # The field alone: the parser of the standard library knows quotes and RFC 2231.
    typed = Message()
    typed["Content-Type"] = header.get("content-type") or "text/plain"
    return Part(
        header,
        typed.get_content_type(),
        _parameter(typed, "charset"),
        _parameter(typed, "boundary"),
        body,
    )


def _parameter(typed: Message, name: str) -> str:
    try:
        value = typed.get_param(name, "")
    except (LookupError, TypeError, ValueError):
        # Where only some pieces of a value are numbered, it compares a number with None.
        return ""
    text = value[2] if isinstance(value, tuple) else value
    return str(text or "").strip()


def _divide(part: Part, limit: int) -> list[bytes]:
    """The parts of a part, at most `limit`; none where it has none.

    Where its header lacks the boundary, or has another one, that of its first part is taken.
    """
    named = part.boundary.encode("utf-8", "ignore")[: BOUNDARY_MAXIMUM + 1]
    found = _between(part.body, named, limit) if 0 < len(named) <= BOUNDARY_MAXIMUM else []
    if not found and (guessed := _FIRST_BOUNDARY.match(part.body)):
        begun = rb"(?im)^--" + re.escape(guessed[1]) + rb"[ \t]*\ncontent-"
        if re.search(begun, part.body):
            found = _between(part.body, guessed[1], limit)
    return found


def _between(body: bytes, boundary: bytes, limit: int) -> list[bytes]:
    found: list[bytes] = []
    start = -1
    for line in re.finditer(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*$", body):
        if start >= 0:
            found.append(body[start : max(line.start() - 1, start)])
        start = -1 if line[1] else line.end() + 1
        if len(found) >= limit:
            return found
    return [*found, body[start:]] if start >= 0 else found


def _from_base64(body: bytes) -> bytes:
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
    if len(letters) % 4 == 1:
        letters = letters[:-1]
    return base64.b64decode(letters + b"=" * (-len(letters) % 4))


def _clean(text: str) -> str:
    """The text with one kind of line ends, and without what no database keeps."""
    return without_unstorable(text.replace("\r\n", "\n").replace("\r", "\n"))


def _without_tags(text: str) -> str:
    text = _TAG.sub(" ", _LINE_TAG.sub("\n", _UNSEEN.sub(" ", text)))
    # `html.unescape` raises ValueError for a number of thousands of digits.
    return _SPACES.sub(" ", html.unescape(_LONG_NUMBER.sub(" ", text)))
