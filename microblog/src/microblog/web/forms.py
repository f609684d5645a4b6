"""The base of all forms: checks that every field shares, and what screen readers need."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.validators import ValidationError

from flask_outbox import AddressError, parse_address
from microblog.web.csrf import bind_token

EMAIL_MAXIMUM = 254


class Form(FlaskForm):
    """A form whose erroneous fields name their error messages to screen readers."""

    class Meta(FlaskForm.Meta):
        def build_csrf(self, form: FlaskForm) -> Any:
            bind_token()
            return super().build_csrf(form)

        def wrap_formdata(self, _form: FlaskForm, _formdata: Any) -> Any:
            # Fields of a form only: Flask-WTF would also take a JSON body or files for them.
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
    """The field holds one e-mail address of the public kind, or of this machine."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        try:
            parse_address(field.data or "", public=True)
        except AddressError:
            raise ValidationError(_l("Invalid email address.")) from None


class NoControlCharacters:
    """The field holds nothing invisible that would break a line or reorder one."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if any(not letter.isprintable() for letter in field.data or ""):
            raise ValidationError(_l("This field holds characters that cannot be shown."))


class NoNul:
    """The field holds no NUL, which PostgreSQL cannot keep."""

    def __call__(self, _form: FlaskForm, field: Field) -> None:
        if "\0" in (field.data or ""):
            raise ValidationError(_l("This field holds characters that cannot be shown."))


def strip(value: str | None) -> str | None:
    """A filter for fields where blanks around the text are a slip of the fingers."""
    return value.strip(" \t") if isinstance(value, str) else value
