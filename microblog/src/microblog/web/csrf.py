"""CSRF: a form counts if it was sent from this site's page, by whom that page was shown to.

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
    """Flask-WTF's protection, for forms of this site's own pages and of one session only."""

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
        # Its check needs a Referer, which the pages with secret links forbid the browser to send.
        WTF_CSRF_SSL_STRICT=False,
    )
    csrf.init_app(app)
    app.jinja_env.globals[_FIELD] = csrf_token
    app.context_processor(lambda: {_FIELD: csrf_token})


def csrf_token() -> str:
    """The token for a form of this answer."""
    bind_token()
    return str(generate_csrf())


def bind_token() -> None:
    """Tie this request's token to the session that is signed in, if one is.

    The session cookie alone does not tell whose token it holds: a neighbouring host or whoever
    answers for the site over plain HTTP can plant one beside the victim's remember cookie.
    """
    secret = current_user.get_id()
    if secret is None:
        return
    bound = hmac.digest(secret.encode(), _FIELD.encode(), "sha256").hex()
    if session.get(_FIELD) != bound:
        session[_FIELD] = bound


def _is_sent_from_elsewhere() -> bool:
    """Whether the browser says so; of what it does not say, the token is the only proof.

    A page that sends no referrer says "null" of itself (Fetch, "append a request Origin header"),
    as the pages behind secret links do.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = request.headers.get("Origin", "null")
    return origin != "null" and not is_own_origin(origin)
