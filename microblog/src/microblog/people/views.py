"""The pages of who follows, mutes and blocks whom, and the buttons. HTTP only."""

from __future__ import annotations

from collections.abc import Callable

from flask import (
    Blueprint,
    Flask,
    abort,
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
from flask_login import current_user, login_required
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.reader import reader_id
from microblog.accounts.pages.verified import is_verified
from microblog.database import MAX_ID, db, transaction
from microblog.people import avatars, intents, profile_views, relations
from microblog.people.name_suggestions import suggest_names
from microblog.people.relations import NotPossibleError, Person
from microblog.web.links import parse_id, safe_next
from microblog.web.ratelimits import limit_posts, limit_reading
from microblog.web.settings_pages import add_settings_page

blueprint = Blueprint("people", __name__)

Action = Callable[[Session, int, Person], bool]


def init_app(app: Flask) -> None:
    """Add the pages of people to the site."""
    app.register_blueprint(blueprint)
    app.register_blueprint(profile_views.blueprint)
    profile_views.init_app(app)
    avatars.init_app(app)
    add_settings_page(
        app,
        "people.hidden",
        _l("Blocked and muted"),
        _l("People you don't see"),
        icon="block",
        position=55,
    )
    app.jinja_env.globals["is_followed_later"] = intents.is_followed_later


@blueprint.get("/user/<username>/followers")
def followers(username: str) -> str:
    person = find(username)
    found = relations.followers(db.session, person.user.id, reader_id(), _after())
    heading = _("Followers of %(username)s", username=person.user.username)
    return render_template("people/people.html", heading=heading, found=found)


@blueprint.get("/user/<username>/following")
def following(username: str) -> str:
    person = find(username)
    found = relations.following(db.session, person.user.id, reader_id(), _after())
    heading = _("Followed by %(username)s", username=person.user.username)
    return render_template("people/people.html", heading=heading, found=found)


@blueprint.get("/people/names")
@limit_reading
@login_required
def names() -> FlaskResponse:
    """The people whom the reader may be about to mention, for the list below the field."""
    found = suggest_names(db.session, reader_id() or 0, request.args.get("starts", ""))
    answer = jsonify(people=[{"username": one.username, "name": one.display_name} for one in found])
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/settings/blocked", defaults={"relation": "blocked"})
@blueprint.get("/settings/muted", defaults={"relation": "muted"})
@login_required
def hidden(relation: str) -> str:
    """The people whom the reader blocked or muted."""
    find = relations.blocked if relation == "blocked" else relations.muted
    found = find(db.session, current_user.user.id, _after())
    form = EmptyForm()
    return render_template("people/hidden_people.html", relation=relation, found=found, form=form)


@blueprint.post("/follow/<username>")
@limit_posts
@login_required
def follow(username: str) -> Response:
    if not is_verified():
        return _follow_later(username)
    return _act(username, relations.follow, _("You're following %(username)s.", username=username))


@blueprint.post("/unfollow/<username>")
@limit_posts
@login_required
def unfollow(username: str) -> Response:
    words = _("You're not following %(username)s.", username=username)
    if not is_verified():
        intents.do_not_follow_later(find(username).user.id)
    return _act(username, relations.unfollow, words)


@blueprint.post("/mute/<username>")
@limit_posts
@login_required
def mute(username: str) -> Response:
    words = _(
        "%(username)s is muted. Their posts won't appear in your timelines.", username=username
    )
    return _act(username, relations.mute, words)


@blueprint.post("/unmute/<username>")
@limit_posts
@login_required
def unmute(username: str) -> Response:
    words = _("%(username)s is no longer muted.", username=username)
    return _act(username, relations.unmute, words, blocking=True)


@blueprint.post("/block/<username>")
@limit_posts
@login_required
def block(username: str) -> Response:
    words = _("%(username)s is blocked. You can't see each other's posts.", username=username)
    return _act(username, relations.block, words)


@blueprint.post("/unblock/<username>")
@limit_posts
@login_required
def unblock(username: str) -> Response:
    words = _("%(username)s is no longer blocked.", username=username)
    return _act(username, relations.unblock, words, blocking=True)


def _act(username: str, action: Action, words: str, *, blocking: bool = False) -> Response:
    """Perform the action, flash the result, and redirect to where the form was.

    With `blocking`, the action works for somebody who blocks the reader, too.
    """
    with transaction() as writing:
        reader = current_user.user.id
        found = relations.find_person_locked(writing, username, reader, blocking=blocking)
        person = found or abort(404)
        try:
            action(writing, reader, person)
        except NotPossibleError as error:
            flash(_reasons()[error.reason], "error")
        else:
            flash(words, "success")
    return redirect(_back_to(person))


def _follow_later(username: str) -> Response:
    person = find(username)
    try:
        relations.require_followable(current_user.user.id, person)
    except NotPossibleError as error:
        flash(_reasons()[error.reason], "error")
    else:
        intents.follow_later(person.user.id)
        words = _(
            "You'll follow %(username)s as soon as you confirm your email.",
            username=person.user.username,
        )
        flash(words, "info")
    return redirect(_back_to(person))


def _back_to(person: Person) -> str:
    """The page from which the form was sent, if it says so; else the person's page."""
    profile = url_for("people.profile", username=person.user.username)
    origin = request.form.get("next", request.args.get("next"))
    return profile if origin is None else safe_next(origin)


def _reasons() -> dict[str, str]:
    return {
        "oneself": _("You can't do this to yourself."),
        "blocked": _("You've blocked this person. Unblock them first."),
    }


def find(username: str) -> Person:
    """The person with this name, or 404 if this reader may not see them."""
    return relations.find_person(db.session, username, reader_id()) or abort(404)


def _after() -> int:
    after = parse_id(request.args.get("after"))
    return MAX_ID if after is None else after
