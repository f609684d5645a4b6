"""The forms of the blog."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import SubmitField, TextAreaField
from wtforms.validators import DataRequired, Length

from microblog.blog.posts import POST_MAXIMUM
from microblog.web.forms import Form, NoNul


class PostForm(Form):
    post = TextAreaField(
        _l("Say something"),
        validators=[
            DataRequired(_l("A post needs some text.")),
            NoNul(),
            Length(
                max=POST_MAXIMUM,
                message=_l("A post has at most %(max)d characters."),
            ),
        ],
        render_kw={"rows": 3},
    )
    submit = SubmitField(_l("Post"))
