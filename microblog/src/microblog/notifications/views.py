"""The pages of notifications, their count, and the choice of kinds. HTTP only."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from flask import (
    Blueprint,
    Flask,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user, login_required
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from flask_outbox.database_errors import is_outage
from microblog.blog.rendering import bodies
from microblog.database import MAX_ID, db, transaction, utc_now
from microblog.messages.views import unread_conversations
from microblog.notifications import groups, notifications, receivers
from microblog.notifications.forms import KindsForm
from microblog.notifications.notifications import COUNTED_MAXIMUM, KINDS, WRITTEN_TO_READER, Kind
from microblog.people.relations import pictures
from microblog.web.links import parse_id
from microblog.web.ratelimits import limit_posts
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("notifications", __name__)


def init_app(app: Flask) -> None:
    """Add the pages of notifications to the site, and listen to what the packages below tell."""
    receivers.connect()
    app.register_blueprint(blueprint)
    app.jinja_env.globals["unread_notifications"] = unread_notifications
    add_settings_page(
        app,
        "notifications.choose",
        _l("Notifications"),
        _l("What you hear about"),
        icon="bell",
        position=57,
    )


def unread_notifications() -> int:
    """How many notifications the reader has not seen, for the badge on every page.

    A conversation in which something is new counts as one.
    """
    return notifications.count_unread(db.session, current_user.user.id) + unread_conversations()


@blueprint.get("/notifications")
@login_required
def index() -> FlaskResponse:
    return _page("all", KINDS)


@blueprint.get("/notifications/mentions")
@login_required
def mentions() -> FlaskResponse:
    return _page("mentions", WRITTEN_TO_READER)


@blueprint.get("/notifications/unread")
@login_required
def unread() -> FlaskResponse:
    """The count for the badge of a page that is open, in figures and in words."""
    count = unread_notifications()
    words = ngettext("%(num)d new notification", "%(num)d new notifications", count)
    if count >= COUNTED_MAXIMUM:
        words = _("More than %(num)d new notifications", num=COUNTED_MAXIMUM - 1)
    label = str(count) if count < COUNTED_MAXIMUM else f"{COUNTED_MAXIMUM - 1}+"
    return _not_stored(jsonify(count=count, label=label, words=words))


@blueprint.route("/settings/notifications", methods=["GET", "POST"])
@limit_posts
@login_required
def choose() -> str | Response:
    wanted = notifications.wanted_kinds(db.session, current_user.user.id)
    form = KindsForm(data={kind.value: kind in wanted for kind in KINDS})
    if form.validate_on_submit():
        chosen = {kind for kind in KINDS if form[kind.value].data}
        with transaction() as writing:
            notifications.choose_kinds(writing, current_user.user.id, chosen)
        flash(_("Your changes have been saved."), "success")
        return redirect(url_for("notifications.choose"))
    return render_template("notifications/preferences.html", form=form)


def _page(tab: str, kinds: Collection[Kind]) -> FlaskResponse:
    now = utc_now()
    before = parse_id(request.args.get("before")) or MAX_ID
    page = groups.find_groups(
        db.session,
        current_user.user.id,
        kinds,
        before=before,
        opened_at=now,
        is_read=_mark_read(kinds, before, now),
    )
    posts = {one.id: one for group in page.groups for one in (group.post, group.answered) if one}
    people = {person.id for group in page.groups for person in group.people}
    html = render_template(
        "notifications/index.html",
        tab=tab,
        page=page,
        is_first=before == MAX_ID,
        bodies=bodies(list(posts.values())),
        pictures=pictures(db.session, people),
    )
    return _not_stored(FlaskResponse(html))


def _mark_read(kinds: Collection[Kind], before: int, now: datetime) -> bool:
    """Mark as read what this page is about to show; return whether that was possible.

    A browser that fetches a page in case it is opened has not shown it to anybody.
    """
    is_fetched_ahead = "prefetch" in request.headers.get("Sec-Purpose", "")
    if request.method != "GET" or is_fetched_ahead:
        return False
    if not notifications.count_unread(db.session, current_user.user.id):
        return True
    try:
        with transaction() as writing:
            notifications.mark_read(writing, current_user.user.id, kinds, before=before, now=now)
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        # They can be read, and stay unread, though the database cannot be written.
        return False
    return True


def _not_stored(answer: Any) -> FlaskResponse:
    """The answer, which no browser keeps: what is unread in it is soon wrong."""
    answer.headers["Cache-Control"] = "no-store"
    response: FlaskResponse = answer
    return response
