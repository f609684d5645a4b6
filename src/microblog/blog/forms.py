"""The forms of the blog."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import Field, FileField, SubmitField, TextAreaField
from wtforms.validators import StopValidation

from microblog.accounts.forms import username_field
from microblog.accounts.verified import IsVerified
from microblog.blog import text
from microblog.blog.posts import POST_MAXIMUM
from microblog.blog.profiles import ABOUT_MAXIMUM
from microblog.web.forms import Form

CODE_POINTS_MAXIMUM = 20 * POST_MAXIMUM
"""Beyond this nothing is counted any more: the text is too long however one counts."""


class ReadableText:
    """The field holds text that everybody can see as it is, of at most so many characters."""

    def __init__(self, maximum: int, *, empty: Any | None = None) -> None:
        self._maximum = maximum
        self._empty = empty

    def __call__(self, _form: Form, field: Field) -> None:
        written = text.cleaned(field.data or "")
        if self._empty is not None and text.is_blank(written):
            raise StopValidation(self._empty)
        if text.has_hidden(written):
            raise StopValidation(_l("This field holds characters that cannot be shown."))
        if len(written) > CODE_POINTS_MAXIMUM or text.length(written) > self._maximum:
            raise StopValidation(
                ngettext(
                    "At most %(num)d character; here are %(length)d.",
                    "At most %(num)d characters; here are %(length)d.",
                    self._maximum,
                    length=text.length(written),
                )
            )
        if text.is_overloaded(written):
            raise StopValidation(_l("One of its characters carries too many marks."))


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
    """Multipart, so that it takes the file beside the token."""

    picture = FileField(
        _l("Your picture"),
        description=_l("JPEG, PNG, GIF or WebP, at most 4 MB. It is cut to a square."),
        render_kw={"accept": "image/jpeg,image/png,image/gif,image/webp"},
    )
    submit = SubmitField(_l("Upload"))
