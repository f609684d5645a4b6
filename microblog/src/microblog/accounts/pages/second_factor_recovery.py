"""The pages for a lost second factor: asking for its removal, and stopping it. HTTP only."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import second_factor_recovery as recovery
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.pages.blueprint import blueprint, for_strangers
from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.second_step import begin_again, current_halfway, find_account
from microblog.accounts.sessions.login_throttle import LOST_FACTOR, admit, throttle_key
from microblog.database import db, transaction
from microblog.web.languages import local_time, local_time_soon
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.secret_links import SecretLink, add_secret_links
from microblog.web.security import keep_secret
from microblog.web.times import whole_minute

HOURS = int(recovery.WAIT.total_seconds()) // 3600

BAD_LINK = "accounts/bad_second_factor_link.html"
BEGIN_LINK = SecretLink("accounts.begin_removal", "/remove_second_factor/", bad_page=BAD_LINK)
KEEP_LINK = SecretLink("accounts.keep_second_factor", "/keep_second_factor/", bad_page=BAD_LINK)


def init_app(app: Flask) -> None:
    add_secret_links(app, BEGIN_LINK, KEEP_LINK)


@blueprint.route("/login/second_step/lost", methods=["GET", "POST"])
@limit_posts
@for_strangers
def second_factor_lost() -> Response:
    """What to do without any second factor; the button mails the link that begins the removal."""
    halfway = current_halfway()
    user = find_account(db.session, halfway) if halfway else None
    if halfway is None or user is None:
        return begin_again()
    form = EmptyForm()
    is_asked = form.validate_on_submit() and _is_admitted(user)
    if is_asked:
        with transaction() as writing:
            account = find_account(writing, halfway, locked=True)
            if account is None:
                return begin_again()
            recovery.ask_for_removal(writing, current_outbox(), account, current_scope())
    page = render_template(
        "accounts/second_factor_lost.html",
        form=form,
        hours=HOURS,
        is_asked=is_asked,
        ends_at=user.second_factor_ends_at,
    )
    return keep_secret(make_response(page))


def _is_admitted(user: User) -> bool:
    """Whether the owner may be mailed again: whoever knows the password can ask for it."""
    now = current_scope().now
    with transaction() as writing:
        key = throttle_key(token_keys(), str(user.id), purpose=LOST_FACTOR)
        wait = admit(writing, key, now=now)
    if wait is not None:
        opens_at = local_time_soon(whole_minute(now + wait), now=now)
        flash(_("You can send it again at %(when)s.", when=opens_at), "error")
    return wait is None


@blueprint.route("/remove_second_factor/<token>", methods=["GET", "POST"])
@limit_posts
def begin_removal(token: str) -> str | Response:
    """The button behind the mailed link. Opening the page changes nothing."""
    return BEGIN_LINK.open(token, _find_to_begin, _begin)


@blueprint.route("/keep_second_factor/<token>", methods=["GET", "POST"])
@limit_posts
def keep_second_factor(token: str) -> str | Response:
    """The button behind the link that stops the removal. Opening the page changes nothing."""
    return KEEP_LINK.open(token, _find_to_keep, _keep)


@blueprint.post("/settings/two_step/keep")
@limit_posts
@login_required
def keep_my_second_factor() -> Response:
    """The button on every signed-in page while a removal waits."""
    with transaction() as writing:
        recovery.keep(writing, current_user.user.id, current_scope())
    _say_kept()
    return redirect(home())


def _find_to_begin(token: str) -> User | None:
    return recovery.find_to_begin(db.session, token_keys(), token, now=current_scope().now)


def _begin(token: str, user: User) -> str | Response:
    if request.method != "POST":
        return render_template("accounts/second_factor_removal.html", account=user, hours=HOURS)
    with transaction() as writing:
        ends_at = recovery.begin_removal(
            writing, current_outbox(), token_keys(), token, current_scope()
        )
    if ends_at is None:
        return BEGIN_LINK.refuse()
    BEGIN_LINK.forget()
    return _begun(ends_at)


def _begun(ends_at: datetime) -> Response:
    when = local_time(ends_at)
    flash(
        _("You can sign in with your password alone from %(when)s, if nobody objects.", when=when),
        "success",
    )
    return redirect(url_for("accounts.login"))


def _find_to_keep(token: str) -> User | None:
    return recovery.find_to_keep(db.session, token_keys(), token, now=current_scope().now)


def _keep(token: str, user: User) -> str | Response:
    if request.method != "POST":
        return render_template("accounts/second_factor_keep.html", account=user)
    with transaction() as writing:
        kept = recovery.keep_by_link(writing, token_keys(), token, current_scope())
    if not kept:
        return KEEP_LINK.refuse()
    KEEP_LINK.forget()
    _say_kept()
    return redirect(url_for("accounts.login"))


def _say_kept() -> None:
    flash(
        _(
            "Two-step sign-in stays on. If it wasn't you who asked, change your password now:"
            " somebody knows it and reads your email."
        ),
        "success",
    )
