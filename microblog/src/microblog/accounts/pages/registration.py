"""The page for making an account. HTTP only."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, current_app, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import sign_in
from microblog.accounts.actions.registration import (
    Admit,
    NotAdmittedError,
    TakenError,
    admit_everybody,
    made_just_now,
    register,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import browser_secrets
from microblog.accounts.pages.entry import start
from microblog.accounts.pages.forms import (
    RegistrationForm,
    why_taken,
)
from microblog.accounts.pages.intents import PAGE, PAGE_MAXIMUM, keep_intent
from microblog.accounts.password_rules import hash_new_password
from microblog.accounts.sessions.entry import Entry
from microblog.database import db, transaction
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import Scope, current_scope


def init_app(app: Flask) -> None:
    app.jinja_env.globals["everybody_can_join"] = app.config["REGISTRATION"] == "open"


@blueprint.route("/register", methods=["GET", "POST"])
@limit_posts
@for_strangers
def register_account() -> str | Response | tuple[str, int]:
    if current_app.config["REGISTRATION"] != "open":
        return say_closed()
    return answer_registration(admit_everybody)


def answer_registration(admit: Admit) -> str | Response:
    """Show the form, and make an account for whoever is admitted when it is sent.

    Whoever is not admitted any more is told so, and keeps what they typed.
    """
    form = RegistrationForm()
    if form.validate_on_submit():
        entry = _enter(form, current_scope(), admit)
        if entry is not None:
            return _welcome(entry)
        form.say_strength()
    return render_template("accounts/registration.html", form=form)


def say_closed() -> tuple[str, int]:
    """Say who can join, without the form."""
    page = render_template(
        "accounts/registration_closed.html",
        by_invitation=current_app.config["REGISTRATION"] == "invitation",
    )
    return page, HTTPStatus.FORBIDDEN


def _enter(form: RegistrationForm, scope: Scope, admit: Admit) -> Entry | None:
    password_hash = hash_new_password(form.password.data, personal=form.personal)
    try:
        with transaction() as writing:
            return register(
                writing,
                current_outbox(),
                scope,
                username=form.username.data,
                email=form.email.data,
                password_hash=password_hash,
                browser_secrets=browser_secrets(),
                admit=admit,
            )
    except TakenError as error:
        form.username.errors = [why_taken(error)]
        return _enter_again(form, scope)
    except NotAdmittedError:
        entry = _enter_again(form, scope)
        if entry is None:
            flash(_("This invitation no longer works. Ask for another link."), "error")
        return entry


def _enter_again(form: RegistrationForm, scope: Scope) -> Entry | None:
    """Log in whoever sent the form twice: of two answers, a browser shows the second.

    The work is the same whatever is wrong, so that its time tells nothing about an address.
    """
    username, password = form.username.data, form.password.data
    made = made_just_now(db.session, username=username, email=form.email.data, now=scope.now)
    attempt = sign_in.find_candidates(
        db.session, token_keys(), username, browser_secrets(), now=scope.now
    )
    found = sign_in.check(attempt, password)
    if found is None or found.user_id != made:
        return None
    with transaction() as writing:
        entry = sign_in.log_in(
            writing, current_outbox(), attempt, found, scope, better_hash=None, remembered=False
        )
    return entry if entry and entry.visitor else None


def _welcome(entry: Entry) -> Response:
    start(entry, remembered=False)
    words = _(
        "Welcome to Microblog. We sent a link to %(email)s. Open it to start posting.",
        email=entry.user.email,
    )
    flash(words, "success")
    page = safe_next(request.args.get("next"))
    if page != home() and len(page) <= PAGE_MAXIMUM:
        keep_intent(PAGE, page)
    return redirect(page)
