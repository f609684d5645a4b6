"""The host names this site answers to: PUBLIC_URL's, and this machine's own in development.

Under any other name, a page of another site could read this one (DNS rebinding), or links and
redirects of this one could be made to lead elsewhere (CWE-350, CWE-644).
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import BadRequest

from flask_outbox import parse_domain

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_SERVED_BY_ADDRESS = {"health", "metrics"}
"""Blueprints that probes and monitoring request at each machine's own address."""

_IS_FOREIGN = "microblog.is_foreign_host"

_PORTS = {"http": 80, "https": 443}


class ForeignHostError(BadRequest):
    """The request is for another host name."""


def init_app(app: Flask) -> None:
    """Refuse requests for other host names, except those of probes."""
    app.wsgi_app = _OwnHosts(  # type: ignore[method-assign]
        app.wsgi_app, app.config["PUBLIC_URL"], in_development=app.config["MAIL_INBOX"]
    )
    app.before_request(_refuse_foreign_host)


def host_name(netloc: str) -> str:
    """The host in a Host header or an address, normalised; empty if there is none.

    Normalised means without a port or a final dot, in lower case and ASCII.
    """
    try:
        host = (urlsplit(f"//{netloc}").hostname or "").removesuffix(".")
        if ":" in host:
            return str(ip_address(host))
        return host if host.isascii() else parse_domain(host)
    except ValueError:
        return ""


def is_own_origin(origin: str) -> bool:
    """Whether an Origin header names this site, as the sender of the request reaches it."""
    own = {_origin(current_app.config["PUBLIC_URL"] or request.host_url)}
    if is_this_machine(host_name(request.host)):
        own.add(_origin(request.host_url))
    return _origin(origin) in own


def is_this_machine(host: str) -> bool:
    """Whether a name or an address always means this machine (RFC 6761, 6.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_foreign_host() -> None:
    if request.environ[_IS_FOREIGN] and request.blueprint not in _SERVED_BY_ADDRESS:
        raise ForeignHostError


class _OwnHosts:
    """Middleware that hides a foreign host, which may be malformed, from the application.

    The page that refuses it so holds no link with that host, and probes still find their addresses.
    """

    def __init__(
        self, inner: WSGIApplication, public_url: str | None, *, in_development: bool
    ) -> None:
        self._inner = inner
        self._public = host_name(urlsplit(public_url or "").netloc)
        self._this_machine = in_development or is_this_machine(self._public or "localhost")

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked = environ.get("HTTP_HOST") or ""
        environ[_IS_FOREIGN] = not self._is_own(host_name(asked))
        if environ[_IS_FOREIGN]:
            environ["HTTP_HOST"] = "localhost"
        return self._inner(environ, start_response)

    def _is_own(self, host: str) -> bool:
        return host == self._public != "" or (self._this_machine and is_this_machine(host))


def _origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454, section 4)."""
    try:
        parts = urlsplit(url)
        return parts.scheme, host_name(parts.netloc), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return "", "", None
