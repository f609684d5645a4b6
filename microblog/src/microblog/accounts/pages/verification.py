"""The pages for verifying the address that one registered with. HTTP only."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_required, logout_user
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import verification
from microblog.accounts.actions.verification import Verification
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint
from microblog.accounts.pages.forms import VerifyEmailForm
from microblog.accounts.pages.verified import is_verified
from microblog.database import db, transaction
from microblog.web.languages import local_time
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links
from microblog.web.times import whole_minute

VERIFY_LINK = SecretLink(
    "accounts.verify_email", "/verify_email/", bad_page="accounts/bad_verification_link.html"
)


def init_app(app: Flask) -> None:
    add_secret_links(app, VERIFY_LINK)


@blueprint.route("/verify_email/<token>", methods=["GET", "POST"])
@limit_posts
def verify_email(token: str) -> str | Response:
    """Two buttons behind the link: one confirms the address, one removes the account."""
    return VERIFY_LINK.open(token, _account_of, _answer)


@blueprint.route("/verify_email", methods=["GET", "POST"])
@limit_posts
@login_required
def resend_verification() -> Response:
    if request.method == "POST":
        if is_verified():
            flash(_("Your email address is confirmed already."), "info")
        else:
            user = current_user.user
            with transaction() as writing:
                opens_at = verification.ask_again(writing, current_outbox(), user, current_scope())
            flash(_mailed(user.email, opens_at), "info")
    return redirect(home())


def _mailed(address: str, opens_at: datetime | None) -> str:
    if opens_at is None:
        return _("We mailed another link to %(email)s. It may take some minutes.", email=address)
    return _(
        "We mailed links to %(email)s already; look into the spam folder, too. You can ask for"
        " another one from %(when)s on.",
        email=address,
        when=local_time(whole_minute(opens_at)),
    )


def _account_of(token: str) -> User | None:
    return verification.find_by_token(db.session, token_keys(), token, now=current_scope().now)


def _answer(token: str, user: User) -> str | Response:
    form = VerifyEmailForm()
    if form.validate_on_submit():
        if form.remove.data:
            return _remove(token, user)
        if form.confirm.data:
            return _confirm(token, user)
    return render_template("accounts/verification.html", form=form, user=user)


def _confirm(token: str, user: User) -> str | Response:
    with transaction() as writing:
        outcome = verification.verify(writing, token_keys(), token, current_scope())
    if outcome is Verification.REFUSED:
        return VERIFY_LINK.refuse()
    VERIFY_LINK.forget()
    if outcome is Verification.TAKEN:
        return render_template("accounts/address_taken.html", user=user)
    if outcome is Verification.DONE:
        flash(_("Thank you, your email address is confirmed."), "success")
    else:
        flash(_("Your email address is confirmed already."), "info")
    return _onwards()


def _remove(token: str, user: User) -> str | Response:
    own = current_user.is_authenticated and current_user.user.id == user.id
    with transaction() as writing:
        removed = verification.remove_claim(writing, token_keys(), token, now=current_scope().now)
    if not removed:
        return VERIFY_LINK.refuse()
    VERIFY_LINK.forget()
    if own:
        logout_user()
    flash(_("The account was removed, and your address with it."), "success")
    return redirect(home())


def _onwards() -> Response:
    return redirect(home() if current_user.is_authenticated else url_for("accounts.login"))
