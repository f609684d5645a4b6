"""The page behind "this wasn't me", the link in every notice. HTTP only."""

from __future__ import annotations

from flask import Flask, render_template, request
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import not_me
from microblog.accounts.actions.email_change import undo_token
from microblog.accounts.actions.not_me import Report
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint
from microblog.accounts.pages.email_change import UNDO_LINK
from microblog.accounts.sessions import sessions
from microblog.database import db, transaction
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links

NOT_ME_LINK = SecretLink("accounts.not_me", "/not_me/", bad_page="accounts/bad_not_me_link.html")


def init_app(app: Flask) -> None:
    add_secret_links(app, NOT_ME_LINK)


@blueprint.route("/not_me/<token>", methods=["GET", "POST"], endpoint="not_me")
@limit_posts
def report_not_me(token: str) -> str | Response:
    """The button behind the link of a notice. Opening the page changes nothing."""
    return NOT_ME_LINK.open(token, _reporter, _report, otherwise=_way_to_undo)


def _reporter(token: str) -> User | None:
    return not_me.reporter(db.session, token_keys(), token, now=current_scope().now)


def _way_to_undo(token: str) -> Response | None:
    """Redirect the reader of a former address to the page that undoes the change of address."""
    if request.method == "POST":
        return None
    found = not_me.change_to_undo(db.session, token_keys(), token, now=current_scope().now)
    return UNDO_LINK.enter(undo_token(token_keys(), *found)) if found else None


def _report(token: str, _user: User) -> str:
    if request.method != "POST":
        return render_template("accounts/not_me.html")
    with transaction() as writing:
        done = not_me.report(writing, current_outbox(), token_keys(), token, current_scope())
    if done is Report.REFUSED:
        return NOT_ME_LINK.refuse()
    _forget_ended_session()
    return render_template("accounts/not_me_reported.html", before=done is Report.DONE_BEFORE)


def _forget_ended_session() -> None:
    """Log the visitor out if this request ended their session, so that no page greets them."""
    if not current_user.is_authenticated:
        return
    if sessions.find_session(db.session, current_user.get_id(), now=current_scope().now) is None:
        logout_user()
