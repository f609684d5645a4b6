"""The pages for a forgotten password. HTTP only."""

from __future__ import annotations

from datetime import timedelta
from math import ceil

from flask import Flask, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import password_reset, password_reset_code
from microblog.accounts.actions.password_reset_code import (
    NoTriesLeftError,
    TooManyTriesError,
    read_code,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import remember_this_browser
from microblog.accounts.pages.forms import (
    LoginForm,
    ResetCodeForm,
    ResetPasswordForm,
    ResetPasswordRequestForm,
)
from microblog.accounts.pages.pending_reset import (
    PendingReset,
    ask_for_reset,
    end_pending_reset,
    kept_login,
    pending_reset,
)
from microblog.accounts.pages.sign_in import sign_in_page
from microblog.accounts.password_rules import hash_new_password
from microblog.accounts.second_factors.factors import factors_of
from microblog.accounts.sessions.login_throttle import whole_minutes
from microblog.database import db, transaction
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links

RESET_LINK = SecretLink(
    "accounts.reset_password", "/reset_password/", bad_page="accounts/bad_password_reset_link.html"
)


_ENDED_LINK_OF = "ended_reset_link_of"

_NO_TRIES_LEFT = _l("No tries left. Open the link in the email, or send it again.")

Refusal = tuple[str, int, dict[str, str]]


def init_app(app: Flask) -> None:
    add_secret_links(app, RESET_LINK)


@blueprint.route("/reset_password_request", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password_request() -> str | Response:
    form = ResetPasswordRequestForm(email=_kept_address())
    if form.validate_on_submit():
        ask_for_reset(form.email.data, current_scope())
        return _asked()
    return render_template("accounts/password_reset_request.html", form=form)


@blueprint.post("/reset_password_again")
@limit_posts
@for_strangers
def reset_password_again() -> Response:
    """Ask for a reset of the account whose link has ended, without telling its address."""
    user_id = session.get(_ENDED_LINK_OF)
    user = db.session.get(User, user_id) if user_id is not None else None
    if user is None:
        return redirect(url_for("accounts.reset_password_request"))
    ask_for_reset(user.email, current_scope(), user_id=user.id)
    return _asked()


def _asked() -> Response:
    return redirect(url_for("accounts.login"))


@blueprint.route("/reset_password_code", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password_code() -> str | Response | Refusal:
    """The code beside the link, which leads to the page behind the link."""
    if request.method == "GET":
        return redirect(url_for("accounts.login"))
    pending = pending_reset()
    if pending is None:
        flash(
            _(
                "A code works only in the browser that requested it. Open the link in"
                " the email, or request a new one here."
            ),
            "error",
        )
        return redirect(url_for("accounts.reset_password_request"))
    form = ResetCodeForm()
    return _try_code(form, pending) if form.validate_on_submit() else _code_page(form)


def _try_code(form: ResetCodeForm, pending: PendingReset) -> str | Response | Refusal:
    now = current_scope().now
    try:
        # Counted and committed first, so that of many tries at once none is overlooked.
        with transaction() as writing:
            one = password_reset_code.admit_try(writing, token_keys(), pending.nonce, now=now)
    except NoTriesLeftError:
        return _code_page(form, _NO_TRIES_LEFT)
    except TooManyTriesError as error:
        waiting = {"Retry-After": str(ceil(error.wait.total_seconds()))}
        return _code_page(form, _too_many_tries(error.wait)), 429, waiting
    token = password_reset_code.token_for_code(
        db.session,
        token_keys(),
        one,
        read_code(form.code.data) or "",
        now=now,
        lifetime=timedelta(seconds=current_app.config["RESET_LINK_SECONDS"]),
    )
    if token is None:
        return _code_page(form, _wrong_code(one.left))
    return RESET_LINK.enter(token)


def _code_page(form: ResetCodeForm, *errors: object) -> str:
    form.code.errors = [*form.code.errors, *errors]
    return sign_in_page(LoginForm(username=kept_login()), form)


def _wrong_code(left: int) -> str:
    if not left:
        return str(_NO_TRIES_LEFT)
    return ngettext(
        "Wrong or expired code. %(num)d try left.",
        "Wrong or expired code. %(num)d tries left.",
        left,
    )


def _too_many_tries(wait: timedelta) -> str:
    return ngettext(
        "Too many tries for this address. Open the link in the email, or wait %(num)d minute.",
        "Too many tries for this address. Open the link in the email, or wait %(num)d minutes.",
        whole_minutes(wait),
    )


def _kept_address() -> str | None:
    login = kept_login() or ""
    return login if "@" in login else None


@blueprint.route("/reset_password/<token>", methods=["GET", "POST"])
@limit_posts
@for_strangers
def reset_password(token: str) -> str | Response:
    """The form behind a reset link."""
    return RESET_LINK.open(token, _owner, _choose_password, otherwise=_ended)


def _owner(token: str) -> User | None:
    return password_reset.find_by_token(db.session, token_keys(), token, now=current_scope().now)


def _ended(token: str) -> str | None:
    """Answer a link that was good once: its owner gets a new one with a click."""
    user = password_reset.find_by_ended_token(db.session, token_keys(), token)
    if user is None:
        return None
    session[_ENDED_LINK_OF] = user.id
    return RESET_LINK.refuse(can_ask_again=True)


def _choose_password(token: str, owner: User) -> str | Response:
    form = ResetPasswordForm(owner)
    if not form.validate_on_submit():
        return render_template("accounts/password_reset.html", form=form, owner=owner)
    password_hash = hash_new_password(form.password.data, personal=form.personal)
    scope = current_scope()
    with transaction() as writing:
        user = password_reset.reset_password(
            writing,
            current_outbox(),
            token_keys(),
            token,
            scope,
            password_hash=password_hash,
        )
        # Each known browser has tries of its own for codes: who reads the mail alone gets none.
        if user is not None and not factors_of(writing, user.id):
            remember_this_browser(writing, user.id, now=scope.now)
    if user is None:
        return _ended(token) or RESET_LINK.refuse()
    RESET_LINK.forget()
    session.pop(_ENDED_LINK_OF, None)
    end_pending_reset(user)
    flash(_("Your password has been reset."), "success")
    return redirect(url_for("accounts.login"))
