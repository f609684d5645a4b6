"""The page for changing one's password. HTTP only."""

from __future__ import annotations

from flask import Blueprint, Flask, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_required, login_user
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions.password_change import change_password
from microblog.accounts.pages.browser_cookie import remember_this_browser
from microblog.accounts.pages.current_password import reauthenticated, refuse
from microblog.accounts.pages.settings_forms import ChangePasswordForm
from microblog.accounts.password_rules import hash_new_password
from microblog.accounts.sessions.reauthentication import PasswordProof, StaleProofError
from microblog.database import transaction
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("password_change", __name__)


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_settings_page(
        app,
        "password_change.change",
        _l("Password"),
        _l("Change your password"),
        icon="key",
        position=30,
    )


@blueprint.get("/.well-known/change-password")
def where_to_change() -> Response:
    """Where password managers send people (W3C, A Well-Known URL for Changing Passwords)."""
    return redirect(url_for("password_change.change"))


@blueprint.route("/settings/password", methods=["GET", "POST"])
@limit_posts
@login_required
def change() -> str | Response:
    form = ChangePasswordForm(current_user.user)
    if form.validate_on_submit():
        proof = reauthenticated(form.current_password)
        if proof and form.password.data == form.current_password.data:
            form.password.errors = [_("This is already your password.")]
        elif proof and _change(form, proof):
            flash(_("Your password was changed. All other devices were signed out."), "success")
            return redirect(url_for("password_change.change"))
        form.say_strength()
    return render_template("accounts/password_change.html", form=form)


def _change(form: ChangePasswordForm, proof: PasswordProof) -> bool:
    password_hash = hash_new_password(form.password.data, personal=form.personal)
    scope = current_scope()
    try:
        with transaction() as writing:
            renewed = change_password(
                writing,
                current_outbox(),
                proof,
                current_user,
                scope,
                password_hash=password_hash,
            )
            remember_this_browser(writing, proof.user_id, now=scope.now)
    except StaleProofError:
        refuse(form.current_password)
        return False
    if renewed is not None:
        login_user(renewed, remember=renewed.session.remembered)
    return True
