"""The forms of the pages for administrators; searches are sent by GET."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SearchField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from microblog.admin.labels import STATE_LABELS
from microblog.web.forms import Form, NoControlCharacters, strip

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


_ANY = SelectChoice("", _l("any"))


def _text(label: Any, description: Any) -> SearchField:
    return SearchField(
        label,
        description=description,
        filters=[strip],
        validators=[Length(max=TEXT_MAXIMUM), NoControlCharacters()],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )


class AccountSearch(SearchForm):
    """A search for accounts."""

    text = _text(_l("Name or address"), _l("Or a part of one."))
    state = SelectField(
        _l("Only"),
        choices=[_ANY, *(SelectChoice(*one) for one in STATE_LABELS.items())],
        default="",
    )
