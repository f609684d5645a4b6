"""What only those may do who have confirmed their address: for the views and forms of all rooms."""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import render_template
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from wtforms import Field
from wtforms.validators import StopValidation

from microblog.accounts.pages.blueprint import View
from microblog.web.forms import Form


def is_verified() -> bool:
    """Whether the visitor is logged in with an account whose address is confirmed."""
    return bool(current_user.is_authenticated and current_user.user.email_verified_at)


class IsVerified:
    """For a field of a form: it says what to do first, and keeps what was typed."""

    def __init__(self, words: Any | None = None) -> None:
        self._words = words or _l(
            "Confirm your email address first. What you typed stays here meanwhile."
        )

    def __call__(self, _form: Form, _field: Field) -> None:
        if not is_verified():
            raise StopValidation(self._words)


def verified_required(view: View) -> View:
    """For buttons: without a log-in the log-in page, without a confirmed address a page of words.

    The page's status is 403.
    """

    @wraps(view)
    @login_required
    def shown(*args: Any, **kwargs: Any) -> Any:
        if not is_verified():
            return render_template("accounts/verification_required.html"), 403
        return view(*args, **kwargs)

    return shown
