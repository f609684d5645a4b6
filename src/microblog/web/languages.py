"""The languages of the site, and which of them a visitor reads."""

from __future__ import annotations

from flask import Flask, has_request_context, request
from flask_babel import Babel, get_locale

LANGUAGES = ("en",)

babel = Babel()


def init_app(app: Flask) -> None:
    babel.init_app(app, locale_selector=_select)


def current_language() -> str:
    """The language of this request, as one of LANGUAGES."""
    return str(get_locale() or LANGUAGES[0])


def _select() -> str | None:
    if not has_request_context():
        return None
    return request.accept_languages.best_match(LANGUAGES)
