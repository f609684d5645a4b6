"""The pages for logging in and out, and who is logged in. HTTP only."""

from __future__ import annotations

import logging
from datetime import datetime

from flask import Flask, flash, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_user, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from microblog.accounts import sessions
from microblog.accounts.authentication import authenticate, stronger_hash
from microblog.accounts.blueprint import blueprint, for_strangers
from microblog.accounts.deletion_views import offer_to_keep
from microblog.accounts.forms import LoginForm
from microblog.accounts.logins import Logins
from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.web.clients import current_place
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts

logger = logging.getLogger(__name__)

login_manager = Logins()


def init_app(app: Flask) -> None:
    app.config["REMEMBER_COOKIE_DURATION"] = sessions.IDLE_REMEMBERED
    login_manager.login_view = "accounts.login"
    login_manager.login_message = _l("Please log in to access this page.")
    login_manager.init_app(app)


@login_manager.user_loader
def load_visitor(secret: str) -> sessions.Visitor | None:
    """Who holds the session's secret; in use, it is noted from time to time.

    Without a database everybody is a stranger, so that the page about that can be shown.
    """
    try:
        return _find_visitor(secret, now=utc_now())
    except SQLAlchemyError:
        logger.exception("The session cannot be looked up")
        return None


def _find_visitor(secret: str, *, now: datetime) -> sessions.Visitor | None:
    visitor = sessions.find_session(db.session, secret, now=now)
    if visitor and sessions.is_due_for_note(visitor, now=now):
        if visitor.session.remembered:
            # The cookie lives as long as the row: from the last visit on.
            session["_remember"] = "set"
        with transaction() as writing:
            sessions.note_seen(writing, visitor, current_place(), now=now)
    return visitor


@blueprint.route("/login", methods=["GET", "POST"])
@limit_posts
@for_strangers
def login() -> str | Response:
    form = LoginForm()
    if form.validate_on_submit():
        user = authenticate(db.session, form.username.data, form.password.data)
        if user is not None and user.deletes_at is not None:
            return offer_to_keep(user)
        if user is not None:
            _log_in(user, form.password.data, remembered=form.remember_me.data)
            return redirect(safe_next(request.args.get("next")))
        flash(_("Invalid username or password"), "error")
    return render_template("accounts/login.html", form=form)


@blueprint.post("/logout")
def logout() -> Response:
    if current_user.is_authenticated:
        with transaction() as writing:
            sessions.log_out(writing, current_user, current_place(), now=utc_now())
        logout_user()
    return redirect(home())


def _log_in(user: User, password: str, *, remembered: bool) -> None:
    better = stronger_hash(user, password)
    with transaction() as writing:
        account = writing.get_one(User, user.id)
        if better and account.password_hash == user.password_hash:
            account.password_hash = better
        visitor = sessions.start_session(
            writing, account, current_place(), remembered=remembered, now=utc_now()
        )
    session.clear()
    login_user(visitor, remember=remembered)
