"""The form in which people choose what they are emailed, and when."""

from __future__ import annotations

from datetime import time
from typing import Any

from babel import Locale
from babel.dates import format_time
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectField, SubmitField

from microblog.notifications.email_preferences import EmailChoice, EmailedKind, Frequency
from microblog.web.forms import Form
from microblog.web.languages import current_language


class EmailsForm(Form):
    """A choice for each kind, named like it; and the hour and the day of bundles."""

    reply = SelectField(_l("Replies to you"))
    mention = SelectField(_l("Posts that mention you"))
    message = SelectField(_l("Messages"))
    hour = SelectField(_l("Hour of daily and weekly emails"), coerce=int)
    weekday = SelectField(_l("Day of weekly emails"), coerce=int)
    submit = SubmitField(_l("Save"))

    def __init__(self, chosen: EmailChoice, **options: Any) -> None:
        values = {kind.value: frequency.value for kind, frequency in chosen.frequencies.items()}
        super().__init__(data={**values, "hour": chosen.hour, "weekday": chosen.weekday}, **options)
        words = {
            Frequency.AT_ONCE: _("At once"),
            Frequency.DAILY: _("Once a day"),
            Frequency.WEEKLY: _("Once a week"),
            Frequency.NEVER: _("Never"),
        }
        for kind in EmailedKind:
            self[kind.value].choices = [(one.value, text) for one, text in words.items()]
        self.hour.choices = [(hour, _hour_in_words(hour)) for hour in range(24)]
        self.weekday.choices = [(day, _day_in_words(day)) for day in range(7)]

    @property
    def choice(self) -> EmailChoice:
        """What was chosen."""
        frequencies = {kind: Frequency(self[kind.value].data) for kind in EmailedKind}
        return EmailChoice(frequencies, self.hour.data, self.weekday.data)


def _hour_in_words(hour: int) -> str:
    return format_time(time(hour), "short", locale=current_language())


def _day_in_words(weekday: int) -> str:
    return str(Locale.parse(current_language()).days["stand-alone"]["wide"][weekday])
