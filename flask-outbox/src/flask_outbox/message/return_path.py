"""The return path: the envelope sender to which reports about one mail come back, with a token.

A token says which row of the outbox the mail came from, on which day it left, and proves it: its
last 80 bits are those of an HMAC over purpose, row, day and recipient. Anybody can write a bounce,
but only one who got the mail has its token. It is good for 30 days.

32 letters and digits, since mail servers may fold the case of a local part; with the address before
it, it must fit into 64 octets (RFC 5321, section 4.5.3.1.1).
"""

from __future__ import annotations

import base64
import hmac
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from flask_outbox.message.addresses import (
    ADDRESS_MAXIMUM,
    Address,
    AddressError,
    address_digest,
    address_key,
)
from flask_outbox.translation import gettext as _

TOKEN_HEADER = "X-Outbox"  # noqa: S105 - the name of a header
"""It has the token as well: some servers replace the envelope sender by one of their own."""

POSTMARK_HEADER = "X-PM-Metadata-outbox"
"""For Postmark, whose webhooks send back none of a message's headers, but this as metadata."""

PURPOSE = "return path"
"""What its keys are derived for."""

DEFAULT_DELIMITER = "+"

TOKEN_DAYS = 30
"""How long a token is good. Servers give up after five days (RFC 5321, section 4.5.4.1), and people
call mail spam when they read it."""

TOKENS_MAXIMUM = 50
"""How many tokens are looked for in one text: a report has one."""

_WORDS_MAXIMUM = 1_000
"""So many words that look like tokens are read: nobody's mail has more, but for an attacker's."""

_DAY = 86400.0
_LOCAL_MAXIMUM = 64
_TOKEN_LETTERS = 32
_MAC_BYTES = 10
_CLAIMS = struct.Struct(">HQ")
_MAX_ROW = 2**63 - 1
# Not of mixed case, as Base64 is, which has many words of this length.
_WORD = rf"(?:[a-z2-7]{{{_TOKEN_LETTERS}}}|[A-Z2-7]{{{_TOKEN_LETTERS}}})"
_TOKEN = re.compile(rf"(?<![A-Za-z0-9]){_WORD}(?![A-Za-z0-9])")
_DELIMITER = re.compile(r"[!#$%&'*+/=?^_`{|}~.-]")
_DIGEST = re.compile(r"sha256:[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ReturnToken:
    """What a token proves: its row, the recipient's address or its digest, as it stood among the
    candidates, and the beginning of the day on which the mail left, in Unix time."""

    row: int
    recipient: str
    at: float


@dataclass(frozen=True)
class ReturnPath:
    """Where reports about mail come back to: `address`, and tokens signed with the first of `keys`.

    `delimiter` stands between its local part and a token; without one, the token is in the header
    only, for servers that insist on an address of the account. `headers` have it in any case. The
    other keys are former ones, whose tokens are still read. Raises ValueError for an address that
    cannot have a token.
    """

    address: Address
    keys: tuple[bytes, ...] = field(repr=False)
    delimiter: str = DEFAULT_DELIMITER
    headers: tuple[str, ...] = (TOKEN_HEADER,)

    def __post_init__(self) -> None:
        if not self.keys:
            raise ValueError("A return path needs a key.")
        if self.delimiter and not is_delimiter(self.delimiter):
            raise ValueError("A delimiter is one character such as +.")
        local = self.address.local
        if not local.isascii() or local.startswith('"'):
            words = _("is {value!r}: its name must be plain letters and digits")
            raise ValueError(words.format(value=self.address.mailbox))
        if not self.delimiter:
            return
        room = _LOCAL_MAXIMUM - _TOKEN_LETTERS - len(self.delimiter)
        if len(local) > room or len(self.address.mailbox) > ADDRESS_MAXIMUM - _TOKEN_LETTERS - 1:
            words = _(
                "is {value!r}: before the @ it can have {count} letters, since a token is added"
            )
            raise ValueError(words.format(value=self.address.mailbox, count=room))

    def token(self, row_id: int, recipient: str, now: float) -> str:
        """The token of the mail that leaves for this recipient at `now`, in Unix time."""
        claims = _CLAIMS.pack(int(now // _DAY), row_id)
        mac = _mac(self.keys[0], claims, _digest(recipient))
        return base64.b32encode(claims + mac).decode().lower()

    def sender_for(self, row_id: int, recipient: str, now: float) -> str:
        """The envelope sender of the mail that leaves for this recipient at `now`."""
        return self.sender_with(self.token(row_id, recipient, now))

    def sender_with(self, token: str) -> str:
        """The envelope sender with this token."""
        if not self.delimiter:
            return self.address.mailbox
        return f"{self.address.local}{self.delimiter}{token}@{self.address.domain}"

    def read(self, text: str, candidates: Iterable[str], now: float) -> ReturnToken | None:
        """What this token proves, or None if it is expired, forged or somebody else's.

        `candidates` are those who may have got the mail: addresses, or digests of such as rows have
        that were reduced. What is neither is passed over.
        """
        claims = _claims(text)
        if claims is None:
            return None
        signed, day, row = claims
        age = int(now // _DAY) - day
        # The clock of the machine that sent it may be ahead.
        if not -1 <= age <= TOKEN_DAYS:
            return None
        for candidate in candidates:
            try:
                digest = _digest(candidate)
            except AddressError:
                continue
            if any(
                hmac.compare_digest(_mac(key, signed[: _CLAIMS.size], digest), signed[-_MAC_BYTES:])
                for key in self.keys
            ):
                return ReturnToken(row, candidate, day * _DAY)
        return None


def is_delimiter(text: str) -> bool:
    """Whether it may stand between a local part and a token (RFC 5321, section 4.1.2: atext)."""
    return bool(_DELIMITER.fullmatch(text))


def claimed_row(text: str) -> int | None:
    """The row that a token names, for looking up who may have got the mail; None if it is no token.

    Nothing is proved by it: that is what `ReturnPath.read` is for.
    """
    claims = _claims(text)
    return None if claims is None else claims[2]


def find_tokens(text: str) -> list[str]:
    """What looks like a token in this text, such as an address or the headers of a returned mail.

    Each once, in lower case, in their order, and at most TOKENS_MAXIMUM.
    """
    found: dict[str, None] = {}
    for match in islice(_TOKEN.finditer(text), _WORDS_MAXIMUM):
        token = match[0].lower()
        if _claims(token) is not None:
            found[token] = None
        if len(found) == TOKENS_MAXIMUM:
            break
    return list(found)


def _claims(text: str) -> tuple[bytes, int, int] | None:
    """The bytes of what may be a token, its day since 1970, and its row."""
    if not _TOKEN.fullmatch(text):
        return None
    signed = base64.b32decode(text.upper())
    day, row = _CLAIMS.unpack_from(signed)
    return (signed, day, row) if 0 < row <= _MAX_ROW else None


def _digest(recipient: str) -> bytes:
    if _DIGEST.fullmatch(recipient):
        return recipient.encode()
    return address_digest(address_key(recipient)).encode()


def _mac(key: bytes, claims: bytes, digest: bytes) -> bytes:
    return hmac.digest(key, PURPOSE.encode() + b"\0" + claims + digest, "sha256")[:_MAC_BYTES]
