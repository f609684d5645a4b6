"""The pages on which people report what others wrote. HTTP only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user, login_required
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from microblog.database import db, transaction
from microblog.moderation import reports
from microblog.moderation.forms import ReportForm
from microblog.moderation.reports import Reason
from microblog.web.links import home, safe_next
from microblog.web.ratelimits import limit_posts
from microblog.web.scope import current_scope

blueprint = Blueprint("reports", __name__, url_prefix="/report")

Answer = str | Response
Send = Callable[..., object]


def init_app(app: Flask) -> None:
    app.register_blueprint(blueprint)


@blueprint.route("/post/<int:post_id>", methods=["GET", "POST"])
@limit_posts
@login_required
def report_post(post_id: int) -> Answer:
    def body(session: Session) -> str:
        return reports.find_reportable_post(session, post_id, current_user.user.id).body

    send = partial(reports.report_post, post_id=post_id)
    return _report(body, send, heading=_("Report this post"), origin=_origin() or _post(post_id))


@blueprint.route("/message/<int:message_id>", methods=["GET", "POST"])
@limit_posts
@login_required
def report_message(message_id: int) -> Answer:
    def body(session: Session) -> str:
        return reports.find_reportable_message(session, message_id, current_user.user.id).body

    send = partial(reports.report_message, message_id=message_id)
    return _report(body, send, heading=_("Report this message"), origin=_origin() or home())


def _report(body: Callable[[Session], str], send: Send, *, heading: str, origin: str) -> Answer:
    form = ReportForm()
    try:
        text = body(db.session)
        if not form.validate_on_submit():
            return render_template(
                "moderation/report.html", form=form, body=text, heading=heading, origin=origin
            )
        with transaction() as writing:
            send(
                writing,
                current_user.user.id,
                reason=Reason(form.reason.data),
                comment=form.comment.data or "",
                now=current_scope().now,
            )
    except reports.NotReportableError:
        abort(404)
    except reports.OwnError:
        flash(_("You can't report what you wrote yourself."), "error")
    except reports.ReportedBeforeError:
        flash(_("You've already reported this. The site's admins will look at it."), "info")
    except reports.TooManyReportsError:
        flash(_too_many(), "error")
    else:
        flash(_("Reported. The site's admins will look at it."), "success")
    return redirect(origin)


def _too_many() -> str:
    words: str = ngettext(
        "You've reported %(num)d thing today. Try again tomorrow.",
        "You've reported %(num)d things today. Try again tomorrow.",
        reports.DAILY_MAXIMUM,
    )
    return words


def _origin() -> str | None:
    """The page on which the link was, if it says so."""
    return safe_next(request.args["next"]) if "next" in request.args else None


def _post(post_id: int) -> str:
    return url_for("posts.show", post_id=post_id)
