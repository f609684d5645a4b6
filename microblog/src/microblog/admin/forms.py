"""The form of the pages for administrators; a search is sent by GET."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SearchField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from microblog.admin.labels import STATE_NAMES
from microblog.web.forms import Form, NoControlCharacters, strip

TEXT_MAXIMUM = 320


class AccountSearch(Form):
    """A search for accounts, sent by GET so that its result has an address."""

    class Meta(Form.Meta):
        csrf = False

        def wrap_formdata(self, _form: FlaskForm, _formdata: Any) -> Any:
            return request.args

    text = SearchField(
        _l("Username or email"),
        filters=[strip],
        validators=[
            Length(max=TEXT_MAXIMUM, message=_l("Use at most %(max)d characters.")),
            NoControlCharacters(),
        ],
        render_kw={
            "autocomplete": "off",
            "autocapitalize": "none",
            "spellcheck": "false",
            "placeholder": _l("A username, an email, or a part of one"),
        },
    )
    state = SelectField(
        _l("Status"),
        choices=[
            SelectChoice("", _l("Any status")),
            *(SelectChoice(*one) for one in STATE_NAMES.items()),
        ],
        default="",
    )

    def typed(self) -> dict[str, Any]:
        """What was typed or chosen, by field, as arguments for the address of another page."""
        texts = {field.name: " ".join(field.raw_data or ()) for field in self}
        return {name: text for name, text in texts.items() if text}
