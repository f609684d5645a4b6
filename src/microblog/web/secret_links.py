"""Links in mail that carry a token: the token leaves the address bar when the link is opened.

Opening one changes nothing, since mail scanners open links, too; a button on the page does.
Sources: OWASP ASVS 5.0, 14.2.1 (secrets out of addresses), 14.3.2 and 3.4.5 (caches, referrers).
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, redirect, request, session, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

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
            session[self._key] = given
            return redirect(url_for(self._endpoint, token=IN_SESSION))
        return given

    def forget(self) -> None:
        """The token has been used, or is of no use."""
        session.pop(self._key, None)


def add_secret_links(app: Flask, *links: SecretLink) -> None:
    """Keep whatever is answered below these links' prefixes secret: errors and refusals too."""
    if _PREFIXES not in app.extensions:
        app.extensions[_PREFIXES] = []
        app.after_request(lambda response: _keep_secret(app, response))
    app.extensions[_PREFIXES] += [link.prefix for link in links]


def _keep_secret(app: Flask, response: FlaskResponse) -> FlaskResponse:
    if request.path.startswith(tuple(app.extensions[_PREFIXES])):
        return keep_secret(response)
    return response
