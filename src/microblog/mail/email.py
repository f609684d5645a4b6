"""One e-mail as a value: what composers return and what the renderer and the sender take."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_mail import BadHeaderError, Message

from microblog.mail.addresses import Address, AddressLike, parse_address, parse_addresses

__all__ = ["Attachment", "BadHeaderError", "Email", "from_message"]

_HEADER_NAME = re.compile(r"[!-9;-~]+")
_HEADER_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")

HEADER_MAXIMUM = 10_000
"""Characters in one header. No standard sets a limit, but servers cut or refuse what is longer."""
_SUBTYPE = re.compile(r"[\w!#$&^.+-]+", re.ASCII)
_CONTENT_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(?:\s*;[ -~]*)?")

_OURS = {
    "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version",
    "content-type", "content-transfer-encoding",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an e-mail; `disposition` is "attachment" or "inline"."""

    filename: str | None
    content_type: str
    data: bytes
    disposition: str = "attachment"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_header("Content-Disposition", f"{self.disposition}{self.filename or ''}")
        if not _CONTENT_TYPE.fullmatch(self.content_type):
            raise BadHeaderError(f"{self.content_type!r} is not a content type")
        for name, value in self.headers.items():
            check_header(name, value)

    @classmethod
    def of(
        cls, filename: str | None, data: bytes | str, content_type: str | None = None
    ) -> Attachment:
        """An attachment whose content type is guessed from the file's name where none is given."""
        guess = mimetypes.guess_type(filename)[0] if filename else None
        binary = data.encode() if isinstance(data, str) else data
        fallback = "text/plain" if isinstance(data, str) else "application/octet-stream"
        return cls(filename, content_type or guess or fallback, binary)


@dataclass(frozen=True, slots=True)
class Email:
    """Subject, text, and perhaps HTML for some recipients. Text is never optional.

    Every address is read and every header is checked when the value is made.

    Raises AddressError for an address that no server could take, BadHeaderError for a line break
    in anything that becomes a header.
    """

    subject: str
    text: str
    to: tuple[Address, ...]
    html: str | None = None
    sender: Address | None = None
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: Address | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    alternatives: Mapping[str, str] = field(default_factory=dict)
    ascii_attachments: bool = False

    def __post_init__(self) -> None:
        check_header("Subject", self.subject)
        for subtype in self.alternatives:
            if not _SUBTYPE.fullmatch(subtype):
                raise BadHeaderError(f"{subtype!r} is not a kind of text")
        for name, value in self.headers.items():
            if name.lower() in _OURS:
                raise BadHeaderError(f"{name} is written from the message's own fields")
            check_header(name, value)

    @property
    def recipients(self) -> tuple[Address, ...]:
        """Whom it goes to, each once, in the order they were named."""
        by_mailbox = {one.mailbox: one for one in (*self.to, *self.cc, *self.bcc)}
        return tuple(by_mailbox.values())

    def size_estimate(self) -> int:
        """About how many bytes the message will have; Base64 adds a third."""
        texts = [self.subject, self.text, self.html or "", *self.alternatives.values()]
        characters = sum(len(text.encode()) for text in texts)
        return characters + sum(len(one.data) * 4 // 3 for one in self.attachments) + 2048

    def needs_smtputf8(self) -> bool:
        """Whether a server must offer SMTPUTF8 (RFC 6531) to take it."""
        return any(one.needs_smtputf8 for one in self._addresses())

    def _addresses(self) -> Iterator[Address]:
        yield from self.recipients
        yield from (one for one in (self.sender, self.reply_to) if one)


def check_header(name: str, value: str) -> None:
    """Raises BadHeaderError for what would become another header, or part of the body, or harm."""
    if not _HEADER_NAME.fullmatch(name):
        raise BadHeaderError(f"{name!r} is not the name of a header")
    if len(value) > HEADER_MAXIMUM:
        raise BadHeaderError(f"{name} has {len(value)} characters; at most {HEADER_MAXIMUM}")
    if not _HEADER_TEXT.fullmatch(value):
        raise BadHeaderError(f"{name} holds a line break, a control character, or half a letter")


def from_message(message: Message, *, ascii_attachments: bool = False) -> Email:
    """The same e-mail as a Flask-Mail message describes.

    Raises AddressError and BadHeaderError as Email does.
    """
    alternatives = {kind: text for kind, text in message.alts.items() if kind != "html"}
    return Email(
        subject=str(message.subject or ""),
        text=message.body or "",
        html=message.html,
        alternatives=alternatives,
        to=parse_addresses(message.recipients),
        sender=_optional(message.sender),
        cc=parse_addresses(message.cc),
        bcc=parse_addresses(message.bcc),
        reply_to=_optional(message.reply_to),
        attachments=tuple(_attachment(one) for one in message.attachments),
        headers=message.extra_headers or {},
        ascii_attachments=ascii_attachments,
    )


def _optional(value: AddressLike | None) -> Address | None:
    return parse_address(value) if value else None


def _attachment(one: Any) -> Attachment:
    data = one.data.encode() if isinstance(one.data, str) else one.data
    return Attachment(one.filename, one.content_type, data, one.disposition, one.headers or {})
