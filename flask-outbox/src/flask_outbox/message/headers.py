"""Header lines: folded where they are long, encoded where they are not ASCII.

Sources: RFC 5322 (folding, 2.2.3; lengths, 2.1.1), RFC 2047 (encoded words), RFC 2231 (parameters
such as the name of a file), RFC 6532 (letters beyond ASCII as they are).

A line has at most 78 characters, one with encoded words 76, unless a single word is longer. The
first line is never empty: some mail programs would take it for the whole header.
"""

from __future__ import annotations

import base64
import codecs
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from email.charset import Charset
from email.utils import encode_rfc2231
from functools import lru_cache
from urllib.parse import quote

from flask_outbox.message.addresses import Address, without_bidi_controls

LINE_MAXIMUM = 998
"""Octets in a line, without its end (RFC 5322, section 2.1.1)."""

_LINE = 78
_ENCODED_LINE = 76
_ENCODED_WORD = 75

_SHORT = 60
"""Characters of a name that is not encoded; a longer one is encoded, so that it can be folded."""

_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_ODD_BLANKS = re.compile(r"^\s|\s$|\s\s|[^\S ]")
_WORDS = re.compile(r"[ \t]*[^ \t]+")
_PARAMETERS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')

# Letters that need no encoding even in a name (RFC 2047, section 5, rule 3).
_Q = {byte: f"={byte:02X}" for byte in range(256)} | {
    ord(letter): letter
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
}
_Q[ord(" ")] = "_"


def unstructured(name: str, value: str, charset: str | None = None) -> str:
    """A header whose value is text; lines end with a line feed."""
    plain = value.isascii() and "=?" not in value
    if plain and len(name) + 2 + len(value) <= _LINE:
        return f"{name}: {value}"
    folded = _folded(name, value) if plain else None
    if folded is not None:
        return folded
    first = _ENCODED_LINE - len(name) - 2
    return f"{name}: " + "\n ".join(_encoded_words(value, charset, first))


def mailboxes(
    name: str, group: Sequence[Address], *, raw: bool = False, charset: str | None = None
) -> str:
    """A header with addresses in this order; with `raw`, names beyond ASCII are not encoded."""
    if len(group) == 1 and not group[0].name:
        return f"{name}: {_bare(group[0])}"
    lines, line = [], f"{name}:"
    for number, address in enumerate(group, 1):
        pieces = _pieces(address, raw=raw, charset=charset)
        if number < len(group):
            pieces[-1] += ","
        for piece in pieces:
            is_full = len(line) + 1 + len(piece) > _ENCODED_LINE
            # Some mail programs look for encoded words in lines of ASCII only.
            if (is_full or (piece[:2] == "=?" and not line.isascii())) and line[-1] != ":":
                lines.append(line)
                line = ""
            line += f" {piece}"
    return "\n".join([*lines, line])


def with_parameters(name: str, value: str) -> str:
    """A header such as Content-Type, whose value has parameters.

    If it is longer than a line, each parameter gets a line of its own.
    """
    if len(name) + 2 + len(value) <= _LINE:
        return f"{name}: {value}"
    parts = (part.strip() for part in _PARAMETERS.findall(value))
    return f"{name}: " + ";\n ".join(part for part in parts if part)


def without_parameter(value: str, name: str) -> str:
    """A header's value without one of its parameters."""
    parts = [part.strip() for part in _PARAMETERS.findall(value)]
    kept = (one for one in parts if one.partition("=")[0].strip().lower() != name)
    return "; ".join(kept)


def parameter_of(value: str, name: str) -> str | None:
    """One parameter of a header's value, without quotes; None if it is missing."""
    for part in _PARAMETERS.findall(value)[1:]:
        found, _, content = part.partition("=")
        if found.strip().lower() == name:
            return re.sub(r"\\(.)", r"\1", content.strip().strip('"'))
    return None


def content_disposition(kind: str, filename: str | None) -> str:
    """The header that names a file (RFC 2183)."""
    start = with_parameters("Content-Disposition", kind)
    if not filename:
        return start
    if not filename.isascii():
        filename = without_bidi_controls(filename)
    quoted = f'filename="{filename}"'
    is_plain = filename.isascii() and not re.search(r'[\\"]|=\?', filename)
    if is_plain and len(filename) <= _SHORT:
        fits = "\n" not in start and len(start) + 2 + len(quoted) <= _LINE
        return f"{start}; {quoted}" if fits else f"{start};\n {quoted}"
    encoded = encode_rfc2231(filename, "utf-8", "")
    if len(encoded) <= _SHORT:
        return f"{start};\n filename*={encoded}"
    pieces = ["utf-8''"]
    for letter in filename:
        # RFC 2231, section 3. No letter is divided between two pieces, as some mail programs decode
        # each piece by itself.
        encoded = quote(letter, safe="")
        if len(pieces[-1]) + len(encoded) > _SHORT:
            pieces.append("")
        pieces[-1] += encoded
    return start + "".join(f";\n filename*{at}*={one}" for at, one in enumerate(pieces))


