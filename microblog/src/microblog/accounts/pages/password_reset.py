"""The pages for a forgotten password. HTTP only."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import password_reset
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import remember_this_browser
from microblog.accounts.pages.forms import (
    ResetPasswordForm,
    ResetPasswordRequestForm,
)
from microblog.accounts.password_rules import hash_new_password
from microblog.database import db, transaction
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links

RESET_LINK = SecretLink(
    "accounts.reset_password", "/reset_password/", bad_page="accounts/bad_password_reset_link.html"
)


def init_app(app: Flask) -> None:
    add_secret_links(app, RESET_LINK)


@blueprint.route("/reset_password_request", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password_request() -> str | Response:
    form = ResetPasswordRequestForm()
    if form.validate_on_submit():
        with transaction() as writing:
            password_reset.request_reset(
                writing, current_outbox(), form.email.data, current_scope()
            )
        flash(_("Check your email for the instructions to reset your password"), "info")
        return redirect(url_for("accounts.login"))
    return render_template("accounts/password_reset_request.html", form=form)


@blueprint.route("/reset_password/<token>", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password(token: str) -> str | Response:
    """The form behind a reset link."""
    return RESET_LINK.open(token, _owner, _choose_password)


def _owner(token: str) -> User | None:
    return password_reset.find_by_token(db.session, token_keys(), token, now=current_scope().now)


def _choose_password(token: str, owner: User) -> str | Response:
    form = ResetPasswordForm(owner)
    if not form.validate_on_submit():
        return render_template("accounts/password_reset.html", form=form)
    password_hash = hash_new_password(form.password.data, personal=form.personal)
    scope = current_scope()
    with transaction() as writing:
        user = password_reset.reset_password(
            writing,
            current_outbox(),
            token_keys(),
            token,
            scope,
            password_hash=password_hash,
        )
        if user is not None:
            remember_this_browser(writing, user.id, now=scope.now)
    if user is None:
        return RESET_LINK.refuse()
    RESET_LINK.forget()
    flash(_("Your password has been reset."), "success")
    return redirect(url_for("accounts.login"))
