"""The forms of the pages for administrators; searches are sent by GET."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

from flask import request
from flask_babel import get_timezone
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateTimeLocalField, Field, SearchField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length, Optional, ValidationError

from microblog.admin.labels import STATE_LABELS, STATUS_LABELS, kind_label
from microblog.web.forms import Form, NoControlCharacters, strip
from microblog.web.times import zone_named

TEXT_MAXIMUM = 320


class SearchForm(Form):
    """A form that changes nothing and is sent by GET, so that its result has an address."""

    class Meta(Form.Meta):
        csrf = False

        def wrap_formdata(self, _form: FlaskForm, _formdata: Any) -> Any:
            return request.args

    def typed(self) -> dict[str, Any]:
        """What was typed or chosen, by field, as arguments for the address of another page."""
        texts = {field.name: " ".join(field.raw_data or ()) for field in self}
        return {name: text for name, text in texts.items() if text}


def reader_zone() -> tzinfo:
    """The time zone in which the reader sees and types moments."""
    return zone_named(str(get_timezone()))


class MomentField(DateTimeLocalField):
    """A moment in the reader's time zone, to the minute; a day alone means its beginning."""

    def __init__(self, label: Any, **options: Any) -> None:
        super().__init__(
            label,
            [Optional()],
            format=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
            tz=reader_zone,
            invalid_value_message=_l("This is not a moment. Write it like 2026-02-28 13:30."),
            **options,
        )

    def __call__(self, **options: Any) -> Any:
        # A browser's field for moments holds nothing else, and what was typed would be lost.
        return super().__call__(**{"type": "text", **options} if self.errors else options)

    def _value(self) -> str:
        if self.data is None or self.errors:
            return " ".join(self.raw_data or ())
        return self.data.astimezone(reader_zone()).strftime(self.format[0])

    @property
    def unix_time(self) -> float | None:
        return self.data.timestamp() if self.data else None


_ANY = SelectChoice("", _l("any"))


def _text(label: Any, description: Any) -> SearchField:
    return SearchField(
        label,
        description=description,
        filters=[strip],
        validators=[Length(max=TEXT_MAXIMUM), NoControlCharacters()],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class MessageSearch(SearchForm):
    """A search for messages; `kinds` are the email types that can be chosen."""

    address = _text(_l("Address"), _l("A whole address, or a part of one."))
    status = SelectField(
        _l("Status"),
        choices=[_ANY, *(SelectChoice(*one) for one in STATUS_LABELS.items())],
        default="",
    )
    kind = SelectField(_l("Kind"), default="")
    since = MomentField(_l("Posted from"))
    until = MomentField(_l("Posted before"))

    def __init__(self, kinds: Iterable[str]) -> None:
        super().__init__()
        self.kind.choices = [_ANY, *(SelectChoice(one, kind_label(one)) for one in kinds)]

    def validate_until(self, field: Field) -> None:
        if field.data and self.since.data and field.data <= self.since.data:
            raise ValidationError(_l("This is not after the beginning."))


class AddressSearch(SearchForm):
    """A search for suppressed addresses."""

    address = _text(_l("Address"), _l("A whole address, or a part of one."))


class AccountSearch(SearchForm):
    """A search for accounts."""

    text = _text(_l("Name or address"), _l("Or a part of one."))
    state = SelectField(
        _l("Only"),
        choices=[_ANY, *(SelectChoice(*one) for one in STATE_LABELS.items())],
        default="",
    )
