"""The pages of accounts: HTTP only."""

from __future__ import annotations

from flask import Flask

from microblog.accounts.pages import (
    deletion,
    email_change,
    not_me,
    passkey_sign_in,  # noqa: F401 - it adds its page
    password_change,
    password_reset,
    preferences,
    registration,
    second_factor_recovery,
    second_factors,
    security,
    sign_in,
    step_up,
    verification,
)
from microblog.accounts.pages.blueprint import blueprint


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    for page in (
        sign_in,
        registration,
        preferences,
        verification,
        password_reset,
        security,
        not_me,
        email_change,
        password_change,
        second_factors,
        second_factor_recovery,
        step_up,
        deletion,
    ):
        page.init_app(app)
