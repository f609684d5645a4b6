"""The forms of moderation: invitations, reports, and removing what was reported."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, RadioField, SelectField, StringField, SubmitField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation

from microblog.accounts.pages.verified import IsVerified
from microblog.moderation.decisions import REASON_MAXIMUM
from microblog.moderation.invitations import NOTE_MAXIMUM, USES_MAXIMUM
from microblog.moderation.labels import REASONS
from microblog.moderation.reports import COMMENT_MAXIMUM
from microblog.people.forms import ReadableText
from microblog.web.forms import Form, MaxLength, NoControlCharacters, strip

LASTS = {
    "1": _l("1 hour"),
    "24": _l("1 day"),
    "168": _l("7 days"),
    "720": _l("30 days"),
    "8760": _l("1 year"),
}
"""How many hours an invitation can last."""


class InvitationForm(Form):
    uses = StringField(
        _l("How many people can join with it"),
        default="1",
        filters=[strip],
        render_kw={"inputmode": "numeric", "maxlength": 4, "autocomplete": "off"},
    )
    lasts = SelectField(
        _l("How long it works"),
        choices=[SelectChoice(*one) for one in LASTS.items()],
        default="168",
        validate_choice=False,
    )
    note = StringField(
        _l("Note"),
        description=_l("For administrators only, such as whom it's for. You can leave it empty."),
        filters=[strip],
        validators=[MaxLength(NOTE_MAXIMUM), NoControlCharacters()],
        render_kw={"autocomplete": "off", "dir": "auto"},
    )
    submit = SubmitField(_l("Make link"))

    def validate_uses(self, field: Field) -> None:
        typed = field.data or ""
        is_number = typed.isascii() and typed.isdigit() and len(typed) <= len(str(USES_MAXIMUM))
        if not is_number or not 1 <= int(typed) <= USES_MAXIMUM:
            raise StopValidation(_("Enter a number from 1 to %(max)d.", max=USES_MAXIMUM))

    def validate_lasts(self, field: Field) -> None:
        if field.data not in LASTS:
            raise StopValidation(_("Choose how long it works."))

    @property
    def duration(self) -> timedelta:
        """How long the invitation shall work, once the form was accepted."""
        return timedelta(hours=int(self.lasts.data))


class ReportForm(Form):
    reason = RadioField(
        _l("What's wrong with it"),
        choices=[SelectChoice(*one) for one in REASONS.items()],
        validate_choice=False,
    )
    comment = TextAreaField(
        _l("Anything to add"),
        description=_l("The site's admins read it. You can leave it empty."),
        validators=[
            ReadableText(COMMENT_MAXIMUM),
            IsVerified(_l("Confirm your email before reporting anything.")),
        ],
        render_kw={"rows": 3, "data-maximum": COMMENT_MAXIMUM, "dir": "auto"},
    )
    submit = SubmitField(_l("Report"))

    def validate_reason(self, field: Field) -> None:
        if field.data not in set(REASONS):
            raise StopValidation(_("Choose what's wrong with it."))


class RemovalForm(Form):
    reason = TextAreaField(
        _l("Why it's removed"),
        description=_l("Its author gets this by email, with the text of the post."),
        validators=[ReadableText(REASON_MAXIMUM, empty=_l("Say why it's removed."))],
        render_kw={"rows": 3, "data-maximum": REASON_MAXIMUM, "dir": "auto"},
    )
