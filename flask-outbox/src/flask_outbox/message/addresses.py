"""Email addresses as mail servers understand them: parsed, checked and normalised.

Sources: RFC 5321 (lengths, local part), RFC 5322 (display names), RFC 5890 (domains in other
scripts), RFC 6531 (local parts in other scripts, which need the server's SMTPUTF8).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.headerregistry import Address as HeaderAddress
from email.utils import formataddr, parseaddr
from typing import Any, TypeGuard, cast

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from flask_mail import BadHeaderError

from flask_outbox.translation import gettext as _

ADDRESS_MAXIMUM = 254
"""Octets in an address that can be a recipient (RFC 5321, section 4.5.3.1.3)."""

SPELLING_MAXIMUM = 2 * ADDRESS_MAXIMUM
"""Code points of an address before Unicode normalisation: no longer one can have ADDRESS_MAXIMUM
octets. Normalising takes quadratic time in the number of combining marks in a row."""

# email-validator refuses special-use names (RFC 6761), which local mail uses.
_LOCAL_DOMAINS = re.compile(r"(?i)(?:.*\.)?(?:localhost|local|test|invalid)")
_SURROGATE_DOMAIN = ".example"

NAME_MAXIMUM = 1000
"""Characters in a display name."""

LIST_MAXIMUM = 10_000
"""Characters in a text with several addresses."""

# Lone surrogates cannot be encoded in UTF-8.
_LINE_BREAKS_AND_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_BIDI_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# What may stand between quotes in an address for signing up: dots where others have none.
_DOTTED = re.compile(r'"[\w!#$%&\'*+/=?^`{|}~.-]+"')

# What email-validator returns as it is: ASCII in lower case, no special-use name (RFC 6761), no
# domain that only IDNA could tell.
_SPECIAL_TOPS = "|".join(sorted({name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES}))
_PLAIN = re.compile(
    r"(?!.{255})(?=[^@]{1,64}@)"
    r"([a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*)"
    r"@((?:(?![^.]{64})[a-z0-9]+(?:-[a-z0-9]+)*\.)+"
    rf"(?!(?:{_SPECIAL_TOPS})\Z)[a-z]{{2,63}})"
)

# An unquoted name may contain a comma: Flask-Mail writes its pairs like that.
_NAMED = re.compile(r"(?s)(?P<name>.*)<(?P<bare>[^<>]*)>")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')


class AddressError(ValueError):
    """The text is not an address that a mail server would accept; the message tells why."""


class InjectionError(AddressError, BadHeaderError):
    """The address holds a line break or a control character, which would end its header."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address: a display name, which may be empty, a local part, and a domain in ASCII.

    `parse_address` makes one of a text, and checks it; here nothing is checked.
    """

    name: str
    local: str
    domain: str

    @classmethod
    def from_mailbox(cls, mailbox: str) -> Address:
        """The address whose `mailbox` this is; nothing is checked, since it was parsed before."""
        local, _, domain = mailbox.rpartition("@")
        return cls("", local, domain)

    @property
    def mailbox(self) -> str:
        """The address without its name: local@domain."""
        return f"{self.local}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether only a server with SMTPUTF8 can take it (RFC 6531)."""
        return not self.local.isascii()

    @property
    def key(self) -> str:
        """The same for all spellings of one mailbox.

        Only the case of ASCII letters is folded: Unicode folding also joins look-alikes (the
        Kelvin sign becomes a k), so one person's key would find another's account.
        """
        return _ascii_lower(self.local) + "@" + self.domain

    def __str__(self) -> str:
        return f"{_quoted(self.name)} <{self.mailbox}>" if self.name else self.mailbox


AddressLike = str | tuple[str, str] | Address
"""An address as applications write it: a text with or without a name, or a (name, address) pair.
The pair may also be a list, since JSON and TOML have no tuples."""


def parse_address(value: AddressLike, *, public: bool = False) -> Address:
    """Parse one address. With `public`, its domain must have a dot, as on the internet.

    Raises AddressError with the reason.
    """
    if isinstance(value, Address):
        return value
    # The same as below, in a tenth of the time: nearly all addresses are plain.
    if isinstance(value, str) and (plain := _PLAIN.fullmatch(value)):
        return Address("", *plain.groups())
    name, bare = _split(value)
    name = without_bidi_controls(name)
    if len(name) > NAME_MAXIMUM:
        raise AddressError(_("The name before the address is too long."))
    if len(bare) > SPELLING_MAXIMUM:
        raise AddressError(_("The address is too long."))
    for part in (name, bare):
        if _LINE_BREAKS_AND_CONTROLS.search(part):
            raise InjectionError(_("An address can't contain line breaks or control characters."))
    plain = _PLAIN.fullmatch(bare)
    local, domain = plain.groups() if plain else _local_and_domain(bare, public=public)
    return Address(name.strip(" \t"), local, domain)


