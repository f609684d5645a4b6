"""The site as browsers and passkeys know it."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


class PasskeyError(Exception):
    """What a browser sent is no answer of a passkey that is good here."""


@dataclass(frozen=True)
class RelyingParty:
    """The site in the terms of Web Authentication, section 4."""

    id: str
    name: str
    origin: str


def relying_party(public_url: str | None, *, name: str) -> RelyingParty | None:
    """Return the site by its PUBLIC_URL; None where browsers allow no passkeys.

    They allow them with HTTPS and at localhost, under a name and not at an address.
    """
    url = urlsplit(public_url or "")
    host = url.hostname or ""
    if not host or _is_address(host) or (url.scheme != "https" and not _is_local(host)):
        return None
    port = f":{url.port}" if url.port else ""
    return RelyingParty(host, name, f"{url.scheme}://{host}{port}")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")
