"""The pages on which people see what happened to their accounts, and stop what they did not do."""

from __future__ import annotations

from flask import Blueprint, Flask, render_template, request
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response

from microblog.accounts import reports, sessions
from microblog.accounts.keys import token_keys
from microblog.accounts.reports import Report
from microblog.database import db, transaction, utc_now
from microblog.mail import current_outbox
from microblog.web.clients import current_place
from microblog.web.languages import current_language
from microblog.web.ratelimits import limit_posts
from microblog.web.secret_links import SecretLink, add_secret_links

blueprint = Blueprint("security", __name__)

NOT_ME_LINK = SecretLink("security.not_me", "/not_me/")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_secret_links(app, NOT_ME_LINK)


@blueprint.route("/not_me/<token>", methods=["GET", "POST"])
@limit_posts
def not_me(token: str) -> str | Response:
    """One button, behind the link of a notice. Opening the page changes nothing."""
    opened = NOT_ME_LINK.opened(token, _is_good)
    if isinstance(opened, Response):
        return opened
    if request.method == "POST":
        return _report(opened)
    return render_template("accounts/not_me.html") if _is_good(opened) else _bad_link()


def _report(token: str) -> str:
    with transaction() as writing:
        done = reports.report(
            writing,
            current_outbox(),
            token_keys(),
            token,
            current_place(),
            now=utc_now(),
            locale=current_language(),
        )
    if done is Report.REFUSED:
        return _bad_link()
    _forget_ended_session()
    return render_template("accounts/reported.html", before=done is Report.DONE_BEFORE)


def _forget_ended_session() -> None:
    """The page must not greet somebody who was logged out by what this request did."""
    if not current_user.is_authenticated:
        return
    if sessions.find_session(db.session, current_user.get_id(), now=utc_now()) is None:
        logout_user()


def _is_good(token: str) -> bool:
    return reports.reporter(db.session, token_keys(), token, now=utc_now()) is not None


def _bad_link() -> str:
    NOT_ME_LINK.forget()
    return render_template("accounts/bad_not_me_link.html")
