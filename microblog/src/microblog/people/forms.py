"""Forms for what people say about themselves, and the rule for all texts that they write."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import Field, FileField, StringField, SubmitField, TextAreaField
from wtforms.validators import StopValidation

from microblog.accounts.pages.forms import username_field
from microblog.accounts.pages.verified import IsVerified
from microblog.people.profiles import ABOUT_MAXIMUM
from microblog.people.text import TextError, TextProblem, readable
from microblog.web.forms import Form, too_long


class ReadableText:
    """Validates that a field holds only visible text, of at most `maximum` characters.

    `empty` is the message for a field without text; without it, the field may be empty.
    """

    def __init__(self, maximum: int, *, empty: Any | None = None) -> None:
        self._maximum = maximum
        self._empty = empty

    def __call__(self, _form: Form, field: Field) -> None:
        may_be_blank = self._empty is None
        try:
            readable(field.data or "", self._maximum, may_be_blank=may_be_blank)
        except TextError as error:
            raise StopValidation(self._words(error)) from None

    def _words(self, error: TextError) -> Any:
        if error.problem is TextProblem.LENGTH:
            return too_long(error.length - self._maximum)
        return self._empty if error.problem is TextProblem.BLANK else _PROBLEMS[error.problem]


_PROBLEMS = {
    TextProblem.MARKS: _l("One character has too many accent marks."),
    TextProblem.HIDDEN: _l("Remove the characters that can't be shown."),
}


class ProfileForm(Form):
    display_name = StringField(
        _l("Display name"),
        description=_l("Shown beside your username. You can leave it empty."),
        render_kw={"autocomplete": "name", "dir": "auto"},
    )
    username = username_field()
    about_me = TextAreaField(
        _l("About me"),
        validators=[ReadableText(ABOUT_MAXIMUM)],
        render_kw={"rows": 4, "data-maximum": ABOUT_MAXIMUM, "dir": "auto"},
    )
    submit = SubmitField(_l("Save"))


class PictureForm(Form):
    """Sent as multipart, so that the file travels beside the CSRF token."""

    picture = FileField(
        _l("New picture"),
        description=_l("JPEG, PNG, GIF or WebP, at most 4 MB. It's cropped to a square."),
        validators=[IsVerified(_l("Confirm your email first."))],
        render_kw={"accept": "image/jpeg,image/png,image/gif,image/webp"},
    )
    submit = SubmitField(_l("Upload"))
