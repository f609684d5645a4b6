"""Security headers, and the set-up of everything that protects all pages: hosts, cookies, CSRF.

Sources: OWASP ASVS 5.0, chapters 3 (web frontend) and 7 (sessions); OWASP Secure Headers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request, session
from flask_login import current_user
from werkzeug.middleware.proxy_fix import ProxyFix

from microblog.web import cookies, csrf, hosts

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GRAVATAR = "https://www.gravatar.com"
"""The only other host that a page may load anything from, and only if GRAVATAR is on."""

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:;"
        " font-src 'self'; connect-src 'self'; frame-src 'self'; manifest-src 'self';"
        " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def init_app(app: Flask) -> None:
    """Protect every page of this application."""
    public = urlsplit(app.config["PUBLIC_URL"] or "")
    cookies.init_app(app)
    hosts.init_app(app)
    csrf.init_app(app)
    if app.config["GRAVATAR"]:
        # Flask calls these functions in reverse order: this one must see the header.
        app.after_request(_allow_gravatar)
    app.after_request(_add_headers)
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=0)  # type: ignore[method-assign]
    app.wsgi_app = _Prefix(app.wsgi_app, public.path)  # type: ignore[method-assign]
    if public.scheme == "https":
        app.after_request(_add_transport_security)


class _Prefix:
    """Middleware for a site under PUBLIC_URL's path, which the proxy may have stripped or not.

    It overwrites SCRIPT_NAME, which some servers take from a header.
    """

    def __init__(self, inner: WSGIApplication, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path.removeprefix(self._prefix)
        environ["SCRIPT_NAME"] = self._prefix
        return self._inner(environ, start_response)


def keep_secret(response: Response) -> Response:
    """Keep the page behind a secret link out of caches, and its address out of referrers.

    OWASP ASVS 5.0, 14.3.2 and 3.4.5.
    """
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _add_headers(response: Response) -> Response:
    headers = response.headers
    given = {name.lower() for name, _ in headers}
    headers.extend((name, value) for name, value in _HEADERS.items() if name.lower() not in given)
    if response.mimetype == "text/html" and "Cache-Control" not in response.headers:
        # Any page of a signed-in person may hold their name, their address, or whom they follow.
        personal = current_user.is_authenticated
        response.headers["Cache-Control"] = "no-store" if personal else "private, no-cache"
    if "public" in headers.get("Cache-Control", "") and _has_cookies(response):
        response.cache_control.public = False
        response.cache_control.private = True
    return response


def _has_cookies(response: Response) -> bool:
    """Whether the response may be meant for one person. The session cookie is set only later."""
    return bool(request.cookies or session.modified or "Set-Cookie" in response.headers)


def _allow_gravatar(response: Response) -> Response:
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace("data:", f"data: {GRAVATAR}")
    return response


def _add_transport_security(response: Response) -> Response:
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response
