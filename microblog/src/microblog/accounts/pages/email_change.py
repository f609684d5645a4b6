"""The pages for a change of address: requesting, confirming and undoing it. HTTP only."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import email_change
from microblog.accounts.actions.email_change import (
    AskedTooOftenError,
    SameAddressError,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pages.current_password import proof_in, refuse, spare_password
from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.settings_forms import ChangeEmailForm
from microblog.accounts.pending_changes import AddressTakenError, pending_change
from microblog.accounts.sessions.reauthentication import PasswordProof, StaleProofError
from microblog.database import db, transaction
from microblog.web.languages import local_time
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links
from microblog.web.settings_pages import add_settings_page
from microblog.web.times import whole_minute

blueprint = Blueprint("email_change", __name__)

BAD_LINK = "accounts/bad_email_change_link.html"
CONFIRM_LINK = SecretLink("email_change.confirm", "/confirm_email_change/", bad_page=BAD_LINK)
UNDO_LINK = SecretLink("email_change.undo", "/undo_email_change/", bad_page=BAD_LINK)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_secret_links(app, CONFIRM_LINK, UNDO_LINK)
    add_settings_page(
        app, "email_change.ask", _l("Email"), LazyString(_own_address), icon="mail", position=20
    )


@blueprint.route("/settings/email", methods=["GET", "POST"])
@limit_posts
@login_required
def ask() -> str | Response:
    form = ChangeEmailForm()
    spare_password(form)
    if form.validate_on_submit():
        proof = proof_in(form)
        if proof and _ask(form, proof):
            flash(_("We sent a link to the new address."), "info")
            return redirect(url_for("email_change.ask"))
    return render_template(
        "accounts/email_change.html",
        form=form,
        cancellation=EmptyForm(),
        pending=pending_change(db.session, current_user.user.id, now=current_scope().now),
    )


@blueprint.post("/settings/email/cancel")
@limit_posts
@login_required
def cancel() -> Response:
    with transaction() as writing:
        done = email_change.cancel_change(writing, current_user.user.id, current_scope())
    if done:
        flash(_("The change was cancelled. Your address stays the same."), "success")
    else:
        flash(_("There's no longer a change to cancel."), "info")
    return redirect(url_for("email_change.ask"))


@blueprint.route("/confirm_email_change/<token>", methods=["GET", "POST"])
@limit_posts
def confirm(token: str) -> str | Response:
    """The button behind the link to the new address. Opening the page changes nothing."""
    return CONFIRM_LINK.open(token, _find_to_confirm, _confirm)


@blueprint.route("/undo_email_change/<token>", methods=["GET", "POST"])
@limit_posts
def undo(token: str) -> str | Response:
    """The button behind the link to the old address. Opening the page changes nothing."""
    return UNDO_LINK.open(token, _find_to_undo, _undo)


def _own_address() -> str:
    return str(current_user.user.email)


def _ask(form: ChangeEmailForm, proof: PasswordProof) -> bool:
    try:
        with transaction() as writing:
            email_change.ask_for_change(
                writing, current_outbox(), proof, form.email.data, current_scope()
            )
    except SameAddressError:
        form.email.errors = [_("This is already your address.")]
    except AskedTooOftenError as error:
        when = local_time(whole_minute(error.opens_at))
        form.email.errors = [
            _("You've requested this several times. You can try again at %(when)s.", when=when)
        ]
    except StaleProofError:
        refuse(form.current_password)
    else:
        return True
    return False


def _find_to_confirm(token: str) -> tuple[User, EmailChange] | None:
    now = current_scope().now
    return email_change.find_to_confirm(db.session, token_keys(), token, now=now)


def _confirm(token: str, found: tuple[User, EmailChange]) -> str | Response:
    if request.method != "POST":
        user, change = found
        return render_template(
            "accounts/email_change_confirmation.html", account=user, change=change
        )
    try:
        with transaction() as writing:
            confirmed = email_change.confirm_change(
                writing, current_outbox(), token_keys(), token, current_scope()
            )
    except AddressTakenError:
        return CONFIRM_LINK.refuse(taken=True)
    if confirmed is None:
        return CONFIRM_LINK.refuse()
    CONFIRM_LINK.forget()
    flash(_("Your address is now %(email)s.", email=confirmed.email), "success")
    return redirect(url_for("email_change.ask"))


def _find_to_undo(token: str) -> tuple[User, EmailChange] | None:
    now = current_scope().now
    return email_change.find_to_undo(db.session, token_keys(), token, now=now)


def _undo(token: str, found: tuple[User, EmailChange]) -> str | Response:
    if request.method != "POST":
        user, change = found
        return render_template("accounts/email_change_undo.html", account=user, change=change)
    with transaction() as writing:
        restored = email_change.undo_change(
            writing, current_outbox(), token_keys(), token, current_scope()
        )
    if restored is None:
        return UNDO_LINK.refuse()
    UNDO_LINK.forget()
    flash(_("Your address is %(email)s again.", email=restored.email), "success")
    flash(
        _(
            "All devices were signed out, and the old password no longer works. Check your email"
            " for a link to choose a new one."
        ),
        "info",
    )
    return redirect(url_for("accounts.login"))
