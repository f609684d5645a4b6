"""Mailed links that carry a token, which leaves the address bar when the link is opened.

Opening a link changes nothing, since mail scanners open links, too; a button on the page does.
Sources: OWASP ASVS 5.0, 14.2.1 (secrets out of addresses), 14.3.2 and 3.4.5 (caches, referrers).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, redirect, render_template, request, session, url_for
from flask import Response as FlaskResponse
from werkzeug.wrappers import Response

from microblog.web.links import home
from microblog.web.security import keep_secret

IN_SESSION = "choose"
"""Replaces the token in the address once the token is in the session."""

Answer = str | Response
Found = TypeVar("Found")

_PREFIXES = "microblog.secret_links"


class SecretLink:
    """One kind of link.

    `endpoint` is its view, which takes a `token`; `prefix` begins its path; `bad_page` is the
    template that says that a link is not good.
    """

    def __init__(self, endpoint: str, prefix: str, *, bad_page: str) -> None:
        self.prefix = prefix
        self._endpoint = endpoint
        self._bad_page = bad_page
        self._key = f"token of {endpoint}"

    def open(
        self,
        given: str,
        find: Callable[[str], Found | None],
        page: Callable[[str, Found], Answer],
        *,
        otherwise: Callable[[str], Answer | None] = lambda _token: None,
    ) -> Answer:
        """Answer a request for the page behind the link.

        `given` is the token's part of the address; it may be anything. `find` looks up what a token
        is good for, and changes nothing. `page` gets the token and what was found: it shows the
        form, and does what a form that was sent asks for. A good token is moved into the session
        before its page is shown. A bad one is answered by `otherwise`, else by the bad page.
        """
        token = str(session.get(self._key, "")) if given == IN_SESSION else given
        found = find(token)
        if found is None:
            return otherwise(token) or self.refuse()
        if given != IN_SESSION and request.method == "GET":
            return self.enter(token)
        return page(token, found)

    def enter(self, token: str) -> Response:
        """Put the token into the session, and redirect to the page behind the link."""
        session[self._key] = token
        return redirect(url_for(self._endpoint, token=IN_SESSION))

    def forget(self) -> None:
        """Remove the token from the session, once it is used or useless."""
        session.pop(self._key, None)

    def refuse(self, **context: Any) -> str:
        """Forget the token, and say that the link is not good; `context` is for the template."""
        self.forget()
        return render_template(self._bad_page, **context)


def init_app(app: Flask) -> None:
    app.extensions[_PREFIXES] = []
    app.after_request(_keep_secret)
    app.jinja_env.globals["return_path"] = return_path


def add_secret_links(app: Flask, *links: SecretLink) -> None:
    """Keep every response below these links' prefixes out of caches and referrers, errors too."""
    app.extensions[_PREFIXES] += [link.prefix for link in links]


def add_secret_prefix(app: Flask, prefix: str) -> None:
    """Keep every response below this prefix so, though its tokens stay in the address."""
    app.extensions[_PREFIXES].append(prefix)


def return_path(*, keeps_token: bool = False) -> str:
    """The path to return to after a detour: this page's, unless it may hold a token.

    With `keeps_token`, that of a page whose token stays in its address, too: for a detour that only
    redirects.
    """
    if _is_secret() and not keeps_token and not request.path.endswith(f"/{IN_SESSION}"):
        return home()
    return request.script_root + request.full_path.removesuffix("?")


def _keep_secret(response: FlaskResponse) -> FlaskResponse:
    return keep_secret(response) if _is_secret() else response


def _is_secret() -> bool:
    return request.path.startswith(tuple(current_app.extensions[_PREFIXES]))
