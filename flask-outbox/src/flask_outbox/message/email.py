"""An email as a value: what composers return, and what is rendered and sent."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask_mail import Attachment as FlaskMailAttachment
from flask_mail import BadHeaderError

from flask_outbox.message.addresses import (
    Address,
    AddressLike,
    parse_address,
    parse_addresses,
    parse_reply_to,
)
from flask_outbox.message.headers import LINE_MAXIMUM, output_charset, parameter_of

__all__ = ["Attachment", "AttachmentLike", "BadHeaderError", "Email", "EmailError"]

_HEADER_NAME = re.compile(r"[!-9;-~]{1,76}")
_HEADER_TEXT = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]*")

HEADER_MAXIMUM = 10_000
"""Characters in one header. No standard sets a limit, but servers cut or refuse longer ones."""

_NAME = r"[\w!#$%&'*+.^`{|}~-]+"
_PARAMETERS = r' *(?:;(?:[ !#-:<-~]|"(?:[ !#-\[\]-~]|\\[ -~])*")*)*'
_WORD = re.compile(_NAME + _PARAMETERS, re.ASCII)
_CONTENT_TYPE = re.compile(f"{_NAME}/{_NAME}{_PARAMETERS}", re.ASCII)

_OURS = {
    "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "mime-version",
    "content-type", "content-transfer-encoding",
}  # fmt: skip
_OURS_OF_A_FILE = {"content-type", "content-transfer-encoding", "content-disposition"}

_CONTENT_ID = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+(?:@[\w.-]+)?", re.ASCII)


class EmailError(ValueError):
    """A part of an email is none: an attachment, or a text; the message tells which."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with an email.

    `filename` is a text, or None for a part without a name; `content_type` is like "text/csv";
    `data` is bytes; `disposition` is "attachment" or "inline". `headers` are further ones of this
    part, by name.

    Raises BadHeaderError for what cannot stand in a header.
    """

    filename: str | None
    content_type: str
    data: bytes
    disposition: str = "attachment"
    headers: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_header("Content-Disposition", self.filename or "")
        for name, value, pattern in (
            ("Content-Disposition", self.disposition, _WORD),
            ("Content-Type", self.content_type, _CONTENT_TYPE),
        ):
            if len(name) + 2 + len(value) > LINE_MAXIMUM or not pattern.fullmatch(value):
                raise BadHeaderError(f"{value[:100]!r} cannot be the {name} of a file")
        for name, value in self.headers.items():
            if name.lower() in _OURS_OF_A_FILE:
                raise BadHeaderError(f"{name} is written from the attachment's own fields")
            check_header(name, value)

    @classmethod
    def of(
        cls,
        filename: str | None,
        data: bytes | str,
        content_type: str | None = None,
        disposition: str = "attachment",
        headers: Mapping[str, str] | None = None,
    ) -> Attachment:
        """An attachment whose content type is guessed from the file name if none is given.

        Text is encoded in the charset of the content type, or in UTF-8, which is added to it.
        Raises BadHeaderError if the charset cannot encode the text.
        """
        guess = mimetypes.guess_type(filename)[0] if filename else None
        fallback = "text/plain" if isinstance(data, str) else "application/octet-stream"
        kind = content_type or guess or fallback
        if isinstance(data, str):
            kind, data = _as_bytes(kind, data)
        return cls(filename, kind, data, disposition, headers or {})

    @classmethod
    def inline(
        cls, filename: str, data: bytes, content_type: str | None = None, *, content_id: str
    ) -> Attachment:
        """A picture that the HTML shows: `<img src="cid:logo">` for the content_id "logo".

            Email("Hello", "Hello.", html='<img src="cid:logo" alt="Shop">',
                  attachments=[Attachment.inline("logo.png", data, content_id="logo")])

        The content type is guessed from the file name if none is given. Raises BadHeaderError for
        a content_id with other characters than ASCII letters, digits and those of an address.
        """
        if not _CONTENT_ID.fullmatch(content_id):
            raise BadHeaderError(f"{content_id!r} cannot be the Content-ID of a file")
        return cls.of(filename, data, content_type, "inline", {"Content-ID": f"<{content_id}>"})

    @property
    def holds_parts(self) -> bool:
        """Whether it is itself a message or several parts, which must not be encoded as a whole.

        RFC 2045, section 6.4; the types of RFC 6532 and 6533 may be.
        """
        main, _, subtype = self.content_type.lower().partition("/")
        return main in {"message", "multipart"} and not subtype.startswith("global")

    @property
    def has_content_id(self) -> bool:
        """Whether HTML can refer to it: it is inline, and has a Content-ID."""
        is_inline = self.disposition.lower().startswith("inline")
        return is_inline and any(name.lower() == "content-id" for name in self.headers)


# A frozen value is filled in its __init__ alone.
_set = object.__setattr__

AttachmentLike = Attachment | FlaskMailAttachment | tuple[str | None, str | None, bytes | str]
"""An attachment as applications write it: an Attachment, ours or Flask-Mail's, or (file name,
content type, data), of which the first two may be None."""


@dataclass(frozen=True, slots=True, init=False)
class Email:
    """An email: subject, text, and perhaps HTML. The text is never optional.

        Email("Your order", "It is on its way.", to="Susan <susan@example.com>",
              attachments=[("invoice.pdf", "application/pdf", data)])

    `to`, `cc` and `bcc` are one address or several, each a text with or without a name, a
    (name, address) pair or an Address; `sender` is one, `reply_to` also a text of several with
    commas between them. The attributes hold what was parsed: tuples of Address, and of Attachment.

    Without `to`, `cc` and `bcc` it goes to the recipient of the message that it is composed for,
    without `sender` it comes from the sender of its type, or of the outbox. An attachment is an
    Attachment or a (file name, content type, data) triple. `headers` are further ones.
    `alternatives` are further forms of the text by their subtype, such as an invitation under
    "calendar; method=REQUEST". `ascii_attachments` writes file names in ASCII. `charset` is for
    receivers who need another than UTF-8; text that it cannot encode is sent in UTF-8.

    All is checked when the value is made. Raises AddressError; EmailError for a text or an
    attachment that is none; BadHeaderError for a line break in anything that becomes a header.
    """

    subject: str
    text: str
    to: tuple[Address, ...]
    html: str | None
    sender: Address | None
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    attachments: tuple[Attachment, ...]
    headers: Mapping[str, str]
    alternatives: Mapping[str, str]
    ascii_attachments: bool
    charset: str | None

    def __init__(
        self,
        subject: str,
        text: str,
        to: AddressLike | Iterable[AddressLike] = (),
        html: str | None = None,
        *,
        sender: AddressLike | None = None,
        cc: AddressLike | Iterable[AddressLike] = (),
        bcc: AddressLike | Iterable[AddressLike] = (),
        reply_to: AddressLike | Iterable[AddressLike] | None = (),
        attachments: Iterable[AttachmentLike] = (),
        headers: Mapping[str, str] | None = None,
        alternatives: Mapping[str, str] | None = None,
        ascii_attachments: bool = False,
        charset: str | None = None,
    ) -> None:
        _set(self, "subject", _as_text("subject", subject))
        _set(self, "text", _as_text("text", text))
        _set(self, "to", parse_addresses(to))
        _set(self, "html", html if html is None else _as_text("HTML", html))
        _set(self, "sender", parse_address(sender) if sender else None)
        _set(self, "cc", parse_addresses(cc))
        _set(self, "bcc", parse_addresses(bcc))
        _set(self, "reply_to", parse_reply_to(reply_to) if reply_to else ())
        _set(self, "attachments", _read_attachments(attachments) if attachments else ())
        _set(self, "headers", headers or {})
        _set(self, "alternatives", alternatives or {})
        _set(self, "ascii_attachments", ascii_attachments)
        _set(self, "charset", charset)
        self._check()

    def _check(self) -> None:
        check_header("Subject", self.subject)
        for subtype in self.alternatives:
            if len(subtype) > LINE_MAXIMUM - 100 or not _WORD.fullmatch(subtype):
                raise BadHeaderError(f"{subtype[:100]!r} is not a kind of text")
        if self.charset is not None and not is_charset(self.charset):
            raise BadHeaderError(f"{self.charset!r} is not the name of a charset")
        for name, value in self.headers.items():
            if name.lower() in _OURS:
                raise BadHeaderError(f"{name} is written from the message's own fields")
            check_header(name, value)

    @property
    def recipients(self) -> tuple[Address, ...]:
        """All recipients, each once, in the order of To, Cc and Bcc."""
        by_mailbox = {one.mailbox: one for one in (*self.to, *self.cc, *self.bcc)}
        return tuple(by_mailbox.values())

    def size_estimate(self) -> int:
        """About how many bytes the message will have."""
        texts = [self.subject, self.text, self.html or "", *self.alternatives.values()]
        characters = sum(len(text.encode()) for text in texts)
        return characters + sum(len(one.data) * 4 // 3 for one in self.attachments) + 2048

    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 (RFC 6531) can accept it."""
        sender = (self.sender,) if self.sender else ()
        groups = (self.to, self.cc, self.bcc, self.reply_to, sender)
        return any(one.needs_smtputf8 for group in groups for one in group)


