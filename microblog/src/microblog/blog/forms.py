"""The forms of the blog."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import Field, FileField, SubmitField, TextAreaField
from wtforms.validators import StopValidation

from microblog.accounts.pages.forms import username_field
from microblog.accounts.pages.verified import IsVerified
from microblog.blog import text
from microblog.blog.posts import POST_MAXIMUM
from microblog.blog.profiles import ABOUT_MAXIMUM
from microblog.web.characters import MARKS_MAXIMUM, count_characters, is_overloaded
from microblog.web.forms import Form

CODE_POINTS_MAXIMUM = MARKS_MAXIMUM * POST_MAXIMUM
"""A text with more code points is too long however one counts. It is checked first, so that a text
of megabytes does not cost the time of the other checks."""

_OVERLOADED = _l("One of its characters carries too many marks.")


class ReadableText:
    """Validates that a field holds only visible text, of at most `maximum` characters.

    `empty` is the message for a field without text; without it, the field may be empty.
    """

    def __init__(self, maximum: int, *, empty: Any | None = None) -> None:
        self._maximum = maximum
        self._empty = empty

    def __call__(self, _form: Form, field: Field) -> None:
        typed = (field.data or "").strip()
        if self._empty is not None and text.is_blank(typed):
            raise StopValidation(self._empty)
        if len(typed) > CODE_POINTS_MAXIMUM:
            raise self._too_long(len(typed))
        if is_overloaded(typed):
            raise StopValidation(_OVERLOADED)
        written = text.cleaned(typed)
        if text.has_hidden(written):
            raise StopValidation(_l("This field holds characters that cannot be shown."))
        length = count_characters(written)
        if length > self._maximum:
            raise self._too_long(length)
        if is_overloaded(written):
            raise StopValidation(_OVERLOADED)

    def _too_long(self, length: int) -> StopValidation:
        return StopValidation(
            ngettext(
                "At most %(num)d character; here are %(length)d.",
                "At most %(num)d characters; here are %(length)d.",
                self._maximum,
                length=length,
            )
        )


def _post_field() -> TextAreaField:
    return TextAreaField(
        _l("Say something"),
        validators=[ReadableText(POST_MAXIMUM, empty=_l("A post needs some text.")), IsVerified()],
        render_kw={"rows": 3, "data-maximum": POST_MAXIMUM, "dir": "auto"},
    )


class PostForm(Form):
    post = _post_field()
    submit = SubmitField(_l("Post"))


class EditPostForm(Form):
    post = _post_field()
    submit = SubmitField(_l("Save"))


class ProfileForm(Form):
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
        _l("Your picture"),
        description=_l("JPEG, PNG, GIF or WebP, at most 4 MB. It is cut to a square."),
        validators=[IsVerified(_l("Confirm your email address first."))],
        render_kw={"accept": "image/jpeg,image/png,image/gif,image/webp"},
    )
    submit = SubmitField(_l("Upload"))