def ascii_filename(filename: str, number: int) -> str:
    """The name reduced to ASCII; "attachment-1.pdf" if no letter or digit is left.

    What would need an escape becomes an underscore, since not every mail program knows escapes.
    """
    decomposed = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    name = re.sub(r"\s+", " ", re.sub(r'[\\"]', "_", decomposed)).strip()
    stem, dot, ending = name.rpartition(".")
    if re.search(r"\w", stem if dot else name, re.ASCII):
        return name
    return f"attachment-{number}{dot}{ending}" if dot and ending else f"attachment-{number}"


@lru_cache(maxsize=64)
def output_charset(name: str) -> tuple[str, str]:
    """The label of mail in this charset, and Python's name of its codec.

    Japanese mail is sent in ISO-2022-JP, whatever the application uses. Raises LookupError if it is
    not a charset.
    """
    charset = Charset(name)
    label = str(charset.output_charset or charset.input_charset)
    codec = codecs.lookup(charset.output_codec or label).name
    "".encode(codec)  # Some codecs are not charsets.
    return label, codec


def encode_text(text: str, charset: str | None) -> tuple[str, bytes]:
    """The name of the charset and the encoded text; in UTF-8 if the charset cannot encode it.

    A charset with other line ends than CR LF cannot be used for mail (RFC 2046, 4.1.1).
    """
    if charset is not None:
        label, codec = output_charset(charset)
        try:
            if "\r\n".encode(codec) == b"\r\n":
                return label, text.encode(codec)
        except UnicodeEncodeError:
            pass
    return "utf-8", text.encode("utf-8", "replace")


def _folded(name: str, value: str) -> str | None:
    """The header, folded at blanks; None if a word is longer than a line may be."""
    first, *others = _WORDS.findall(f" {value.strip()}") or [""]
    line = f"{name}:{first}"
    if max(map(len, [line, *others])) > LINE_MAXIMUM:
        return None
    lines = []
    for word in others:
        if len(line) + len(word) > _LINE:
            lines.append(line)
            line = word
        else:
            line += word
    return "\n".join([*lines, line])


def _pieces(address: Address, *, raw: bool, charset: str | None) -> list[str]:
    """One address, in the pieces between which the header can be folded."""
    name = address.name if address.name.isascii() else without_bidi_controls(address.name)
    if not name:
        return [_bare(address)]
    mailbox = f"<{address.mailbox}>"
    if (raw or name.isascii()) and "=?" not in name and not _ODD_BLANKS.search(name):
        written = name if _ATOMS.fullmatch(name) else f'"{_escaped(name)}"'
        if len(written) + len(mailbox) < _SHORT:
            return [f"{written} {mailbox}"]
        if len(written) <= _SHORT + 2:
            return [written, mailbox]
    first = _ENCODED_LINE - len("Reply-To: ")
    return [*_encoded_words(name, charset, first), mailbox]


def _bare(address: Address) -> str:
    """A mailbox alone; some mail programs accept a quoted one in angle brackets only."""
    return f"<{address.mailbox}>" if address.local.startswith('"') else address.mailbox


def _encoded_words(text: str, charset: str | None, first: int) -> Iterator[str]:
    """The text as encoded words, the first of them at most `first` characters long.

    Each can be decoded by itself: no letter is split (RFC 2047, section 5).
    """
    label, whole = encode_text(text, charset)
    codec = "utf-8" if charset is None or label == "utf-8" else output_charset(charset)[1]
    quoted = len(_q(whole)) <= len(_b(whole))
    write: Callable[[bytes], str] = _q if quoted else _b
    opening = f"=?{label}?{'q' if quoted else 'b'}?"
    room = first - len(opening) - 2
    while text:
        count = min(len(text), room)
        encoded = write(text[:count].encode(codec, "replace"))
        while len(encoded) > room and count > 1:
            count = max(1, min(count - 1, count * room // len(encoded)))
            encoded = write(text[:count].encode(codec, "replace"))
        yield f"{opening}{encoded}?="
        text = text[count:]
        room = _ENCODED_WORD - len(opening) - 2


def _q(data: bytes) -> str:
    return "".join(map(_Q.__getitem__, data))


def _b(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
