"""The page of the second step of a log-in. HTTP only.

The session cookie keeps what the first step found, for ten minutes: two tabs share it, so the one
that began last goes on, and a code for another account is simply wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from math import ceil

from flask import flash, make_response, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField, SubmitField
from wtforms.validators import DataRequired

from flask_outbox import current_outbox
from microblog.accounts.actions.second_step import (
    begin_second_step,
    find_halfway,
    is_recovery_code,
    prove_with_code,
    tries_key,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import browser_secrets
from microblog.accounts.pages.entry import start
from microblog.accounts.pages.passkeys import NOT_ACCEPTED, options_of, proof_sent
from microblog.accounts.second_factors.factors import factors_of
from microblog.accounts.sessions.entry import Entry, open_session
from microblog.accounts.sessions.login_throttle import admit, whole_minutes
from microblog.accounts.sessions.sessions import PASSWORD
from microblog.database import db, transaction
from microblog.web.forms import Form
from microblog.web.links import safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.security import keep_secret

_HALFWAY = "second_step"


@dataclass(frozen=True)
class Halfway:
    """What the first step found: a `token` of the account, and what was asked for with it."""

    token: str
    remembered: bool
    onwards: str | None


class SecondStepForm(Form):
    code = StringField(
        _l("Code"),
        description=_l("From your authenticator app, or a recovery code."),
        validators=[DataRequired(_l("This field is required."))],
        render_kw={
            "autocomplete": "one-time-code",
            "autocapitalize": "characters",
            "spellcheck": "false",
            "maxlength": 64,
        },
    )
    trust = BooleanField(_l("Trust this browser for 30 days"))
    submit = SubmitField(_l("Continue"))


def begin(user: User, *, remembered: bool, onwards: str | None) -> Response:
    """Remember that the password was right, and redirect to the second step."""
    token = begin_second_step(token_keys(), user, now=current_scope().now)
    session.clear()
    session[_HALFWAY] = asdict(Halfway(token, remembered, onwards))
    return redirect(url_for("accounts.second_step"))


@blueprint.route("/login/second_step", methods=["GET", "POST"])
@limit_posts
@for_strangers
def second_step() -> Response | tuple[Response, int, dict[str, str]]:
    halfway = current_halfway()
    user = find_account(db.session, halfway) if halfway else None
    if halfway is None or user is None:
        return begin_again()
    form = SecondStepForm()
    if request.form.get("passkey"):
        return _try_passkey(form, halfway, user)
    return _try(form, halfway, user) if form.validate_on_submit() else _page(form, user)


def _try(
    form: SecondStepForm, halfway: Halfway, user: User
) -> Response | tuple[Response, int, dict[str, str]]:
    scope, typed = current_scope(), form.code.data
    key = tries_key(db.session, token_keys(), user, browser_secrets(), now=scope.now)
    if not is_recovery_code(typed):
        # Counted and committed first, so that of many tries at once none is overlooked.
        with transaction() as writing:
            wait = admit(writing, key, now=scope.now)
        if wait is not None:
            form.code.errors = [_too_often(wait)]
            return _page(form, user), 429, {"Retry-After": str(ceil(wait.total_seconds()))}
    with transaction() as writing:
        account = find_account(writing, halfway, locked=True)
        if account is None:
            return begin_again()
        method = prove_with_code(
            writing,
            current_outbox(),
            token_keys(),
            scope,
            user=account,
            typed=typed,
            counted_by=key,
        )
        entry = method and _open(writing, account, [method], form, remembered=halfway.remembered)
    if not entry:
        form.code.errors = [_("Wrong code, or one that was already used.")]
        return _page(form, user)
    start(entry, remembered=halfway.remembered)
    return redirect(safe_next(halfway.onwards))


def _try_passkey(form: SecondStepForm, halfway: Halfway, user: User) -> Response:
    with transaction() as writing:
        account = find_account(writing, halfway, locked=True)
        if account is None:
            return begin_again()
        proof = proof_sent(writing, _purpose(account), user=account)
        entry = proof and _open(
            writing, account, proof.methods, form, remembered=halfway.remembered
        )
    if not entry:
        flash(NOT_ACCEPTED, "error")
        return _page(form, user)
    start(entry, remembered=halfway.remembered)
    return redirect(safe_next(halfway.onwards))


def _open(
    writing: Session,
    account: User,
    methods: Sequence[str],
    form: SecondStepForm,
    *,
    remembered: bool,
) -> Entry:
    return open_session(
        writing,
        current_outbox(),
        account,
        browser_secrets(),
        current_scope(),
        methods=" ".join([PASSWORD, *methods]),
        remembered=remembered,
        trusted=form.trust.data,
    )


def _purpose(account: User) -> str:
    return f"second step of {account.id}"


def _page(form: SecondStepForm, user: User) -> Response:
    has_passkey = factors_of(db.session, user.id).has_passkey
    options = options_of(user.id, _purpose(user)) if has_passkey else None
    page = render_template("accounts/second_step.html", form=form, account=user, options=options)
    return keep_secret(make_response(page))


def current_halfway() -> Halfway | None:
    """What the first step found in this browser, if anything."""
    stored = session.get(_HALFWAY)
    return Halfway(**stored) if stored else None


def find_account(reading: Session, halfway: Halfway, *, locked: bool = False) -> User | None:
    """Return the account of the first step; None if that was too long ago or has changed."""
    now = current_scope().now
    return find_halfway(reading, token_keys(), halfway.token, now=now, locked=locked)


def begin_again() -> Response:
    """Redirect to the first step, and say why."""
    was_begun = session.pop(_HALFWAY, None) is not None
    if was_begun or request.method == "POST":
        flash(_("That took too long, or something changed meanwhile. Sign in again."), "error")
    return redirect(url_for("accounts.login"))


def _too_often(wait: timedelta) -> str:
    return ngettext(
        "Too many wrong codes. Wait %(num)d minute, or use a passkey or a recovery code.",
        "Too many wrong codes. Wait %(num)d minutes, or use a passkey or a recovery code.",
        whole_minutes(wait),
    )
