"""The forms of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField, SubmitField
from wtforms.validators import DataRequired, EqualTo, InputRequired, ValidationError

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
from microblog.web.forms import (
    EMAIL_MAXIMUM,
    Form,
    IsAddress,
    MaxLength,
    NoControlCharacters,
    strip,
)

_REQUIRED = _l("This field is required.")

_PROBLEMS = {
    Problem.LENGTH: _l(
        "Use %(min)d to %(max)d characters.",
        min=PASSWORD_MINIMUM,
        max=PASSWORD_MAXIMUM,
    ),
    Problem.COMMON: _l("This password is too common and easy to guess. Choose another."),
    Problem.PERSONAL: _l("Your password can't be your username or your email."),
}


class PasswordLength:
    """Validates that a password is not too long, however its letters are composed."""

    field_flags: ClassVar = {"maxlength": PASSWORD_MAXIMUM}

    def __init__(self, message: Any = None) -> None:
        self._message = message or _PROBLEMS[Problem.LENGTH]

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if is_too_long(field.data or ""):
            raise ValidationError(self._message)


class LoginForm(Form):
    username = StringField(
        _l("Username or email"),
        filters=[strip],
        validators=[DataRequired(_REQUIRED), MaxLength(EMAIL_MAXIMUM)],
        render_kw={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"},
    )
    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(_REQUIRED), PasswordLength()],
        render_kw={"autocomplete": "current-password"},
    )
    remember_me = BooleanField(_l("Remember me"))
    submit = SubmitField(_l("Sign in"))


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
            "Use at least %(minimum)d characters. Longer is safer.",
            minimum=PASSWORD_MINIMUM,
        ),
        validators=[InputRequired(_REQUIRED), _is_good_password],
        render_kw={
            "autocomplete": "new-password",
            "data-minimum": PASSWORD_MINIMUM,
            "data-advised": PASSWORD_ADVISED,
            "data-short": _l("Too short."),
            "data-plain": _l("Easy to guess: too few different characters."),
            "data-fair": _l("Long enough. Longer is safer."),
            "data-long": _l("Good length."),
        },
    )


_STRENGTHS = {
    Strength.WEAK: _l("The one you typed was weak."),
    Strength.FAIR: _l("The one you typed was fair."),
    Strength.STRONG: _l("The one you typed was strong."),
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
            EqualTo("password", _l("The passwords don't match.")),
        ],
        render_kw={"autocomplete": "new-password"},
    )


def email_field(label: Any = None, *, description: Any = "") -> StringField:
    """A field for an email address."""
    return StringField(
        label or _l("Email"),
        description=description,
        filters=[strip],
        validators=[DataRequired(_REQUIRED), MaxLength(EMAIL_MAXIMUM), IsAddress()],
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
            MaxLength(USERNAME_MAXIMUM),
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
    UsernameProblem.CHARACTERS: _l("Use only letters, digits, dots, hyphens and underscores."),
    UsernameProblem.ENDS: _l(
        "A username can't start or end with a dot or a hyphen, or end with “.atom”."
    ),
    UsernameProblem.ALPHABETS: _l(
        "Use letters of one alphabet. Those of different alphabets can look alike."
    ),
}


def why_taken(error: TakenError) -> str:
    """Return the message for a user name that cannot be had."""
    if error.is_confusable:
        return _("This username looks like someone else's. Choose another.")
    return _("This username is taken. Choose another.")


class RegistrationForm(NewPasswordForm):
    username = username_field()
    email = email_field(
        description=_l("For signing in and resetting your password. It isn't public.")
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
                    "Enter %(num)d letters and digits. 0, 1, I, L and O are never used.",
                    num=LENGTH,
                )
            )


class ResetPasswordForm(NewPasswordForm):
    password = _new_password()
    password2 = _repeated_password()
    submit = SubmitField(_l("Save new password"))

    def __init__(self, user: User) -> None:
        super().__init__()
        self.personal = (user.username, user.email)


class VerifyEmailForm(Form):
    confirm = SubmitField(_l("Confirm my email"))
    remove = SubmitField(_l("Remove account"))


class EmptyForm(Form):
    """A form for a button alone: it has nothing but a CSRF token."""
