"""DKIM signatures, which tell receivers who is responsible for a message (RFC 6376).

dkimpy is imported when a key is loaded: an application whose mail server signs does not need it.
"""

from __future__ import annotations

import base64
import binascii
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from flask_outbox.extras import needs_extra
from flask_outbox.message.return_path import TOKEN_HEADER
from flask_outbox.translation import gettext as _

SIGNED_HEADERS = (
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
)
"""Each is signed once more than it can occur, so nobody can add a second author, another subject,
or a header that the message lacks (RFC 6376, sections 5.4 and 8.15).

RFC 8058, section 4, requires both List-Unsubscribe headers to be signed.
"""

_PEM = re.compile(rb"-----BEGIN (RSA )?PRIVATE KEY-----\s+(.*?)\s+-----END", re.DOTALL)

_ED25519_PREFIX = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7)."""

_SAMPLE = b"From: nobody@example.com\r\n\r\nA sample.\r\n"


class DkimKeyError(ValueError):
    """The key cannot sign; the message tells why, and contains nothing of the key."""


class DkimSigner:
    """Signs messages for one domain, with the key that is published under its selector.

    Raises DkimKeyError if the key cannot be used.
    """

    def __init__(self, key: bytes, selector: str, domain: str) -> None:
        _require_package()
        self._algorithm, self._key = _read(key)
        self.selector = selector
        self.domain = domain
        self._try()

    def __call__(self, content: bytes) -> bytes:
        """The message with a signature before its headers."""
        import dkim  # noqa: PLC0415 - an optional package

        names: tuple[str, ...] = SIGNED_HEADERS
        if content.startswith(f"{TOKEN_HEADER}:".encode()):
            names = (*names, TOKEN_HEADER)
        signature: bytes = dkim.sign(
            content,
            self.selector.encode("idna"),
            self.domain.encode("idna"),
            self._key,
            canonicalize=(b"relaxed", b"relaxed"),
            signature_algorithm=self._algorithm,
            include_headers=[name.encode() for name in (*names, *names)],
        )
        return signature + content

    def __repr__(self) -> str:
        return f"DkimSigner({self.selector!r}, {self.domain!r})"

    def _try(self) -> None:
        """Sign a sample, so that a key that cannot sign is found at the start."""
        known = _errors()
        try:
            self(_SAMPLE)
        except known as error:
            raise DkimKeyError(_why(error)) from None


def load_signer(file: Path, selector: str, domain: str) -> DkimSigner:
    """The signer with the private key in this file: RSA in PEM, or Ed25519 in PEM or Base64.

    Raises DkimKeyError if the file cannot be read or contains no such key.
    """
    _require_package()
    try:
        key = file.read_bytes()
    except OSError as error:
        words = _("names {file!r}, which can't be read: {reason}")
        raise DkimKeyError(words.format(file=str(file), reason=error.strerror)) from None
    try:
        return DkimSigner(key, selector, domain)
    except DkimKeyError as error:
        words = _("names {file!r}, which {problem}")
        raise DkimKeyError(words.format(file=str(file), problem=error)) from None


def _require_package() -> None:
    if find_spec("dkim") is None:
        raise DkimKeyError(needs_extra("dkimpy", "dkim"))


def _read(key: bytes) -> tuple[bytes, bytes]:
    """The algorithm, and the key as dkimpy takes it."""
    pem = _PEM.search(key)
    text = pem[2] if pem else key
    try:
        raw = base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise DkimKeyError(_("contains no private key: neither PEM nor Base64")) from None
    if raw.startswith(_ED25519_PREFIX) and len(raw) == len(_ED25519_PREFIX) + 32:
        raw = raw.removeprefix(_ED25519_PREFIX)
    elif pem:
        # dkimpy wants line feeds, and nothing before the key.
        return b"rsa-sha256", b"-----\n" + base64.b64encode(raw) + b"\n-----"
    if len(raw) != 32:
        raise DkimKeyError(_("contains no private key: neither RSA nor Ed25519"))
    return b"ed25519-sha256", base64.b64encode(raw)


def _errors() -> tuple[type[Exception], ...]:
    import dkim  # noqa: PLC0415 - an optional package

    # The parser of RSA keys may raise anything.
    return (dkim.DKIMException, ArithmeticError, LookupError, TypeError, ValueError)


def _why(error: Any) -> str:
    if type(error).__name__ == "NaClNotFoundError":
        return needs_extra("pynacl", "dkim")
    if isinstance(error, UnicodeError):
        return _("can't sign: the selector or the domain isn't a valid DNS name")
    return _("contains no private key that can sign")
