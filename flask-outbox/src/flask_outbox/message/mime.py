"""An email as bytes (RFC 5322, MIME), written directly: composing is most of the cost of sending.

The same email under the same Message-ID always gives the same bytes, so a second copy after a crash
is the same message to every mail program. ASCII text is never encoded, so it stays readable.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from flask_outbox.message.addresses import Address
from flask_outbox.message.email import Attachment, Email
from flask_outbox.message.headers import (
    LINE_MAXIMUM,
    ascii_filename,
    content_disposition,
    encode_text,
    mailboxes,
    unstructured,
    with_parameters,
    without_parameter,
)

QUOTED_LINE = 76
"""Characters in a line of quoted-printable (RFC 2045, section 6.7, rule 5)."""

_BEYOND_ASCII = bytes(range(128, 256))
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_LINE_ENDS_IN_BYTES = re.compile(rb"\r\n|\r|\n")


def render(
    email: Email,
    *,
    message_id: str,
    date: float,
    sender: Address | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The whole message with CR LF line ends and without Bcc.

    `date` is Unix time in seconds. `sender` is used if the email names none. `headers` are added to
    the email's own. Raises ValueError if there is no sender.
    """
    author = email.sender or sender
    if author is None:
        raise ValueError("The message has no sender, and no default sender is set.")
    raw = email.needs_smtputf8() or author.needs_smtputf8
    charset = email.charset
    groups = {"From": (author,), "To": email.to, "Cc": email.cc, "Reply-To": email.reply_to}
    lines = [
        mailboxes(name, group, raw=raw, charset=charset) for name, group in groups.items() if group
    ]
    if email.subject.strip():
        lines.append(unstructured("Subject", email.subject, charset))
    lines += [
        f"Date: {_date(int(date))}",
        f"Message-ID: {message_id}",
    ]
    for name, value in {**(headers or {}), **email.headers}.items():
        lines.append(unstructured(name, value, charset))
    lines.append("MIME-Version: 1.0")
    return _crlf("\n".join(lines)) + b"\r\n" + _body(email, message_id)


@lru_cache(maxsize=16)
def _date(second: int) -> str:
    """The moment as RFC 5322 writes it. Messages of one second are many."""
    return format_datetime(datetime.fromtimestamp(second, UTC))


def _body(email: Email, seed: str) -> bytes:
    is_alone = email.html is None and not email.alternatives and not email.attachments
    texts = [_text_part("plain", _with_end(email.text) if is_alone else email.text, email.charset)]
    texts += [_text_part(kind, text, email.charset) for kind, text in email.alternatives.items()]
    shown, kept = _shown_and_kept(email) if email.attachments else ([], [])
    if email.html is not None:
        html = _text_part("html", email.html, email.charset)
        if shown:
            # RFC 2387: what the HTML refers to by Content-ID belongs to it.
            html = _multipart("related", [html, *shown], seed, ' type="text/html";')
        texts.append(html)
    content = texts[0] if len(texts) == 1 else _multipart("alternative", texts, seed)
    return _multipart("mixed", [content, *kept], seed) if kept else content


def _shown_and_kept(email: Email) -> tuple[list[bytes], list[bytes]]:
    """The attachments to which the HTML refers, and the others."""
    shown: list[bytes] = []
    kept: list[bytes] = []
    for number, one in enumerate(email.attachments, 1):
        name = one.filename
        if name and email.ascii_attachments:
            name = ascii_filename(name, number)
        is_shown = email.html is not None and one.has_content_id
        (shown if is_shown else kept).append(_file_part(one, name))
    return shown, kept


def _multipart(subtype: str, parts: Sequence[bytes], seed: str, parameter: str = "") -> bytes:
    boundary = _boundary(f"{subtype} {seed}")
    while any(boundary in part for part in parts):
        # A copy of this very message may be attached.
        boundary = _boundary(boundary.decode())
    delimiter = b"--" + boundary
    inner = b"".join([delimiter + b"\r\n" + part + b"\r\n" for part in parts])
    opening = f'Content-Type: multipart/{subtype};{parameter}\r\n boundary="'.encode() + boundary
    # RFC 2045, section 6.4: a container of eight-bit data must declare it.
    eight_bit = b"" if inner.isascii() else b"Content-Transfer-Encoding: 8bit\r\n"
    return opening + b'"\r\n' + eight_bit + b"\r\n" + inner + delimiter + b"--\r\n"


def _boundary(seed: str) -> bytes:
    return b"=_" + hashlib.blake2b(seed.encode(), digest_size=18).hexdigest().encode()


def _text_part(subtype: str, text: str, charset: str | None) -> bytes:
    label, content = encode_text(_whole_lines(text), charset)
    encoding, content = _encoded(content)
    if charset is None and encoding == "7bit":
        label = "us-ascii"
    if ";" in subtype:
        subtype = without_parameter(subtype, "charset")
    lines = with_parameters("Content-Type", f'text/{subtype}; charset="{label}"')
    return _crlf(f"{lines}\nContent-Transfer-Encoding: {encoding}\n\n") + content


def _with_end(text: str) -> str:
    """The text with a line end, which in a message of several parts belongs to what follows."""
    return text if text.endswith("\n") else f"{text}\n"


def _encoded(content: bytes) -> tuple[str, bytes]:
    """The content in the plainest encoding that every server relays unharmed, else the shortest."""
    if _fits(content) and content.isascii():
        return "7bit", content
    beyond_ascii = len(content) - len(content.translate(None, _BEYOND_ASCII))
    if beyond_ascii * 6 > len(content):
        return "base64", _base64(content)
    return "quoted-printable", _quoted_printable(content)


def _fits(content: bytes) -> bool:
    """Whether its lines are short enough and contain no NUL (RFC 2045, section 2.8)."""
    return max(map(len, content.split(b"\r\n"))) <= LINE_MAXIMUM and b"\0" not in content


def _quoted_printable(content: bytes) -> bytes:
    quoted = binascii.b2a_qp(content.replace(b"\r\n", b"\n"), istext=True)
    lines = quoted.replace(b"\r\n", b"\n").split(b"\n")
    # binascii makes a line that ends in a blank too long.
    return b"\r\n".join([_divided(one) if len(one) > QUOTED_LINE else one for one in lines])


def _divided(line: bytes) -> bytes:
    at = QUOTED_LINE - 1
    equals = line.rfind(b"=", at - 2, at)
    at = at if equals < 0 else equals
    return line[:at] + b"=\r\n" + line[at:]


def _file_part(attachment: Attachment, filename: str | None) -> bytes:
    content_type, encoding = attachment.content_type, "base64"
    if attachment.holds_parts:
        content = _LINE_ENDS_IN_BYTES.sub(b"\r\n", attachment.data)
        if _fits(content):
            encoding = "7bit" if content.isascii() else "8bit"
        else:
            # It cannot be sent as it is, and RFC 2046, section 5.2.1, forbids Base64 for this type.
            content_type = "application/octet-stream"
    if encoding == "base64":
        content = _base64(attachment.data)
    lines = [
        with_parameters("Content-Type", content_type),
        f"Content-Transfer-Encoding: {encoding}",
        content_disposition(attachment.disposition, filename),
        *(unstructured(name, value) for name, value in attachment.headers.items()),
    ]
    return _crlf("\n".join(lines) + "\n\n") + content


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _crlf(text: str) -> bytes:
    return _whole_lines(text).encode("utf-8", "replace")


def _whole_lines(text: str) -> str:
    return _LINE_ENDS.sub("\r\n", text) if "\r" in text else text.replace("\n", "\r\n")
