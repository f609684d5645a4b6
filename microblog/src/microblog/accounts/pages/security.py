"""The pages of one's sessions and of the security log. HTTP only."""

from __future__ import annotations

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user, login_required, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.actions import refused_mail
from microblog.accounts.actions.refused_mail import Refusal
from microblog.accounts.audit import security_log
from microblog.accounts.audit.security_log import Cursor, Group
from microblog.accounts.pages.blueprint import blueprint
from microblog.accounts.pages.labels import GROUPS, line, methods_in_words
from microblog.accounts.sessions import sessions
from microblog.database import db, transaction
from microblog.web.clients import browser_in_words
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope
from microblog.web.settings_pages import add_settings_page


def init_app(app: Flask) -> None:
    add_settings_page(
        app,
        "accounts.open_sessions",
        _l("Devices"),
        _l("Where you're signed in"),
        icon="laptop",
        position=40,
    )
    add_settings_page(
        app,
        "accounts.security_history",
        _l("Security log"),
        _l("Sign-ins, changes and emails"),
        icon="shield",
        position=50,
    )
    app.jinja_env.globals["mail_refusal"] = mail_refusal
    app.jinja_env.filters["device_icon"] = device_icon
    app.jinja_env.filters["browser_in_words"] = browser_in_words
    app.jinja_env.filters["methods_in_words"] = methods_in_words


@blueprint.get("/settings/sessions")
@login_required
def open_sessions() -> str:
    shown = sessions.open_sessions(db.session, current_user.user.id, now=current_scope().now)
    return render_template("accounts/sessions.html", sessions=shown)


@blueprint.post("/settings/sessions/<int:session_id>/end")
@limit_posts
@login_required
def end_session(session_id: int) -> Response:
    is_this = session_id == current_user.session.id
    with transaction() as writing:
        ended = sessions.end_session(writing, current_user, session_id, current_scope())
    if is_this:
        logout_user()
        return redirect(home())
    if ended:
        flash(_("That device is signed out."), "success")
    else:
        flash(_("You're no longer signed in there."), "info")
    return redirect(url_for("accounts.open_sessions"))


@blueprint.post("/settings/sessions/end_others")
@limit_posts
@login_required
def end_other_sessions() -> Response:
    with transaction() as writing:
        count = sessions.log_out_elsewhere(writing, current_user, current_scope())
    if count:
        flash(
            ngettext(
                "%(num)d other device was signed out.",
                "%(num)d other devices were signed out.",
                count,
            ),
            "success",
        )
    else:
        flash(_("You weren't signed in anywhere else."), "info")
    return redirect(url_for("accounts.open_sessions"))


@blueprint.get("/settings/security")
@login_required
def security_history() -> str:
    asked = request.args.get("show")
    group = Group(asked) if asked in set(Group) else Group.ALL
    page = security_log.history(
        db.session,
        current_user.user,
        now=current_scope().now,
        cursor=Cursor.of(request.args.get("before"), request.args.get("after")),
        group=group,
    )
    return render_template(
        "accounts/security_log.html",
        page=page,
        lines=[line(entry) for entry in page.entries],
        group=group,
        groups=GROUPS,
        days=security_log.KEPT.days,
    )


@blueprint.post("/settings/mail/try_again")
@limit_posts
@login_required
def try_mail_again() -> Response:
    with transaction() as writing:
        tried = refused_mail.try_again(
            writing, current_outbox(), current_user.user, current_scope()
        )
    if tried:
        flash(
            _("We're emailing %(email)s again, starting with a message that says so.", email=tried),
            "success",
        )
    else:
        flash(_("You can try this once a day. Try again tomorrow."), "info")
    return redirect(url_for("accounts.security_history"))


def device_icon(browser: str) -> str:
    """The icon for the device that a browser of this name runs on."""
    return "phone" if browser.endswith(("iOS", "Android")) else "laptop"


def mail_refusal() -> Refusal | None:
    """Return why no mail reaches the visitor, if that is so; for the layout of every page."""
    if not current_user.is_authenticated:
        return None
    try:
        return refused_mail.refusal(db.session, current_user.user)
    except SQLAlchemyError:
        # It may be the page that says that the database failed.
        return None
