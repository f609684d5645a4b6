"""The forms of accounts."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, ValidationError

from microblog.accounts.names import USERNAME_MAXIMUM, is_username
from microblog.accounts.passwords import PASSWORD_MAXIMUM, PASSWORD_MINIMUM
from microblog.web.forms import EMAIL_MAXIMUM, Form, IsAddress, NoControlCharacters, strip

_REQUIRED = _l("This field is required.")


class LoginForm(Form):
    username = StringField(
        _l("Username or email"),
        filters=[strip],
        validators=[DataRequired(_REQUIRED), Length(max=EMAIL_MAXIMUM)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(_REQUIRED), Length(max=PASSWORD_MAXIMUM)],
        render_kw={"autocomplete": "current-password"},
    )
    remember_me = BooleanField(_l("Remember Me"))
    submit = SubmitField(_l("Sign In"))


def _new_password() -> PasswordField:
    return PasswordField(
        _l("Password"),
        description=_l(
            "At least %(minimum)d characters; 15 or more are better. Any characters will do.",
            minimum=PASSWORD_MINIMUM,
        ),
        validators=[
            InputRequired(_REQUIRED),
            Length(
                min=PASSWORD_MINIMUM,
                max=PASSWORD_MAXIMUM,
                message=_l("A password has between %(min)d and %(max)d characters."),
            ),
        ],
        render_kw={"autocomplete": "new-password"},
    )


def _repeated_password() -> PasswordField:
    return PasswordField(
        _l("Repeat Password"),
        validators=[
            InputRequired(_REQUIRED),
            EqualTo("password", _l("The two passwords are not the same.")),
        ],
        render_kw={"autocomplete": "new-password"},
    )


def email_field(label: Any = None) -> StringField:
    """For an address that shall be of use on the internet."""
    return StringField(
        label or _l("Email"),
        filters=[strip],
        validators=[DataRequired(_REQUIRED), Length(max=EMAIL_MAXIMUM), IsAddress()],
        render_kw={
            "type": "email",
            "autocomplete": "email",
            "autocapitalize": "none",
            "spellcheck": "false",
        },
    )


def username_field() -> StringField:
    """The name that others see: for new accounts, and for a change of it."""
    return StringField(
        _l("Username"),
        filters=[strip],
        validators=[
            DataRequired(_REQUIRED),
            Length(max=USERNAME_MAXIMUM),
            NoControlCharacters(),
            _is_username,
        ],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )


def _is_username(_form: FlaskForm, field: Field) -> None:
    if not is_username(field.data):
        raise ValidationError(
            _l("A username has letters, digits, dots, hyphens and underscores only.")
        )


class RegistrationForm(Form):
    username = username_field()
    email = email_field()
    password = _new_password()
    password2 = _repeated_password()
    submit = SubmitField(_l("Register"))


class ResetPasswordRequestForm(Form):
    email = email_field()
    submit = SubmitField(_l("Request Password Reset"))


class ResetPasswordForm(Form):
    password = _new_password()
    password2 = _repeated_password()
    submit = SubmitField(_l("Save New Password"))


class VerifyEmailForm(Form):
    confirm = SubmitField(_l("Confirm My Address"))
    remove = SubmitField(_l("I Did Not Register"))


class EmptyForm(FlaskForm):
    """For a button that does something: nothing to fill in, but a CSRF token to check."""
