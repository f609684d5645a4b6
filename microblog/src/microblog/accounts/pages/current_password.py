"""The field in which a visitor gives the password once more."""

from __future__ import annotations

from datetime import timedelta

from flask import flash
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from wtforms import Field, PasswordField
from wtforms.validators import InputRequired

from microblog.accounts.keys import token_keys
from microblog.accounts.pages.forms import PasswordLength
from microblog.accounts.sessions.login_throttle import (
    admit,
    reset_throttle,
    throttle_key,
    whole_minutes,
)
from microblog.accounts.sessions.reauthentication import PasswordProof, reauthenticate
from microblog.database import transaction
from microblog.web.forms import Form
from microblog.web.scope import current_scope

FRESH_FOR = timedelta(minutes=5)

NOT_YOUR_PASSWORD = _l("This isn't your current password.")


def current_password_field() -> PasswordField:
    return PasswordField(
        _l("Current password"),
        validators=[
            InputRequired(_l("This field is required.")),
            PasswordLength(NOT_YOUR_PASSWORD),
        ],
        render_kw={"autocomplete": "current-password"},
    )


def is_fresh() -> bool:
    """Whether the visitor proved who they are within the last five minutes of this session."""
    proved_at = current_user.session.proved_at
    return proved_at is not None and current_scope().now - proved_at < FRESH_FOR


def spare_password(form: Form) -> None:
    """Take the field for the password away from whoever proved a moment ago who they are."""
    if is_fresh():
        del form.current_password


def proof_in(form: Form) -> PasswordProof | None:
    """Return a proof of the visitor's: the password in the form, or one of a moment ago."""
    if form.current_password is not None:
        return reauthenticated(form.current_password)
    user = current_user.user
    return PasswordProof(user.id, user.password_hash)


def reauthenticated(field: Field) -> PasswordProof | None:
    """Return a proof if the field has the visitor's password; otherwise set the field's error."""
    user = current_user.user
    # Counted by session: nobody shall guess the password in a stolen one.
    key = throttle_key(token_keys(), "", current_user.session.digest)
    # Committed before the slow part: hashing must not keep the connection.
    with transaction() as writing:
        wait = admit(writing, key, now=current_scope().now)
    if wait is not None:
        field.errors = [_too_often(wait)]
        return None
    proof = reauthenticate(user, field.data)
    if proof is None:
        refuse(field)
    else:
        with transaction() as writing:
            reset_throttle(writing, key)
    return proof


def refuse(field: Field | None) -> None:
    """Say that this is not the password, beside its field if there is one."""
    if field is None:
        flash(NOT_YOUR_PASSWORD, "error")
    else:
        field.errors = [NOT_YOUR_PASSWORD]


def _too_often(wait: timedelta) -> str:
    return str(
        ngettext(
            "Too many wrong passwords. Wait %(num)d minute, or sign out and reset your password.",
            "Too many wrong passwords. Wait %(num)d minutes, or sign out and reset your password.",
            whole_minutes(wait),
        )
    )
