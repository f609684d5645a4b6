"""The form in which people choose what they are notified of."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, SubmitField

from microblog.web.forms import Form


class KindsForm(Form):
    """A box for each kind, named like it."""

    reply = BooleanField(_l("Replies"), description=_l("Somebody replies to you."))
    mention = BooleanField(_l("Mentions"), description=_l("Somebody mentions you in a post."))
    like = BooleanField(_l("Likes"), description=_l("Somebody likes what you wrote."))
    follow = BooleanField(_l("New followers"), description=_l("Somebody follows you."))
    submit = SubmitField(_l("Save"))
