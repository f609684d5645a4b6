"""Links in mail that carry a token: the token leaves the address bar when the link is opened.

Opening one changes nothing, since mail scanners open links, too; a button on the page does.
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
"""What stands in the address where the token stood, once that is in the session."""

_PREFIXES = "microblog.secret_links"


class SecretLink:
    """One kind of link. `endpoint` is its view, which takes a `token`; `prefix` begins its path."""

    def __init__(self, endpoint: str, prefix: str) -> None:
        self.prefix = prefix
        self._endpoint = endpoint
        self._key = f"token of {endpoint}"

    def opened(self, given: str, is_good: Callable[[str], bool]) -> str | Response:
        """The token to go on with or, where a good one was opened, the way to the page without it.

        `given` is what stands in the address; it may be anything.
        """
        if given == IN_SESSION:
            return str(session.get(self._key, ""))
        if request.method == "GET" and is_good(given):
            return self.enter(given)
        return given

    def enter(self, token: str) -> Response:
        """The way to the page behind a good link, with its token in the session."""
        session[self._key] = token
        return redirect(url_for(self._endpoint, token=IN_SESSION))

    def forget(self) -> None:
        """The token has been used, or is of no use."""
        session.pop(self._key, None)


def init_app(app: Flask) -> None:
    app.extensions[_PREFIXES] = []
    app.after_request(_keep_secret)
    app.jinja_env.globals["way_back"] = way_back


def add_secret_links(app: Flask, *links: SecretLink) -> None:
    """Keep whatever is answered below these links' prefixes secret: errors and refusals too."""
    app.extensions[_PREFIXES] += [link.prefix for link in links]


def way_back() -> str:
    """What a page names to be come back to: its own address, unless that may hold a token."""
    path = request.full_path
    return path if path.endswith(f"/{IN_SESSION}?") or not _is_secret() else home()


def _keep_secret(response: FlaskResponse) -> FlaskResponse:
    return keep_secret(response) if _is_secret() else response


def _is_secret() -> bool:
    return request.path.startswith(tuple(current_app.extensions[_PREFIXES]))
