"""Restrictions for accounts without a verified address, for the views and forms of all features."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import Field
from wtforms.validators import StopValidation

from microblog.web.forms import Form


def is_verified() -> bool:
    """Whether the visitor's account has a verified address."""
    return bool(current_user.is_authenticated and current_user.user.email_verified_at)


class IsVerified:
    """Validates that the visitor's address is verified; what was typed in the field is kept."""

    def __init__(self, words: Any | None = None) -> None:
        self._words = words or _l("Confirm your email before posting. We've kept your draft.")

    def __call__(self, _form: Form, _field: Field) -> None:
        if not is_verified():
            raise StopValidation(self._words)
