"""The pages for verifying the address that one registered with. HTTP only."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_required, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import verification
from microblog.accounts.actions.verification import Verification
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint
from microblog.accounts.pages.forms import VerifyEmailForm
from microblog.accounts.pages.intents import (
    PAGE,
    forget_intent,
    forget_intents,
    has_intents,
    kept_intent,
)
from microblog.accounts.pages.verified import is_verified
from microblog.database import db, transaction
from microblog.web.languages import local_time_soon
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links
from microblog.web.times import whole_minute

VERIFY_LINK = SecretLink(
    "accounts.verify_email", "/verify_email/", bad_page="accounts/bad_verification_link.html"
)


def init_app(app: Flask) -> None:
    add_secret_links(app, VERIFY_LINK)
    app.jinja_env.globals["wait_for_verification"] = wait_for_verification


@blueprint.route("/verify_email/<token>", methods=["GET", "POST"])
@limit_posts
def verify_email(token: str) -> str | Response:
    """The page behind the link, with a button that confirms the address.

    With `remove` in the address, the button removes the account instead.
    """
    return VERIFY_LINK.open(token, _account_of, _answer)


@blueprint.route("/verify_email", methods=["GET", "POST"])
@limit_posts
@login_required
def resend_verification() -> Response:
    if request.method == "POST":
        if is_verified():
            flash(_("Your email is already confirmed."), "info")
        else:
            _ask_again(current_user.user)
    return redirect(safe_next(request.args.get("next")))


def wait_for_verification() -> str | None:
    """Say when the visitor can ask for another link; None if they can now."""
    now = current_scope().now
    try:
        opens_at = verification.can_ask_again_at(
            db.session, current_outbox(), current_user.user, now=now
        )
    except SQLAlchemyError:
        # It may be the page that says that the database failed.
        return None
    if opens_at is None:
        return None
    when = local_time_soon(whole_minute(opens_at), now=now)
    return _("You can request another email at %(when)s. Check your spam folder too.", when=when)


def _ask_again(user: User) -> None:
    """Mail another link, unless it is too early: then every page says how long to wait."""
    with transaction() as writing:
        opens_at = verification.ask_again(writing, current_outbox(), user, current_scope())
    if opens_at is None:
        words = _("We sent another link to %(email)s. It may take a few minutes.", email=user.email)
        flash(words, "info")


def _account_of(token: str) -> User | None:
    return verification.find_by_token(db.session, token_keys(), token, now=current_scope().now)


def _answer(token: str, user: User) -> str | Response:
    form = VerifyEmailForm()
    if form.validate_on_submit():
        if form.remove.data:
            return _remove(token, user)
        if form.confirm.data:
            return _confirm(token, user)
    is_refused = "remove" in request.args and user.email_verified_at is None
    page = "account_not_mine" if is_refused else "verification"
    return render_template(f"accounts/{page}.html", form=form, user=user)


def _confirm(token: str, user: User) -> str | Response:
    with transaction() as writing:
        outcome = verification.verify(writing, token_keys(), token, current_scope())
    if outcome is Verification.REFUSED:
        return VERIFY_LINK.refuse()
    VERIFY_LINK.forget()
    if outcome is Verification.TAKEN:
        return render_template("accounts/address_taken.html", user=user)
    if outcome is Verification.DONE:
        flash(_("Your email is confirmed."), "success")
    else:
        flash(_("Your email is already confirmed."), "info")
    return redirect(_onwards(user))


def _remove(token: str, user: User) -> str | Response:
    own = current_user.is_authenticated and current_user.user.id == user.id
    with transaction() as writing:
        removed = verification.remove_claim(writing, token_keys(), token, now=current_scope().now)
    if not removed:
        return VERIFY_LINK.refuse()
    VERIFY_LINK.forget()
    if own:
        logout_user()
        forget_intents()
    flash(_("The account was removed, along with your address."), "success")
    return redirect(home())


def _onwards(user: User) -> str:
    """Where to go once this account is verified: to what its owner wanted to do, if it is known."""
    if not current_user.is_authenticated:
        return url_for("accounts.login")
    if current_user.user.id != user.id:
        return home()
    page = kept_intent(PAGE)
    forget_intent(PAGE)
    if has_intents():
        return home()
    return page or url_for("people.suggested")
