"""The pages of accounts: HTTP only, the rules are in the modules named after the use case."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from flask import (
    Blueprint,
    Flask,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_user, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from microblog.accounts import recovery, sessions
from microblog.accounts.authentication import authenticate, stronger_hash
from microblog.accounts.forms import (
    LoginForm,
    RegistrationForm,
    ResetPasswordForm,
    ResetPasswordRequestForm,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.logins import Logins
from microblog.accounts.models import User
from microblog.accounts.passwords import hash_password
from microblog.accounts.registration import TakenError, register
from microblog.database import db, transaction, utc_now
from microblog.mail import current_outbox
from microblog.web.languages import current_language
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.secret_links import SecretLink, add_secret_links

logger = logging.getLogger(__name__)

blueprint = Blueprint("accounts", __name__)
login_manager = Logins()

View = Callable[..., Any]

RESET_LINK = SecretLink("accounts.reset_password", "/reset_password/")


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)
    add_secret_links(app, RESET_LINK)
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
            sessions.note_seen(writing, visitor, now=now)
    return visitor


def for_strangers(view: View) -> View:
    """Someone who is logged in already is sent to the first page instead."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        if current_user.is_authenticated:
            return redirect(home())
        return view(*args, **kwargs)

    return shown


@blueprint.route("/login", methods=["GET", "POST"])
@limit_posts
@for_strangers
def login() -> str | Response:
    form = LoginForm()
    if form.validate_on_submit():
        user = authenticate(db.session, form.username.data, form.password.data)
        if user is not None:
            _log_in(user, form.password.data, remembered=form.remember_me.data)
            return redirect(safe_next(request.args.get("next")))
        flash(_("Invalid username or password"), "error")
    return render_template("accounts/login.html", form=form)


@blueprint.post("/logout")
def logout() -> Response:
    if current_user.is_authenticated:
        with transaction() as writing:
            sessions.end_session(writing, current_user)
        logout_user()
    return redirect(home())


@blueprint.route("/register", methods=["GET", "POST"])
@limit_posts
@for_strangers
def register_account() -> str | Response:
    form = RegistrationForm()
    if form.validate_on_submit():
        password_hash = hash_password(form.password.data)
        try:
            with transaction() as writing:
                register(
                    writing,
                    username=form.username.data,
                    email=form.email.data,
                    password_hash=password_hash,
                )
        except TakenError as taken:
            form[taken.field].errors = [_taken_words(taken.field)]
        else:
            flash(_("Congratulations, you are now a registered user!"), "success")
            return redirect(url_for("accounts.login"))
    return render_template("accounts/register.html", form=form)


@blueprint.route("/reset_password_request", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password_request() -> str | Response:
    form = ResetPasswordRequestForm()
    if form.validate_on_submit():
        with transaction() as writing:
            recovery.request_reset(writing, current_outbox(), form.email.data, current_language())
        flash(_("Check your email for the instructions to reset your password"), "info")
        return redirect(url_for("accounts.login"))
    return render_template("accounts/reset_password_request.html", form=form)


@blueprint.route("/reset_password/<token>", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password(token: str) -> str | Response:
    """A good link's token moves into the session, so that no page shows it in the address bar."""
    opened = RESET_LINK.opened(token, _is_good)
    return opened if isinstance(opened, Response) else _choose_password(opened)


def _choose_password(token: str) -> str | Response:
    if not _is_good(token):
        return _bad_link()
    form = ResetPasswordForm()
    if not form.validate_on_submit():
        return render_template("accounts/reset_password.html", form=form)
    password_hash = hash_password(form.password.data)
    with transaction() as writing:
        done = recovery.reset_password(
            writing,
            current_outbox(),
            token_keys(),
            token,
            password_hash=password_hash,
            now=utc_now(),
            locale=current_language(),
        )
    if not done:
        return _bad_link()
    RESET_LINK.forget()
    flash(_("Your password has been reset."), "success")
    return redirect(url_for("accounts.login"))


def _is_good(token: str) -> bool:
    return recovery.find_by_token(db.session, token_keys(), token, now=utc_now()) is not None


def _bad_link() -> str:
    RESET_LINK.forget()
    return render_template("accounts/bad_reset_link.html")


def _log_in(user: User, password: str, *, remembered: bool) -> None:
    better = stronger_hash(user, password)
    with transaction() as writing:
        account = writing.get_one(User, user.id)
        if better and account.password_hash == user.password_hash:
            account.password_hash = better
        visitor = sessions.start_session(writing, account, remembered=remembered, now=utc_now())
    session.clear()
    login_user(visitor, remember=remembered)


def _taken_words(field: str) -> str:
    if field == "email":
        return _("Please use a different email address.")
    return _("Please use a different username.")
