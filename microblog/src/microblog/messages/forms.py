"""The forms of conversations."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectField, SubmitField, TextAreaField

from microblog.accounts.pages.verified import IsVerified
from microblog.messages.conversations import MESSAGE_MAXIMUM
from microblog.messages.preferences import Senders
from microblog.people.forms import ReadableText
from microblog.web.forms import Form


class MessageForm(Form):
    message = TextAreaField(
        _l("Message"),
        validators=[
            ReadableText(MESSAGE_MAXIMUM, empty=_l("Write something first.")),
            IsVerified(_l("Confirm your email before writing messages. We've kept your text.")),
        ],
        render_kw={
            "rows": 1,
            "data-maximum": MESSAGE_MAXIMUM,
            "dir": "auto",
            "placeholder": _l("Message"),
        },
    )


class DeleteConversationForm(Form):
    """`through` is the newest message that was there when the question was asked."""

    through = HiddenField()


class SendersForm(Form):
    senders = SelectField(
        _l("Who can write to you"),
        description=_l("Nobody is told what you choose."),
    )
    submit = SubmitField(_l("Save"))

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.senders.choices = [
            (Senders.EVERYBODY.value, _("Everybody")),
            (Senders.FOLLOWING.value, _("People I follow")),
            (Senders.NOBODY.value, _("Nobody")),
        ]
