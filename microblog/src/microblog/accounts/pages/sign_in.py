"""The pages for logging in and out, and the look-up of the visitor. HTTP only."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from math import ceil

from flask import Flask, current_app, flash, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from flask_outbox import AddressError, current_outbox, parse_address
from flask_outbox.database_errors import is_outage
from microblog.accounts.actions import sign_in
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.accounts.actions.sign_in import Attempt, Candidate
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages import second_step
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import browser_secrets
from microblog.accounts.pages.deletion import offer_to_keep
from microblog.accounts.pages.entry import start
from microblog.accounts.pages.forms import LoginForm, ResetCodeForm
from microblog.accounts.pages.intents import forget_intents
from microblog.accounts.pages.login_manager import Logins
from microblog.accounts.pages.passkeys import SITE_NAME
from microblog.accounts.pages.pending_reset import (
    BETWEEN,
    keep_login,
    kept_login,
    pending_reset,
)
from microblog.accounts.second_factors.relying_party import relying_party
from microblog.accounts.sessions import login_throttle, sessions
from microblog.accounts.sessions.entry import Entry
from microblog.database import db, transaction, utc_now
from microblog.web.clients import current_origin
from microblog.web.languages import local_time_soon
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import Scope, current_scope
from microblog.web.secret_links import return_path
from microblog.web.times import whole_minute

logger = logging.getLogger(__name__)

login_manager = Logins()


def init_app(app: Flask) -> None:
    app.config["REMEMBER_COOKIE_DURATION"] = sessions.IDLE_REMEMBERED
    login_manager.login_view = "accounts.login"
    login_manager.login_message = _l("Sign in to see this page.")
    login_manager.init_app(app)
    app.jinja_env.globals["next_page"] = next_page
    app.jinja_env.globals["allows_passkeys"] = relying_party(
        app.config["PUBLIC_URL"], name=SITE_NAME
    )


@login_manager.user_loader
def load_visitor(secret: str) -> sessions.Visitor | None:
    """Return the visitor with this session's secret, and record its use from time to time.

    Without a database nobody is logged in, so that the page about the outage can be shown.
    """
    try:
        return _find_visitor(secret, now=utc_now())
    except SQLAlchemyError as error:
        if not is_outage(error):
            logger.exception("The session cannot be looked up")
        return None


def _find_visitor(secret: str, *, now: datetime) -> sessions.Visitor | None:
    visitor = sessions.find_session(db.session, secret, now=now)
    if visitor and sessions.needs_touch(visitor, now=now):
        if visitor.session.remembered:
            # The cookie expires when the row does, counted from the last visit.
            session["_remember"] = "set"
        _touch(visitor, now=now)
    return visitor


def _touch(visitor: sessions.Visitor, *, now: datetime) -> None:
    """Record the use of the session; nobody is logged out by a database that cannot be written."""
    if now < current_app.extensions.get(_TOUCH_AGAIN, now):
        return
    try:
        with transaction() as writing:
            sessions.touch(writing, visitor, current_origin(), now=now)
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        current_app.extensions[_TOUCH_AGAIN] = now + TOUCH_PAUSE


TOUCH_PAUSE = timedelta(minutes=1)
"""After a write that failed. On SQLite each may wait ten seconds for whoever holds the lock."""

_TOUCH_AGAIN = "microblog_touch_again"


def next_page() -> str | None:
    """Where links to log in or register lead back to: this page, or where its own link leads."""
    if request.blueprint == blueprint.name:
        return request.args.get("next")
    return return_path() if request.endpoint != "index" else None


@blueprint.route("/login", methods=["GET", "POST"])
@limit_posts
@for_strangers
def login() -> str | Response | tuple[str, int, dict[str, str]]:
    name = kept_login()
    if request.method == "GET" and name is None:
        return sign_in_page(None)
    form = LoginForm(username=name)
    return _try(form) if form.validate_on_submit() else sign_in_page(form)


@blueprint.post("/logout")
def logout() -> Response:
    if current_user.is_authenticated:
        with transaction() as writing:
            sessions.log_out(writing, current_user, current_scope())
        logout_user()
        forget_intents()
    return redirect(home())


def sign_in_page(form: LoginForm | None, code_form: ResetCodeForm | None = None) -> str:
    """Render the log-in page, which begins with the reset that this browser asked for, if any.

    Without `form` its fields are empty, and are drawn once for everybody.
    """
    pending = pending_reset()
    if pending is None:
        return render_template("accounts/sign_in.html", form=form, form_class=LoginForm)
    outbox, now = current_outbox(), current_scope().now
    opens_at = pending.opens_at(outbox, now=now)
    return render_template(
        "accounts/sign_in.html",
        form=form,
        form_class=LoginForm,
        pending=pending,
        code_form=code_form or ResetCodeForm(),
        wait=_wait_for_resend(opens_at, now=now) if opens_at else None,
        sender=outbox.author(outbox.email_types[RESET_KIND]).mailbox,
        minutes=current_app.config["RESET_LINK_SECONDS"] // 60,
    )


def _wait_for_resend(opens_at: datetime, *, now: datetime) -> str:
    if opens_at - now <= BETWEEN:
        return _("You can send it again in a minute.")
    when = local_time_soon(whole_minute(opens_at), now=now)
    return _("You can send it again at %(when)s.", when=when)


def _try(form: LoginForm) -> str | Response | tuple[str, int, dict[str, str]]:
    scope = current_scope()
    attempt = sign_in.find_candidates(
        db.session, token_keys(), form.username.data, browser_secrets(), now=scope.now
    )
    # Counted and committed first, so that of many attempts at once none is overlooked.
    with transaction() as writing:
        wait = login_throttle.admit(writing, attempt.key, now=scope.now)
    if wait is not None:
        return _too_often(form, wait)
    found = sign_in.check(attempt, form.password.data)
    entry = _enter(form, attempt, found, scope) if found else None
    if entry is None:
        flash(_("Wrong username or password."), "error")
        _keep_address(form.username.data)
        return sign_in_page(form)
    if entry.visitor is None:
        return _not_yet(form, entry.user)
    start(entry, remembered=form.remember_me.data)
    return redirect(safe_next(request.args.get("next")))


def _not_yet(form: LoginForm, user: User) -> Response:
    if user.deletes_at is not None:
        return offer_to_keep(user)
    onwards = request.args.get("next")
    return second_step.begin(user, remembered=form.remember_me.data, onwards=onwards)


def _enter(form: LoginForm, attempt: Attempt, found: Candidate, scope: Scope) -> Entry | None:
    better_hash = sign_in.stronger_hash(found, form.password.data)
    with transaction() as writing:
        return sign_in.log_in(
            writing,
            current_outbox(),
            attempt,
            found,
            scope,
            better_hash=better_hash,
            remembered=form.remember_me.data,
        )


def _too_often(form: LoginForm, wait: timedelta) -> tuple[str, int, dict[str, str]]:
    words = ngettext(
        "Too many attempts. Wait %(num)d minute, or reset your password to sign in right away.",
        "Too many attempts. Wait %(num)d minutes, or reset your password to sign in right away.",
        login_throttle.whole_minutes(wait),
    )
    flash(words, "error")
    return sign_in_page(form), 429, {"Retry-After": str(ceil(wait.total_seconds()))}


def _keep_address(login: str) -> None:
    """Let the form for a forgotten password begin with this address.

    Nothing else is kept: some people type their password there.
    """
    try:
        keep_login(str(parse_address(login, public=True)))
    except AddressError:
        keep_login(None)
