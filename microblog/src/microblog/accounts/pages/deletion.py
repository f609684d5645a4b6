"""The pages for downloading one's data, and for deleting an account and undoing that. HTTP only."""

from __future__ import annotations

import io
import json
from datetime import timedelta

from flask import (
    Blueprint,
    Flask,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import login_required, logout_user
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import deletion
from microblog.accounts.actions.export import export, record_export
from microblog.accounts.actions.personal_data import personal_data
from microblog.accounts.administrators import LastAdministratorError
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.current_password import proof_in, refuse, spare_password
from microblog.accounts.pages.settings_forms import DeleteAccountForm, ExportForm
from microblog.accounts.sessions.reauthentication import PasswordProof, StaleProofError
from microblog.database import db, transaction
from microblog.web.languages import local_time
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links
from microblog.web.security import keep_secret
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("deletion", __name__)

KEEP_LINK = SecretLink(
    "deletion.keep", "/keep_account/", bad_page="accounts/bad_deletion_undo_link.html"
)

OFFER_LIFETIME = timedelta(minutes=10)
"""For pressing the button that keeps the account, after a log-in."""


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_secret_links(app, KEEP_LINK)
    add_settings_page(
        app,
        "deletion.download",
        _l("Export your data"),
        _l("Everything stored about you, as a file"),
        icon="download",
        position=70,
    )
    add_settings_page(app, "deletion.ask", _l("Delete account"), icon="delete", position=80)


@blueprint.route("/settings/export", methods=["GET", "POST"])
@limit_posts
@login_required
def download() -> str | Response:
    form = ExportForm()
    spare_password(form)
    if form.validate_on_submit():
        proof = proof_in(form)
        if proof:
            return _download(proof)
    return render_template("accounts/export.html", form=form)


@blueprint.route("/settings/delete", methods=["GET", "POST"])
@limit_posts
@login_required
def ask() -> str | Response:
    form = DeleteAccountForm()
    spare_password(form)
    if form.validate_on_submit():
        proof = proof_in(form)
        if proof and _ask(form, proof):
            return redirect(url_for("accounts.login"))
    return render_template("accounts/deletion.html", form=form, days=deletion.GRACE.days)


@blueprint.route("/keep_account/<token>", methods=["GET", "POST"])
@limit_posts
def keep(token: str) -> str | Response:
    """The button behind the link of the notice. Opening the page changes nothing."""
    return KEEP_LINK.open(token, _find, _keep)


def offer_to_keep(user: User) -> Response:
    """Redirect somebody with the right password to the button that keeps the account."""
    return KEEP_LINK.enter(
        deletion.keep_token(token_keys(), user, now=current_scope().now, lifetime=OFFER_LIFETIME)
    )


def _download(proof: PasswordProof) -> Response:
    scope = current_scope()
    with transaction() as writing:
        record_export(writing, proof.user_id, scope)
    # Read outside of the transaction, so that nobody waits for it.
    user = db.session.get_one(User, proof.user_id)
    content = json.dumps(
        export(db.session, user, personal_data(), now=scope.now), ensure_ascii=False, indent=2
    )
    return keep_secret(
        send_file(
            io.BytesIO(content.encode()),
            "application/json",
            as_attachment=True,
            download_name=f"microblog-{user.username}.json",
        )
    )


def _ask(form: DeleteAccountForm, proof: PasswordProof) -> bool:
    try:
        with transaction() as writing:
            ends = deletion.ask_for_deletion(writing, current_outbox(), proof, current_scope())
    except StaleProofError:
        refuse(form.current_password)
        return False
    except LastAdministratorError:
        words = _(
            "You're the only administrator. Make someone else one before you delete your account."
        )
        form.submit.errors = [words]
        return False
    flash(
        _(
            "Your account will be deleted on %(when)s. To keep it, sign in before then, or use the"
            " link we emailed you.",
            when=local_time(ends),
        ),
        "info",
    )
    logout_user()
    return True


def _find(token: str) -> User | None:
    return deletion.find_to_keep(db.session, token_keys(), token, now=current_scope().now)


def _keep(token: str, user: User) -> str | Response:
    if request.method != "POST":
        ends = user.deletes_at and local_time(user.deletes_at)
        return render_template("accounts/deletion_undo.html", account=user, ends=ends)
    with transaction() as writing:
        kept = deletion.keep_account(writing, token_keys(), token, current_scope())
    if kept is None:
        return KEEP_LINK.refuse()
    KEEP_LINK.forget()
    flash(_("Your account is kept. You can sign in as before."), "success")
    return redirect(url_for("accounts.login"))
