"""Forms count only if sent from a page of this dashboard, in the same session.

Where the application has Flask-WTF's CSRFProtect, its tokens are used, and they are checked here
even if the application exempts this blueprint or does not check. Elsewhere a form carries a
signature by a secret of the session (OWASP CSRF Prevention Cheat Sheet, "synchronizer token").
"""

from __future__ import annotations

import hmac
import secrets
from typing import Any

from flask import abort, current_app, g, request, session
from markupsafe import Markup

_FIELD = "csrf_token"
_SECRET = "_flask_outbox_csrf"  # noqa: S105 - the key in the session


def csrf_field() -> Markup:
    """The hidden field that each form contains."""
    if _csrf_protect() is None:
        return _hidden(_FIELD, _token(secrets.token_hex(16)))
    make_token = current_app.jinja_env.globals["csrf_token"]
    return _hidden(current_app.config["WTF_CSRF_FIELD_NAME"], make_token())  # type: ignore[operator]


def check_csrf() -> None:
    """Answer "bad request" to a form that another site may have sent."""
    protect = _csrf_protect()
    if protect is None:
        given = request.form.get(_FIELD, "")
        valid = _is_same(given, _token(given.partition(".")[0]))
    else:
        if not g.get("csrf_valid"):
            protect.protect()
        valid = g.get("csrf_valid", False)
    if not valid:
        abort(400, "This form has expired, or another site sent it. Open the page again.")


def _csrf_protect() -> Any:
    """The application's CSRFProtect, if it has one."""
    found = current_app.extensions.get("csrf")
    return found if hasattr(found, "protect") else None


def _token(salt: str) -> str:
    """A signature of this salt: each form has another, which compression cannot reveal (BREACH)."""
    if _SECRET not in session:
        session[_SECRET] = secrets.token_urlsafe(32)
    key = str(session[_SECRET]).encode()
    return f"{salt}.{hmac.digest(key, salt.encode(), 'sha256').hex()}"


def _is_same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(), wanted.encode())


def _hidden(name: str, value: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
