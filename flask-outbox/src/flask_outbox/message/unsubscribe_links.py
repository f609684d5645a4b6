"""Links that end mail of a list, for whoever has the mail: no log-in, and no end of their own.

A link's token is an address and a list, signed (HMAC-SHA256, 128 bits) and made unreadable with the
signature as the nonce, as RFC 5297 does: so no log or scanner on the way learns who is written to.
Nothing else rests on its being unreadable. It does not expire, as people unsubscribe years later
(RFC 8058 sets no limit), and it grants nothing beyond the mail of lists.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

TOKEN_MAXIMUM = 800
"""Characters in a token: more than the longest address with the longest list has."""

_SIGNATURE_BYTES = 16
_URL = re.compile(r"https?://[!-;=?-~]+")
_LINK_MAXIMUM = 950
"""Characters in a link, which is one word of a header's line, and that has at most 998 octets."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a link is about: the key of an address, and the name of a list."""

    address_key: str
    list: str


@dataclass(frozen=True)
class UnsubscribeLinks:
    """Makes the links of lists, and reads them.

    `url` is the address of the pages of `unsubscribe_blueprint`, such as
    "https://shop.example.com/unsubscribe". `keys` are secret: links are made with the first, and
    those made with the others are good, too.

    Raises ValueError for a url that is none, or without a key.
    """

    url: str
    keys: Sequence[bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if not _URL.fullmatch(self.url) or "?" in self.url or "#" in self.url:
            raise ValueError(f"{self.url!r} isn't an address like https://example.com/unsubscribe")
        if len(self.url) > _LINK_MAXIMUM - TOKEN_MAXIMUM:
            raise ValueError(f"{self.url!r} is too long for a header")
        if not self.keys:
            raise ValueError("A link cannot be signed without a key.")

    def link(self, address_key: str, list_name: str) -> str:
        """The address that ends this list for this address of mail."""
        token = make_token(self.keys[0], Subscription(address_key, list_name))
        return f"{self.url.rstrip('/')}/{token}"

    def read(self, token: str) -> Subscription | None:
        """What a token is about; None if it is not one of ours."""
        sealed = _decoded(token)
        if sealed is None:
            return None
        for key in self.keys:
            if (found := _opened(key, sealed)) is not None:
                return found
        return None

    def headers(self, address_key: str, list_name: str, domain: str) -> dict[str, str]:
        """The headers of mail of this list from this domain (RFC 2369, RFC 2919, RFC 8058).

        One click needs https: where the pages are not served so, as in development, the link alone
        is there.
        """
        link = self.link(address_key, list_name)
        headers = {"List-Id": f"<{list_name}.{domain}>", "List-Unsubscribe": f"<{link}>"}
        if link.startswith("https:"):
            headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return headers


def make_token(key: bytes, subscription: Subscription) -> str:
    """The token about this, in letters that an address may hold."""
    plain = f"{subscription.list}\n{subscription.address_key}".encode()
    signature = _signature(key, plain)
    sealed = signature + _hidden(key, signature, plain)
    return base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()


def _decoded(token: str) -> bytes | None:
    if not token.isascii() or not _SIGNATURE_BYTES < len(token) <= TOKEN_MAXIMUM:
        return None
    try:
        # Letters of the other alphabet would be skipped.
        return base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
    except binascii.Error:
        return None


def _opened(key: bytes, sealed: bytes) -> Subscription | None:
    signature, rest = sealed[:_SIGNATURE_BYTES], sealed[_SIGNATURE_BYTES:]
    plain = _hidden(key, signature, rest)
    if not hmac.compare_digest(signature, _signature(key, plain)):
        return None
    list_name, _, address_key = plain.decode().partition("\n")
    return Subscription(address_key, list_name)


def _signature(key: bytes, plain: bytes) -> bytes:
    return hmac.digest(key, b"unsubscribe\n" + plain, "sha256")[:_SIGNATURE_BYTES]


def _hidden(key: bytes, signature: bytes, text: bytes) -> bytes:
    """The text made unreadable, or readable again."""
    stream = hashlib.shake_256(key + signature).digest(len(text))
    # As numbers: a byte at a time, what strangers post would cost ten times as much.
    return (int.from_bytes(text) ^ int.from_bytes(stream)).to_bytes(len(text))
