"""Mailed links that carry a token, which leaves the address bar when the link is opened.

Opening a link changes nothing, since mail scanners open links, too; a button on the page does.
Sources: OWASP ASVS 5.0, 14.2.1 (secrets out of addresses), 14.3.2 and 3.4.5 (caches, referrers).
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, current_app, redirect, request, session, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from microblog.web.links import home
from microblog.web.security import keep_secret

IN_SESSION = "choose"
"""Replaces the token in the address once the token is in the session."""

_PREFIXES = "microblog.secret_links"


class SecretLink:
    """One kind of link. `endpoint` is its view, which takes a `token`; `prefix` begins its path."""

    def __init__(self, endpoint: str, prefix: str) -> None:
        self.prefix = prefix
        self._endpoint = endpoint
        self._key = f"token of {endpoint}"

    def opened(self, given: str, is_good: Callable[[str], bool]) -> str | Response:
        """Return the token to use, or a redirect that moves a good token into the session.

        `given` is the token's part of the address; it may be anything.
        """
        if given == IN_SESSION:
            return str(session.get(self._key, ""))
        if request.method == "GET" and is_good(given):
            return self.enter(given)
        return given

    def enter(self, token: str) -> Response:
        """Put the token into the session, and redirect to the page behind the link."""
        session[self._key] = token
        return redirect(url_for(self._endpoint, token=IN_SESSION))

    def forget(self) -> None:
        """Remove the token from the session, once it is used or useless."""
        session.pop(self._key, None)


def init_app(app: Flask) -> None:
    app.extensions[_PREFIXES] = []
    app.after_request(_keep_secret)
    app.jinja_env.globals["return_path"] = return_path


def add_secret_links(app: Flask, *links: SecretLink) -> None:
    """Keep every response below these links' prefixes out of caches and referrers, errors too."""
    app.extensions[_PREFIXES] += [link.prefix for link in links]


def return_path() -> str:
    """The path to return to after a detour: this page's, unless it may hold a token."""
    path = request.full_path
    return path if path.endswith(f"/{IN_SESSION}?") or not _is_secret() else home()


def _keep_secret(response: FlaskResponse) -> FlaskResponse:
    return keep_secret(response) if _is_secret() else response


def _is_secret() -> bool:
    return request.path.startswith(tuple(current_app.extensions[_PREFIXES]))
