"""CSRF protection: a form counts only if sent from a page of this site, in the session it is for.

Sources: OWASP CSRF Prevention Cheat Sheet (signed double submit bound to the session; Fetch
Metadata); OWASP ASVS 5.0, 3.5.1 and 3.5.3.
"""

from __future__ import annotations

import hmac

from flask import Flask, current_app, g, request, session
from flask_login import current_user
from flask_wtf.csrf import CSRFProtect, generate_csrf

from microblog.web.hosts import is_own_origin

_FIELD = "csrf_token"


class BoundCSRFProtect(CSRFProtect):
    """Flask-WTF's protection, limited to this site's own pages and to one session."""

    def protect(self, apply_exemptions: bool = False) -> None:
        if request.method in current_app.config["WTF_CSRF_METHODS"]:
            bind_token()
        super().protect(apply_exemptions)
        if g.get("csrf_valid") and _is_sent_from_elsewhere():
            self._error_response("The form was sent from another site.")


csrf = BoundCSRFProtect()


def init_app(app: Flask) -> None:
    app.config.update(
        WTF_CSRF_FIELD_NAME=_FIELD,
        # A form that stays open for a day still works: the token lives as long as the session.
        WTF_CSRF_TIME_LIMIT=None,
        # Its check needs a Referer, which browsers do not send from pages behind secret links.
        WTF_CSRF_SSL_STRICT=False,
    )
    csrf.init_app(app)
    app.jinja_env.globals[_FIELD] = csrf_token
    app.context_processor(lambda: {_FIELD: csrf_token})


def csrf_token() -> str:
    """The token for a form in this response."""
    bind_token()
    return str(generate_csrf())


def bind_token() -> None:
    """Bind this request's token to the signed-in session, if there is one.

    The session cookie alone does not prove whose token it holds: a neighbouring host, or somebody
    who answers for the site over plain HTTP, can plant one beside the victim's remember cookie.
    """
    secret = current_user.get_id()
    if secret is None:
        return
    bound = hmac.digest(secret.encode(), _FIELD.encode(), "sha256").hex()
    if session.get(_FIELD) != bound:
        session[_FIELD] = bound


def _is_sent_from_elsewhere() -> bool:
    """Whether the browser says so; if it says nothing, the token is the only proof.

    A page without a referrer has the origin "null" (Fetch, "append a request Origin header"), as
    have the pages behind secret links.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    return origin != "null" and not is_own_origin(origin)
