"""The base class of all forms, the validators they share, and what screen readers need."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, g, request
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from markupsafe import Markup, escape
from wtforms import Field, Flags, widgets
from wtforms.validators import ValidationError
from wtforms.widgets.core import Input

from flask_outbox import AddressError, parse_address
from microblog.web.csrf import bind_token

EMAIL_MAXIMUM = 254

ONLY_LANGUAGE = "only_language"
"""The button that chooses a language has this name, and sends the form of its page along."""

KEPT_MAXIMUM = 100
"""Characters of an attribute that is kept as HTML. Visitors type what is longer."""


def init_app(app: Flask) -> None:
    app.jinja_env.globals["form_errors"] = form_errors
    Input.html_params = staticmethod(attributes)
    # Labels, areas and lists look the function up in these modules.
    widgets.html_params = widgets.core.html_params = attributes
    # Each widget looks through them, among all that Python's objects have.
    Flags.__dir__ = vars


def form_errors() -> list[Field]:
    """The fields with errors of all forms that this request checked, in the order of the page."""
    return [
        field
        for form in g.get("checked_forms", ())
        for field in form
        if field.errors and field.type != "CSRFTokenField"
    ]


class Form(FlaskForm):
    """A form whose fields refer screen readers to their hints and error messages."""

    def is_submitted(self) -> bool:
        """Whether it was sent to be checked, and not only to be shown in another language."""
        return bool(super().is_submitted()) and ONLY_LANGUAGE not in request.form

    def validate(self, extra_validators: Any = None) -> bool:
        g.setdefault("checked_forms", []).append(self)
        return bool(super().validate(extra_validators))

    def hidden_tag(self, *_fields: str) -> Markup:
        """The token, which is all that forms hide."""
        if not self.meta.csrf:
            return Markup()
        token = self.csrf_token.current_token
        return Markup('<input type="hidden" name="csrf_token" value="{}">').format(token)

    class Meta(FlaskForm.Meta):
        def build_csrf(self, form: FlaskForm) -> Any:
            bind_token()
            return super().build_csrf(form)

        def wrap_formdata(self, _form: FlaskForm, _formdata: Any) -> Any:
            # Form fields only: Flask-WTF would also read a JSON body or files.
            return request.form if request.method == "POST" else None

        def render_field(self, field: Field, render_kw: dict[str, Any]) -> Any:
            described = [f"{field.id}-hint"] if field.description else []
            if field.errors:
                described.append(f"{field.id}-error")
                render_kw = {"aria-invalid": "true", **render_kw}
            if described:
                render_kw = {"aria-describedby": " ".join(described), **render_kw}
            return super().render_field(field, render_kw)


class IsAddress:
    """Validates that a field holds one email address, in a public domain or on this machine."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        try:
            parse_address(field.data or "", public=True)
        except AddressError:
            raise ValidationError(_l("Enter a valid email address.")) from None


class MaxLength:
    """Validates that a field holds at most `maximum` characters."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self.field_flags = {"maxlength": maximum}

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        excess = len(field.data or "") - self._maximum
        if excess > 0:
            raise ValidationError(too_long(excess))


def too_long(excess: int) -> str:
    """Say by how many characters a text is too long."""
    return ngettext("%(num)d character too long.", "%(num)d characters too long.", excess)


class NoControlCharacters:
    """Validates that a field holds no invisible characters, which could break or reorder a line."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if any(not letter.isprintable() for letter in field.data or ""):
            raise ValidationError(_l("Remove the characters that can't be shown."))


class NoNul:
    """Validates that a field holds no NUL, which PostgreSQL cannot store."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if "\0" in (field.data or ""):
            raise ValidationError(_l("Remove the characters that can't be shown."))


def strip(value: str | None) -> str | None:
    """A filter for fields in which blanks around the text are typing errors."""
    return value.strip(" \t") if isinstance(value, str) else value


def attributes(**values: Any) -> Markup:
    """The attributes of an element, as WTForms writes them in its own, slower way."""
    written = [
        _kept_attribute(key, value)
        if type(value) is str and len(value) <= KEPT_MAXIMUM
        else _attribute(key, value)
        for key, value in sorted(values.items())
        if value is not False
    ]
    return Markup(" ".join(written))  # noqa: S704 - escaped below


def _attribute(key: str, value: Any) -> str:
    name = widgets.core.clean_key(key)
    return str(name) if value is True else f'{name}="{escape(value)}"'


_kept_attribute = lru_cache(1024)(_attribute)
