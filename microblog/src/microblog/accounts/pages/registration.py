"""The page for making an account. HTTP only."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions.registration import TakenError, register
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import remember_this_browser
from microblog.accounts.pages.forms import (
    RegistrationForm,
    why_taken,
)
from microblog.accounts.password_rules import hash_new_password
from microblog.database import transaction
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope


@blueprint.route("/register", methods=["GET", "POST"])
@limit_posts
@for_strangers
def register_account() -> str | Response:
    form = RegistrationForm()
    if form.validate_on_submit():
        password_hash = hash_new_password(form.password.data, personal=form.personal)
        scope = current_scope()
        try:
            with transaction() as writing:
                user = register(
                    writing,
                    current_outbox(),
                    scope,
                    username=form.username.data,
                    email=form.email.data,
                    password_hash=password_hash,
                )
                remember_this_browser(writing, user.id, now=scope.now)
        except TakenError as error:
            form.username.errors = [why_taken(error)]
            form.say_strength()
        else:
            _greet(form.email.data)
            return redirect(url_for("accounts.login"))
    return render_template("accounts/registration.html", form=form)


def _greet(address: str) -> None:
    words = _(
        "Congratulations, you are now a registered user! We mailed a link to %(email)s. Open it to"
        " confirm your address: then you can post and follow. You can log in at once.",
        email=address,
    )
    flash(words, "success")
