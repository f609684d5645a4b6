"""Who asks, as far as a person would recognise it: the browser by its name, and a coarse address.

The whole address is nobody's business after the request: what is kept tells a house from a
country, and not one neighbour from another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from flask import has_request_context, request
from ua_parser import parse

PREFIXES = {4: 24, 6: 48}
"""Bits of an address that are kept, by version of the protocol."""

CLIENT_PREFIXES = {4: 32, 6: 64}
"""Bits that tell one client from another: with IPv6, each has the addresses of a network to itself,
and can take another one for every request (RFC 6177, RFC 8981)."""

SITE_PREFIXES = {4: 32, 6: 48}
"""Bits that tell one connection to the internet from another: who has one may have 65,536 networks
(RFC 6177). Many people may share one, too."""

PLACE_MAXIMUM = 64
"""Characters of either part."""

USER_AGENT_MAXIMUM = 1000


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """Where something was done from: a browser in words and a network, either may be empty."""

    browser: str = ""
    address: str = ""


def current_origin() -> RequestOrigin:
    """The place of this request; nowhere outside of one."""
    if not has_request_context():
        return RequestOrigin()
    return RequestOrigin(browser_name(request.user_agent.string), coarse(request.remote_addr or ""))


def browser_name(user_agent: str) -> str:
    """A browser and its system, like "Firefox on Linux", from a User-Agent header."""
    found = parse(user_agent[:USER_AGENT_MAXIMUM])
    browser = found.user_agent.family if found.user_agent else ""
    system = found.os.family if found.os else ""
    return " on ".join(part for part in (browser, system) if part)[:PLACE_MAXIMUM]


def coarse(address: str) -> str:
    """The network of an address, like "203.0.113.0/24"; nothing where it is no address."""
    return _network(address, PREFIXES)


def client_network(address: str) -> str:
    """The addresses that one client has to itself; nothing where it is no address."""
    return _network(address, CLIENT_PREFIXES)


def client_site(address: str) -> str:
    """The networks that one client may have to itself; nothing where it is no address."""
    return _network(address, SITE_PREFIXES)


def _network(address: str, prefixes: Mapping[int, int]) -> str:
    try:
        whole = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(whole, "ipv4_mapped", None)
    whole = mapped or whole
    return str(ip_network(f"{whole}/{prefixes[whole.version]}", strict=False))
