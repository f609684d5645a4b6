"""Pages where administrators find, disable and enable accounts. HTTP only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.audit import security_log
from microblog.accounts.audit.security_log import Cursor
from microblog.accounts.models import User
from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.labels import line
from microblog.accounts.pages.step_up import needs_step_up
from microblog.accounts.sessions.sessions import open_sessions
from microblog.admin import accounts
from microblog.admin.accounts import Actor, RefusedError, State
from microblog.admin.blueprint import blueprint, log_action
from microblog.admin.forms import AccountSearch
from microblog.admin.labels import why_refused
from microblog.database import MAX_ID, db, transaction
from microblog.web.links import parse_id
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import Scope, current_scope

PAGE_SIZE = 50

Action = Callable[[Session, User, Actor, Scope], bool]


@blueprint.get("/users")
def users() -> str:
    form = AccountSearch()
    shown: dict[str, Any] = {}
    if form.validate():
        found = accounts.search(
            db.session,
            form.text.data or "",
            state=State(form.state.data) if form.state.data else None,
            before=_before(),
            count=PAGE_SIZE + 1,
        )
        shown["found"] = found[:PAGE_SIZE]
        if len(found) > PAGE_SIZE:
            before = found[PAGE_SIZE - 1].id
            shown["older"] = url_for("admin.users", **form.typed(), before=before)
    return render_template("admin/users.html", form=form, **shown)


@blueprint.get("/users/<int:user_id>")
def user(user_id: int) -> str:
    found = _find(db.session, user_id)
    history = security_log.history(
        db.session,
        found,
        now=current_scope().now,
        cursor=Cursor.of(request.args.get("before"), request.args.get("after")),
    )
    return render_template(
        "admin/user.html",
        user=found,
        sessions=len(open_sessions(db.session, user_id, now=current_scope().now)),
        has_second_factor=accounts.has_second_factor(db.session, found),
        is_oneself=found.id == current_user.user.id,
        page=history,
        happened=[(entry, line(entry)) for entry in history.entries],
        days=security_log.KEPT.days,
    )


@blueprint.route("/users/<int:user_id>/disable", methods=["GET", "POST"])
@limit_posts
def disable(user_id: int) -> str | Response:
    return _confirmed(
        user_id,
        accounts.disable,
        "admin/disable.html",
        logged_as="disabled the account",
        done=_("The account is disabled and signed out everywhere."),
        done_before=_("This account is already disabled."),
    )


@blueprint.route("/users/<int:user_id>/enable", methods=["GET", "POST"])
@limit_posts
def enable(user_id: int) -> str | Response:
    return _confirmed(
        user_id,
        accounts.enable,
        "admin/enable.html",
        logged_as="enabled the account",
        done=_("The account is enabled."),
        done_before=_("This account isn't disabled."),
    )


@blueprint.route("/users/<int:user_id>/reset", methods=["GET", "POST"])
@limit_posts
def start_reset(user_id: int) -> str | Response:
    def act(writing: Session, account: User, actor: Actor, scope: Scope) -> bool:
        accounts.send_reset(writing, current_outbox(), account, actor, scope)
        return True

    return _confirmed(
        user_id,
        act,
        "admin/reset.html",
        logged_as="started a reset for the account",
        done=_("A reset link is on its way to the account's address."),
    )


@blueprint.route("/users/<int:user_id>/second_factor", methods=["GET", "POST"])
@limit_posts
@needs_step_up
def reset_second_factor(user_id: int) -> str | Response:
    def act(writing: Session, account: User, actor: Actor, scope: Scope) -> bool:
        return accounts.reset_second_factor(writing, current_outbox(), account, actor, scope)

    return _confirmed(
        user_id,
        act,
        "admin/second_factor.html",
        logged_as="removed the second factor of the account",
        done=_("Two-step sign-in is off, and the owner was told."),
        done_before=_("This account has no second factor."),
    )


def _confirmed(
    user_id: int, act: Action, template: str, *, logged_as: str, done: str, done_before: str = ""
) -> str | Response:
    """Show the page that asks; once its button is pressed, act, log it, and flash the result."""
    form = EmptyForm()
    if not form.validate_on_submit():
        return render_template(template, user=_find(db.session, user_id), form=form)
    try:
        with transaction() as writing:
            account = _find(writing, user_id)
            name, changed = account.username, act(writing, account, _actor(), current_scope())
    except RefusedError as error:
        flash(why_refused(error), "error")
    else:
        if changed:
            log_action(f"{logged_as} {name} ({user_id})")
        flash(done if changed else done_before, "success" if changed else "info")
    return redirect(url_for("admin.user", user_id=user_id))


def _find(session: Session, user_id: int) -> User:
    return accounts.find(session, user_id) or abort(404)


def _actor() -> Actor:
    return Actor(current_user.user.username, current_user.user.id)


def _before() -> int:
    before = parse_id(request.args.get("before"))
    return MAX_ID if before is None else before