def _local_and_domain(bare: str, *, public: bool) -> tuple[str, str]:
    local, at, domain = bare.rpartition("@")
    at_home = _LOCAL_DOMAINS.fullmatch(domain) and ("." in domain or not public)
    surrogate = _SURROGATE_DOMAIN if at and at_home else ""
    try:
        found = validate_email(
            f"{local}@{domain}{surrogate}" if at else bare,
            check_deliverability=False,
            globally_deliverable=public,
            allow_domain_literal=not public,
            allow_quoted_local=True,
        )
    except EmailNotValidError as error:
        raise AddressError(str(error)) from None
    if public and found.local_part.startswith('"') and not _DOTTED.fullmatch(found.local_part):
        raise AddressError(
            _("Between quotes, an address may contain only letters, digits and dots.")
        )
    if found.local_part.isascii() and not local.isascii():
        raise AddressError(_("The address contains a letter that only looks like another one."))
    ascii_domain = (found.ascii_domain or found.domain).removesuffix(surrogate).lower()
    if len(f"{found.local_part}@{ascii_domain}".encode()) > ADDRESS_MAXIMUM:
        raise AddressError(_("The address is too long."))
    return found.local_part, ascii_domain


def parse_addresses(
    values: AddressLike | Iterable[AddressLike] | None,
) -> tuple[Address, ...]:
    """Parse one address, a (name, address) pair, or a list of such; None is an empty list.

    A pair is told from a list of two addresses by its name, which has no @. Raises AddressError.
    """
    if values is None:
        return ()
    if isinstance(values, str | Address) or (_is_pair(values) and "@" not in str(values[0])):
        return (parse_address(cast(AddressLike, values)),)
    if not isinstance(values, Iterable):
        raise AddressError(_("{value!r} isn't an address.").format(value=values))
    return tuple(parse_address(value) for value in values)


def parse_reply_to(value: AddressLike | Iterable[AddressLike] | None) -> tuple[Address, ...]:
    """Parse a Reply-To: one address, several, or a text of several with commas between them.

    Raises AddressError.
    """
    if not value:
        return ()
    return parse_addresses(_divided(value) if isinstance(value, str) else value)


def address_key(value: AddressLike) -> str:
    """The key of this address; see Address.key. Raises AddressError."""
    return parse_address(value).key


def address_digest(key: str) -> str:
    """What replaces an address's key where the address itself must not be kept."""
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()[:32]


def parse_domain(value: str) -> str:
    """A domain of addresses in ASCII and lower case. Raises AddressError."""
    try:
        return parse_address(f"postmaster@{value}").domain
    except AddressError:
        words = _("{value!r}, which isn't a domain like example.com")
        raise AddressError(words.format(value=value)) from None


def address_for_display(value: AddressLike) -> Address:
    """The address, or what a reader would take for it where it is none: never for sending."""
    try:
        return parse_address(value)
    except AddressError:
        text = str(value) if isinstance(value, str | Address) else formataddr((value[0], value[1]))
        name, bare = parseaddr(_LINE_BREAKS_AND_CONTROLS.sub("", text))
        local, _at, domain = bare.rpartition("@")
        return Address(name, local, domain)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine, to which a secret may be sent unencrypted."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def without_bidi_controls(text: str) -> str:
    """The text without characters that change the direction of writing (Unicode's Bidi_Control).

    In a display name or a file name they make "gnp.exe" look like "exe.png" (UAX 9, UTS 39).
    """
    return text if text.isascii() else _BIDI_CONTROLS.sub("", text)


def _divided(value: str) -> list[str]:
    """Split at commas, except those before the @ or in quotes, which belong to a name."""
    if len(value) > LIST_MAXIMUM:
        raise AddressError(_("The addresses are too long."))
    found: list[str] = []
    begun = ""
    for piece in value.split(","):
        begun = f"{begun},{piece}" if begun else piece
        if "@" in begun and (begun.count('"') - begun.count('\\"')) % 2 == 0:
            found.append(begun)
            begun = ""
    return [*found, begun] if begun.strip(" ") else found


def _is_pair(value: object) -> TypeGuard[Sequence[Any]]:
    """Whether it is (name, address), as a tuple or a list."""
    return isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[1], str)


def _split(value: Any) -> tuple[str, str]:
    if _is_pair(value):
        name, bare = value
        return str(name or ""), bare.strip(" ")
    if not isinstance(value, str):
        raise AddressError(_("{value!r} isn't an address.").format(value=value))
    value = value.strip(" ")
    named = _NAMED.fullmatch(value)
    if not named:
        return "", value
    name, bare = named["name"].strip(" "), named["bare"].strip(" ")
    if _QUOTED.fullmatch(name):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    elif "<" in name or "@" in name:
        raise AddressError(_("This isn't a single address."))
    return name, bare


def _quoted(name: str) -> str:
    try:
        return str(HeaderAddress(display_name=name)).removesuffix(" <>")
    except HeaderParseError:
        return name


def _ascii_lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)
