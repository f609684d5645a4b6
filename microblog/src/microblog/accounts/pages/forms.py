"""The forms of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, ValidationError

from microblog.accounts.actions.password_reset_code import LENGTH, read_code
from microblog.accounts.actions.registration import TakenError
from microblog.accounts.models import User
from microblog.accounts.password_rules import (
    PASSWORD_ADVISED,
    PASSWORD_MAXIMUM,
    PASSWORD_MINIMUM,
    Problem,
    Strength,
    is_too_long,
    problem_with,
    strength_of,
)
from microblog.accounts.usernames import (
    USERNAME_MAXIMUM,
    UsernameProblem,
    username_problem,
)
from microblog.web.forms import EMAIL_MAXIMUM, Form, IsAddress, NoControlCharacters, strip

_REQUIRED = _l("This field is required.")


class PasswordLength(Length):
    """Validates that a password is not too long, however its letters are composed."""

    def __init__(self, message: Any = None) -> None:
        super().__init__(max=PASSWORD_MAXIMUM, message=message)

    def __call__(self, form: FlaskForm, field: Field) -> None:
        if is_too_long(field.data or ""):
            super().__call__(form, field)


class LoginForm(Form):
    username = StringField(
        _l("Username or email"),
        filters=[strip],
        validators=[DataRequired(_REQUIRED), Length(max=EMAIL_MAXIMUM)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(_REQUIRED), PasswordLength()],
        render_kw={"autocomplete": "current-password"},
    )
    remember_me = BooleanField(_l("Remember Me"))
    submit = SubmitField(_l("Sign In"))


class NewPasswordForm(Form):
    """A form in which a password is chosen, and typed twice.

    After an error in another field the password has to be typed again; the hint then says how
    strong it was.
    """

    personal: Sequence[str] = ()
    """The user name and the address, which are not accepted as a password."""

    password: PasswordField

    def validate(self, extra_validators: Any = None) -> bool:
        valid = bool(super().validate(extra_validators))
        if not valid:
            self.say_strength()
        return valid

    def say_strength(self) -> None:
        """Add to the field's hint how strong the password is, if it was accepted."""
        if self.password.data and not self.password.errors:
            words = _STRENGTHS[strength_of(self.password.data)]
            self.password.description = f"{self.password.description} {words}"


def _new_password() -> PasswordField:
    return PasswordField(
        _l("Password"),
        description=_l(
            "At least %(minimum)d characters; %(advised)d or more are better. Any characters will"
            " do.",
            minimum=PASSWORD_MINIMUM,
            advised=PASSWORD_ADVISED,
        ),
        validators=[InputRequired(_REQUIRED), _is_good_password],
        render_kw={
            "autocomplete": "new-password",
            "data-minimum": PASSWORD_MINIMUM,
            "data-advised": PASSWORD_ADVISED,
            "data-short": _l("Too short."),
            "data-plain": _l("Easily guessed: few different characters."),
            "data-fair": _l("Long enough; longer is better."),
            "data-long": _l("A good length."),
        },
    )


_PROBLEMS = {
    Problem.LENGTH: _l(
        "A password has between %(min)d and %(max)d characters.",
        min=PASSWORD_MINIMUM,
        max=PASSWORD_MAXIMUM,
    ),
    Problem.COMMON: _l("This password is too common and easy to guess. Choose another."),
    Problem.PERSONAL: _l("Your username or your address cannot be your password."),
}

_STRENGTHS = {
    Strength.WEAK: _l("The one that you typed is weak; a longer one is better."),
    Strength.FAIR: _l("The one that you typed is fair; a longer one is better."),
    Strength.STRONG: _l("The one that you typed is strong."),
}


def _is_good_password(form: NewPasswordForm, field: Field) -> None:
    problem = problem_with(field.data, personal=form.personal)
    if problem is not None:
        raise ValidationError(_PROBLEMS[problem])


def _repeated_password() -> PasswordField:
    return PasswordField(
        _l("Repeat Password"),
        validators=[
            InputRequired(_REQUIRED),
            EqualTo("password", _l("The two passwords are not the same.")),
        ],
        render_kw={"autocomplete": "new-password"},
    )


def email_field(label: Any = None, *, description: Any = "") -> StringField:
    """A field for an email address."""
    return StringField(
        label or _l("Email"),
        description=description,
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
    """A field for a user name, in new accounts and for changing it."""
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
    if field.data == field.object_data:
        # A name from before a rule may be kept.
        return
    problem = username_problem(field.data)
    if problem is not None:
        raise ValidationError(_USERNAME_PROBLEMS[problem])


_USERNAME_PROBLEMS = {
    UsernameProblem.CHARACTERS: _l(
        "A username has letters, digits, dots, hyphens and underscores only."
    ),
    UsernameProblem.ENDS: _l(
        "A username neither begins nor ends with a dot or a hyphen, and does not end with “.atom”."
    ),
    UsernameProblem.ALPHABETS: _l(
        "The letters of a username belong to one alphabet: those of different ones look alike."
    ),
}


def why_taken(error: TakenError) -> str:
    """Return the message for a user name that cannot be had."""
    if error.is_confusable:
        return _("This username looks like somebody else's. Please use a different one.")
    return _("Please use a different username.")


class RegistrationForm(NewPasswordForm):
    username = username_field()
    email = email_field(
        description=_l("For signing in and resetting your password. Nobody sees it.")
    )
    password = _new_password()
    password2 = _repeated_password()
    submit = SubmitField(_l("Create account"))

    def validate(self, extra_validators: Any = None) -> bool:
        self.personal = (self.username.data or "", self.email.data or "")
        return super().validate(extra_validators)


class ResetPasswordRequestForm(Form):
    email = email_field()
    submit = SubmitField(_l("Request Password Reset"))


class ResetCodeForm(Form):
    code = StringField(
        _l("Code from the email"),
        validators=[DataRequired(_REQUIRED)],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": 32,
        },
    )

    def validate_code(self, field: Field) -> None:
        if read_code(field.data) is None:
            raise ValidationError(
                _(
                    "A code has %(num)d letters and digits. 0, 1, I, L and O don't occur.",
                    num=LENGTH,
                )
            )


class ResetPasswordForm(NewPasswordForm):
    password = _new_password()
    password2 = _repeated_password()
    submit = SubmitField(_l("Save New Password"))

    def __init__(self, user: User) -> None:
        super().__init__()
        self.personal = (user.username, user.email)


class VerifyEmailForm(Form):
    confirm = SubmitField(_l("Confirm my email"))
    remove = SubmitField(_l("Remove the account"))


class EmptyForm(Form):
    """A form for a button alone: it has nothing but a CSRF token."""
