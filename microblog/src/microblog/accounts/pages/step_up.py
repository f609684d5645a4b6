"""Asking who somebody is once more, before their second factors change. HTTP only.

The answer is good for five minutes of this session (ASVS 5.0, 7.5.1 and 7.5.3).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required
from werkzeug.wrappers import Response
from wtforms import SubmitField

from microblog.accounts.pages.blueprint import blueprint
from microblog.accounts.pages.current_password import (
    current_password_field,
    is_fresh,
    reauthenticated,
)
from microblog.accounts.pages.login_manager import page_of_button
from microblog.accounts.pages.passkeys import NOT_ACCEPTED, options_of, proof_sent
from microblog.accounts.second_factors.factors import factors_of
from microblog.accounts.sessions.sessions import prove
from microblog.database import db, transaction
from microblog.web.forms import Form
from microblog.web.links import safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import return_path

View = Callable[..., Any]


def init_app(app: Flask) -> None:
    app.jinja_env.globals["has_passkey"] = has_passkey


def has_passkey() -> bool:
    """Whether the visitor can prove with a passkey who they are."""
    return factors_of(db.session, current_user.user.id).has_passkey


class StepUpForm(Form):
    current_password = current_password_field()
    submit = SubmitField(_l("Continue"))


def needs_step_up(view: View) -> View:
    """Ask who the visitor is once more before this view; a button is to be pressed again then."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        if is_fresh():
            return view(*args, **kwargs)
        onwards = return_path() if request.method == "GET" else page_of_button()
        if request.method != "GET":
            flash(_("Confirm it's you, then press the button again."), "info")
        return redirect(url_for("accounts.step_up", next=onwards))

    return shown


@blueprint.route("/settings/confirm", methods=["GET", "POST"])
@limit_posts
@login_required
def step_up() -> str | Response:
    form = StepUpForm()
    if _is_proved(form):
        with transaction() as writing:
            prove(writing, current_user, now=current_scope().now)
        return redirect(safe_next(request.args.get("next")))
    options = options_of(current_user.user.id, _purpose()) if has_passkey() else None
    return render_template("accounts/step_up.html", form=form, options=options)


def _is_proved(form: StepUpForm) -> bool:
    if not request.form.get("passkey"):
        return form.validate_on_submit() and reauthenticated(form.current_password) is not None
    with transaction() as writing:
        proof = proof_sent(writing, _purpose(), user=current_user.user)
    if proof is None:
        flash(NOT_ACCEPTED, "error")
    return proof is not None


def _purpose() -> str:
    return f"step-up in {current_user.session.id}"
