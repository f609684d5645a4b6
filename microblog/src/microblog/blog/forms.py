"""The forms of the blog."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import SubmitField, TextAreaField

from microblog.accounts.pages.verified import IsVerified
from microblog.blog.posts import POST_MAXIMUM
from microblog.people.forms import ReadableText
from microblog.web.forms import Form


def _post_field(
    label: Any = None, *, unverified: Any | None = None, **attributes: Any
) -> TextAreaField:
    return TextAreaField(
        label or _l("Your post"),
        validators=[
            ReadableText(POST_MAXIMUM, empty=_l("Write something first.")),
            IsVerified(unverified),
        ],
        render_kw={
            "rows": 3,
            "data-maximum": POST_MAXIMUM,
            "data-mentions": "",
            "dir": "auto",
            **attributes,
        },
    )


class PostForm(Form):
    post = _post_field(placeholder=_l("What have you been up to?"))
    submit = SubmitField(_l("Post"))


class ReplyForm(Form):
    post = _post_field(_l("Your reply"), unverified=_l("Confirm your email before replying."))
    submit = SubmitField(_l("Reply"))


class EditPostForm(Form):
    post = _post_field()
    submit = SubmitField(_l("Save"))
