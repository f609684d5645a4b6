"""The pages of accounts: HTTP only."""

from __future__ import annotations

from flask import Flask

from microblog.accounts.pages import (
    deletion,
    email_change,
    not_me,
    password_change,
    password_reset,
    preferences,
    registration,  # noqa: F401 - it adds its page
    security,
    sign_in,
    verification,
)
from microblog.accounts.pages.blueprint import blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    for page in (
        sign_in,
        preferences,
        verification,
        password_reset,
        security,
        not_me,
        email_change,
        password_change,
        deletion,
    ):
        page.init_app(app)
