"""The queue of reports for administrators, and what they decide there. HTTP only."""

from __future__ import annotations

from collections.abc import Callable

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from microblog.accounts.pages.forms import EmptyForm
from microblog.admin.accounts import Actor
from microblog.admin.blueprint import blueprint, log_action
from microblog.database import MAX_ID, db, transaction
from microblog.moderation import decisions, queue
from microblog.moderation.forms import RemovalForm
from microblog.moderation.labels import OUTCOMES, REASONS
from microblog.moderation.queue import Entry
from microblog.web.links import parse_id
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope


def count_open() -> int:
    """How many posts and messages wait for a decision."""
    return queue.count_open(db.session)


@blueprint.get("/reports")
def reports() -> str:
    before = parse_id(request.args.get("before"))
    is_resolved = request.args.get("show") == "resolved"
    page = queue.list_reports(
        db.session, resolved=is_resolved, before=MAX_ID if before is None else before
    )
    return render_template(
        "moderation/queue.html",
        page=page,
        is_resolved=is_resolved,
        reasons=REASONS,
        outcomes=OUTCOMES,
    )


@blueprint.post("/reports/<int:report_id>/dismiss")
@limit_posts
def dismiss_report(report_id: int) -> Response:
    def act(writing: Session) -> None:
        decisions.dismiss(writing, report_id, _actor(), now=current_scope().now)

    return _decide(act, f"dismissed the report {report_id}", _("The report was dismissed."))


@blueprint.route("/reports/<int:report_id>/remove", methods=["GET", "POST"])
@limit_posts
def remove_reported(report_id: int) -> str | Response:
    """Ask first, and for a reason if it is a post."""
    entry = queue.find_entry(db.session, report_id)
    if entry is None:
        return _say_resolved() if request.method == "POST" else abort(404)
    if entry.newest.post_id is None:
        return _remove_message(entry)
    form = RemovalForm()
    if not form.validate_on_submit():
        return render_template("moderation/remove.html", form=form, entry=entry)

    def act(writing: Session) -> None:
        decisions.remove_post(
            writing,
            current_outbox(),
            report_id,
            _actor(),
            current_scope(),
            reason=form.reason.data,
        )

    done = _("The post was removed. Its author gets an email.")
    return _decide(act, f"removed the post {entry.newest.post_id}", done)


def _remove_message(entry: Entry) -> str | Response:
    form = EmptyForm()
    if not form.validate_on_submit():
        return render_template("moderation/remove.html", form=form, entry=entry)

    def act(writing: Session) -> None:
        decisions.remove_message(writing, entry.newest.id, _actor(), current_scope())

    done = _("The message was removed.")
    return _decide(act, f"removed the message {entry.newest.message_id}", done)


def _decide(act: Callable[[Session], None], logged: str, done: str) -> Response:
    try:
        with transaction() as writing:
            act(writing)
    except decisions.ResolvedBeforeError:
        return _say_resolved()
    except decisions.GoneError:
        flash(_("It doesn't exist any more. You can dismiss the report."), "error")
    else:
        log_action(logged)
        flash(done, "success")
    return redirect(url_for("admin.reports"))


def _say_resolved() -> Response:
    flash(_("Another administrator has already decided this."), "info")
    return redirect(url_for("admin.reports"))


def _actor() -> Actor:
    return Actor(current_user.user.username, current_user.user.id)
