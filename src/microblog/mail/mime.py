"""An e-mail as bytes (RFC 5322, MIME): written directly, since composing is what sending costs.

The same e-mail under the same Message-ID always gives the same bytes, so that a second copy after
a crash is the same message to every mail program. English stays readable: text that is ASCII is
never encoded.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.header import Header
from email.utils import encode_rfc2231, format_datetime

from microblog.mail.addresses import Address
from microblog.mail.email import Attachment, Email

LINE_MAXIMUM = 998
"""Octets in a line, without its end (RFC 5322, section 2.1.1)."""

_SHORT = 60
"""Characters that stand in a header line as they are; what is longer is encoded in pieces."""

_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_ATOMS = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]*", re.ASCII)


def render(
    email: Email,
    *,
    message_id: str,
    date: float,
    sender: Address | None = None,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """The whole message with CRLF line ends, Bcc left out.

    `date` is Unix time in seconds; `sender` is used where the e-mail names none; `headers` are
    added to the e-mail's own.
    """
    author = email.sender or sender
    if author is None:
        raise ValueError("The message has no sender, and no default sender is set.")
    raw = email.needs_smtputf8() or author.needs_smtputf8
    lines = [_address_header("From", [author], raw=raw)]
    for name, group in (("To", email.to), ("Cc", email.cc)):
        if group:
            lines.append(_address_header(name, group, raw=raw))
    if email.reply_to:
        lines.append(_address_header("Reply-To", [email.reply_to], raw=raw))
    lines += [
        _header("Subject", email.subject),
        f"Date: {format_datetime(datetime.fromtimestamp(int(date), UTC))}",
        f"Message-ID: {message_id}",
        *(_header(name, value) for name, value in {**(headers or {}), **email.headers}.items()),
        "MIME-Version: 1.0",
    ]
    return _crlf("\n".join(lines)) + b"\r\n" + _body(email, message_id)


def _body(email: Email, seed: str) -> bytes:
    texts = [_text_part("plain", email.text)]
    texts += [_text_part(kind, text) for kind, text in email.alternatives.items()]
    if email.html is not None:
        texts.append(_text_part("html", email.html))
    content = texts[0] if len(texts) == 1 else _multipart("alternative", texts, seed)
    if email.attachments:
        files = [_file_part(one, ascii_only=email.ascii_attachments) for one in email.attachments]
        content = _multipart("mixed", [content, *files], seed)
    return content


def _multipart(subtype: str, parts: Iterable[bytes], seed: str) -> bytes:
    boundary = "=_" + hashlib.blake2b(f"{subtype} {seed}".encode(), digest_size=18).hexdigest()
    opening = f'Content-Type: multipart/{subtype};\r\n boundary="{boundary}"\r\n\r\n'.encode()
    delimiter = f"--{boundary}".encode()
    inner = b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts)
    return opening + inner + delimiter + b"--\r\n"


def _text_part(subtype: str, text: str) -> bytes:
    content = _crlf(text if text.endswith("\n") else text + "\n")
    encoding, content = _encoded(content)
    charset = "utf-8" if encoding != "7bit" else "us-ascii"
    return (
        f'Content-Type: text/{subtype}; charset="{charset}"\r\n'
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n"
    ).encode() + content


def _encoded(content: bytes) -> tuple[str, bytes]:
    """The plainest encoding that every server passes on unharmed, then the shortest."""
    fits = max(map(len, content.split(b"\r\n"))) <= LINE_MAXIMUM
    if fits and content.isascii() and b"\0" not in content:
        return "7bit", content
    beyond_ascii = sum(byte > 127 for byte in content)
    if beyond_ascii * 6 > len(content):
        return "base64", _base64(content)
    quoted = binascii.b2a_qp(content.replace(b"\r\n", b"\n"), istext=True)
    return "quoted-printable", quoted.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _file_part(attachment: Attachment, *, ascii_only: bool) -> bytes:
    lines = [f"Content-Type: {attachment.content_type}", "Content-Transfer-Encoding: base64"]
    lines.append(
        f"Content-Disposition: {attachment.disposition}{_filename(attachment, ascii_only)}"
    )
    lines += [_header(name, value) for name, value in attachment.headers.items()]
    return _crlf("\n".join(lines) + "\n\n") + _base64(attachment.data)


def _filename(attachment: Attachment, ascii_only: bool) -> str:
    name = attachment.filename
    if name is None:
        return ""
    if ascii_only:
        decomposed = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
        name = re.sub(r"\s+", " ", decomposed).strip()
    if name.isascii() and len(name) <= _SHORT and "=?" not in name:
        return f';\n filename="{_escaped(name)}"'
    encoded = encode_rfc2231(name, "utf-8", "")
    if len(encoded) <= _SHORT:
        return f";\n filename*={encoded}"
    # RFC 2231, section 3: in pieces, never within an encoded letter.
    pieces = re.findall(r"(?:%[0-9A-F]{2}|[^%]){1,20}", encoded)
    return "".join(f";\n filename*{number}*={piece}" for number, piece in enumerate(pieces))


def _base64(data: bytes) -> bytes:
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _address_header(name: str, group: Iterable[Address], *, raw: bool) -> str:
    """Each mailbox on a line of its own; the order is the caller's."""
    return f"{name}: " + ",\n ".join(_mailbox(one, raw=raw) for one in group)


def _mailbox(address: Address, *, raw: bool) -> str:
    name = address.name
    if not name:
        return address.mailbox
    plain = len(name) <= _SHORT and "=?" not in name
    if plain and (raw or name.isascii()):
        if _ATOMS.fullmatch(name):
            return f"{name} <{address.mailbox}>"
        return f'"{_escaped(name)}" <{address.mailbox}>'
    encoded = Header(name, "utf-8", maxlinelen=70).encode(linesep="\n")
    return f"{encoded} <{address.mailbox}>"


def _header(name: str, value: str) -> str:
    plain = value.isascii() and "=?" not in value
    if plain and len(name) + 2 + len(value) <= 78:
        return f"{name}: {value}"
    # A word that is longer than a line may be is broken by encoding it; others, such as the
    # address in List-Unsubscribe, must stay as they are.
    plain = plain and max(map(len, value.split(" "))) <= LINE_MAXIMUM - len(name) - 3
    folded = Header(value, None if plain else "utf-8", header_name=name, maxlinelen=76)
    return f"{name}: {folded.encode(linesep=chr(10))}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _crlf(text: str) -> bytes:
    return _LINE_ENDS.sub("\r\n", text).encode("utf-8", "replace")