def _read_attachment(one: Any) -> Attachment:
    """The attachment. Raises EmailError if it is none, and BadHeaderError as it does."""
    if isinstance(one, Attachment):
        return one
    if isinstance(one, FlaskMailAttachment):
        return Attachment.of(
            one.filename, one.data, one.content_type, one.disposition, dict(one.headers or {})
        )
    if not isinstance(one, tuple | list) or len(one) != 3:
        raise EmailError("An attachment is an Attachment, or (file name, content type, data).")
    filename, content_type, data = one
    if not isinstance(data, bytes | str):
        raise EmailError(f"The data of {filename!r} are neither bytes nor text.")
    return Attachment.of(filename, data, content_type)


def _as_text(part: str, value: object) -> str:
    """The text, which may be a lazy translation."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bytes):
        raise EmailError(f"The {part} of an email is a text, and not {type(value).__name__}.")
    return str(value)


def _read_attachments(values: Any) -> tuple[Attachment, ...]:
    single = Attachment | FlaskMailAttachment | str | bytes
    if isinstance(values, single) or not isinstance(values, Iterable):
        raise EmailError("Attachments are a list, also where there is only one.")
    return tuple(_read_attachment(one) for one in values)


def check_header(name: str, value: str) -> None:
    """Raise BadHeaderError if a header would inject another one or body text, or be harmful."""
    if not _HEADER_NAME.fullmatch(name):
        raise BadHeaderError(f"{name!r} is not the name of a header")
    if len(value) > HEADER_MAXIMUM:
        raise BadHeaderError(f"{name} has {len(value)} characters; at most {HEADER_MAXIMUM}")
    if not _HEADER_TEXT.fullmatch(value):
        raise BadHeaderError(
            f"{name} contains a line break, a control character, or a lone surrogate"
        )


def _as_bytes(content_type: str, data: str) -> tuple[str, bytes]:
    """The content type, with a charset if it is text, and the bytes."""
    charset = parameter_of(content_type, "charset")
    if charset is None:
        is_text = content_type.lower().startswith("text/")
        content_type = f'{content_type}; charset="utf-8"' if is_text else content_type
    try:
        return content_type, data.encode(charset or "utf-8")
    except (LookupError, UnicodeEncodeError):
        raise BadHeaderError(f"The text of a file cannot be written in {charset!r}") from None


def is_charset(name: str) -> bool:
    """Whether this is the name of a charset that can encode text."""
    if not re.fullmatch(_NAME, name, re.ASCII):
        return False
    try:
        output_charset(name)
    except LookupError:
        return False
    return True
