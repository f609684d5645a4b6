"""Where a request comes from, in terms that a person recognises: a browser's name and a network.

The full address is not kept after the request. What is kept tells towns and countries apart, but
not one neighbour from another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from flask import has_request_context, request
from flask_babel import gettext as _
from ua_parser import parse

PREFIXES = {4: 24, 6: 48}
"""Bits of an address that are kept, by IP version."""

CLIENT_PREFIXES = {4: 32, 6: 64}
"""Bits that identify one client. With IPv6 each has a network to itself, and can use another
address of it for every request (RFC 6177, RFC 8981)."""

SITE_PREFIXES = {4: 32, 6: 48}
"""Bits that identify one connection to the internet, which may have 65,536 networks (RFC 6177).
Many people may also share it."""

PLACE_MAXIMUM = 64
"""Characters of each part."""

USER_AGENT_MAXIMUM = 1000


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where something was done from: a browser's name and a network; either may be empty."""

    browser: str = ""
    network: str = ""


def current_origin() -> RequestOrigin:
    """The origin of this request; an empty one outside of a request."""
    if not has_request_context():
        return RequestOrigin()
    return RequestOrigin(browser_name(request.user_agent.string), coarse(request.remote_addr or ""))


def browser_name(user_agent: str) -> str:
    """The browser and its system, like "Firefox on Linux", in a User-Agent header."""
    found = parse(user_agent[:USER_AGENT_MAXIMUM])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    return " on ".join(part for part in (browser, system) if part)[:PLACE_MAXIMUM]


def browser_in_words(name: str) -> str:
    """A name that `browser_name` gave, in the current language; words for an empty one."""
    browser, _on, system = name.partition(" on ")
    if system:
        return _("%(browser)s on %(system)s", browser=browser, system=system)
    return browser or _("an unknown browser")


def coarse(address: str) -> str:
    """The network of an address, like "203.0.113.0/24"; empty if it is not an address."""
    return _network(address, PREFIXES)


def client_network(address: str) -> str:
    """The network that one client has to itself; empty if this is not an address."""
    return _network(address, CLIENT_PREFIXES)


def client_site(address: str) -> str:
    """The networks that one client may have to itself; empty if this is not an address."""
    return _network(address, SITE_PREFIXES)


def _network(address: str, prefixes: Mapping[int, int]) -> str:
    try:
        whole = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(whole, "ipv4_mapped", None)
    whole = mapped or whole
    return str(ip_network(f"{whole}/{prefixes[whole.version]}", strict=False))
