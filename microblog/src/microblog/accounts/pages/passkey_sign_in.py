"""Signing in with a passkey alone. HTTP only."""

from __future__ import annotations

from flask import Response as FlaskResponse
from flask import flash, redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.keys import token_keys
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.browser_cookie import browser_secrets
from microblog.accounts.pages.deletion import offer_to_keep
from microblog.accounts.pages.entry import start
from microblog.accounts.pages.passkeys import NOT_ACCEPTED, proof_sent, this_site
from microblog.accounts.second_factors.passkeys import SIGN_IN, sign_in_options
from microblog.accounts.sessions.entry import Entry, open_session
from microblog.database import transaction
from microblog.web.links import safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.security import keep_secret


@blueprint.get("/login/passkey/options")
@for_strangers
def passkey_options() -> Response:
    """What a browser needs to sign in with a passkey. It names no account."""
    site = this_site()
    if site is None:
        raise NotFound
    options = sign_in_options(token_keys(), site, now=current_scope().now)
    return keep_secret(FlaskResponse(options, mimetype="application/json"))


@blueprint.post("/login/passkey")
@limit_posts
@for_strangers
def passkey_sign_in() -> Response:
    entry = _enter(remembered="remember_me" in request.form)
    onwards = request.args.get("next")
    if entry is None:
        flash(NOT_ACCEPTED, "error")
        return redirect(url_for("accounts.login", next=onwards))
    if entry.visitor is None:
        return offer_to_keep(entry.user)
    start(entry, remembered=entry.visitor.session.remembered)
    return redirect(safe_next(onwards))


def _enter(*, remembered: bool) -> Entry | None:
    with transaction() as writing:
        proof = proof_sent(writing, SIGN_IN)
        if proof is None:
            return None
        if proof.user.deletes_at is not None:
            return Entry(proof.user, None, browser_secrets())
        return open_session(
            writing,
            current_outbox(),
            proof.user,
            browser_secrets(),
            current_scope(),
            methods=" ".join(proof.methods),
            remembered=remembered,
        )
