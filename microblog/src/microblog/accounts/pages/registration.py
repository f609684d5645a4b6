"""The page for making an account. HTTP only."""

from __future__ import annotations

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import sign_in
from microblog.accounts.actions.registration import TakenError, made_just_now, register
from microblog.accounts.actions.sign_in import Entry
from microblog.accounts.keys import token_keys
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import browser_secrets
from microblog.accounts.pages.forms import (
    RegistrationForm,
    why_taken,
)
from microblog.accounts.pages.intents import PAGE, PAGE_MAXIMUM, keep_intent
from microblog.accounts.pages.sign_in import start
from microblog.accounts.password_rules import hash_new_password
from microblog.database import db, transaction
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import Scope, current_scope


@blueprint.route("/register", methods=["GET", "POST"])
@limit_posts
@for_strangers
def register_account() -> str | Response:
    form = RegistrationForm()
    if form.validate_on_submit():
        entry = _enter(form, current_scope())
        if entry is not None:
            return _welcome(entry)
        form.say_strength()
    return render_template("accounts/registration.html", form=form)


def _enter(form: RegistrationForm, scope: Scope) -> Entry | None:
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
            )
    except TakenError as error:
        form.username.errors = [why_taken(error)]
    return _enter_again(form, scope)


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
        return sign_in.log_in(
            writing, current_outbox(), attempt, found, scope, better_hash=None, remembered=False
        )


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
