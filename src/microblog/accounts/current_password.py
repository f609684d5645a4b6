"""The field in which somebody who is logged in gives their password once more."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import Field, PasswordField
from wtforms.validators import InputRequired, Length

from microblog.accounts.passwords import PASSWORD_MAXIMUM
from microblog.accounts.reauthentication import Reauthenticated, reauthenticate
from microblog.database import db

NOT_YOUR_PASSWORD = _l("This is not your password.")


def current_password_field() -> PasswordField:
    return PasswordField(
        _l("Current password"),
        validators=[
            InputRequired(_l("This field is required.")),
            Length(max=PASSWORD_MAXIMUM, message=NOT_YOUR_PASSWORD),
        ],
        render_kw={"autocomplete": "current-password"},
    )


def reauthenticated(field: Field) -> Reauthenticated | None:
    """The proof, if the field holds the password of who is logged in; else it says so itself."""
    user = current_user.user
    # The connection goes back before the slow part: hashing must not hold it.
    db.session.commit()
    proof = reauthenticate(user, field.data)
    if proof is None:
        refuse(field)
    return proof


def refuse(field: Field) -> None:
    """Say beside the field that this is not the password."""
    field.errors = [NOT_YOUR_PASSWORD]
