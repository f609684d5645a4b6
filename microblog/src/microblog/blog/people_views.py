"""The pages of people: profiles, who follows whom, and the buttons on them. HTTP only."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_login import current_user, login_required
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.verified import is_verified
from microblog.blog import feeds, intents, people, suggestions, timeline
from microblog.blog.people import NotPossibleError, Person
from microblog.blog.rendering import cursor, linked, reader_id, timeline_context
from microblog.blog.timeline import Cursor
from microblog.database import MAX_ID, db, transaction
from microblog.web.links import parse_id, safe_next
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("people", __name__)

Action = Callable[[Session, int, Person], bool]


@blueprint.get("/user/<username>")
def profile(username: str) -> str:
    person = _find(username)
    page = timeline.of_person(db.session, person.user.id, reader_id(), cursor())
    about = linked(person.about_me)
    return render_template(
        "blog/profile.html", person=person, about=about, form=EmptyForm(), **timeline_context(page)
    )


@blueprint.get("/user/<username>.atom")
def profile_feed(username: str) -> FlaskResponse:
    person = people.find_person(db.session, username, None) or abort(404)
    page = timeline.of_person(db.session, person.user.id, None, Cursor())
    name = person.user.username
    return feeds.response(name, "people.profile", page, username=name)


@blueprint.get("/user/<username>/card")
def card(username: str) -> str:
    """A part of a page, which is shown beside a name on which the pointer rests."""
    return render_template("blog/card.html", person=_find(username))


@blueprint.get("/user/<username>/followers")
def followers(username: str) -> str:
    person = _find(username)
    found = people.followers(db.session, person.user.id, reader_id(), _after())
    heading = _("Followers of %(username)s", username=person.user.username)
    return render_template("blog/people.html", heading=heading, found=found)


@blueprint.get("/user/<username>/following")
def following(username: str) -> str:
    person = _find(username)
    found = people.following(db.session, person.user.id, reader_id(), _after())
    heading = _("Followed by %(username)s", username=person.user.username)
    return render_template("blog/people.html", heading=heading, found=found)


@blueprint.get("/people")
@login_required
def suggested() -> str:
    """People to follow."""
    skip = parse_id(request.args.get("skip")) or 0
    after = parse_id(request.args.get("after"))
    found = suggestions.suggest(db.session, current_user.user.id, skip=skip, after=after)
    return render_template("blog/suggestions.html", found=found, form=EmptyForm())


@blueprint.get("/settings/blocked", defaults={"relation": "blocked"})
@blueprint.get("/settings/muted", defaults={"relation": "muted"})
@login_required
def hidden(relation: str) -> str:
    """The people whom the reader blocked or muted."""
    find = people.blocked if relation == "blocked" else people.muted
    found = find(db.session, current_user.user.id, _after())
    form = EmptyForm()
    return render_template("blog/hidden_people.html", relation=relation, found=found, form=form)


@blueprint.post("/follow/<username>")
@limit_posts
@login_required
def follow(username: str) -> Response:
    if not is_verified():
        return _follow_later(username)
    return _act(username, people.follow, _("You're following %(username)s.", username=username))


@blueprint.post("/unfollow/<username>")
@limit_posts
@login_required
def unfollow(username: str) -> Response:
    words = _("You're not following %(username)s.", username=username)
    if not is_verified():
        intents.do_not_follow_later(_find(username).user.id)
    return _act(username, people.unfollow, words)


@blueprint.post("/mute/<username>")
@limit_posts
@login_required
def mute(username: str) -> Response:
    words = _(
        "%(username)s is muted. Their posts won't appear in your timelines.", username=username
    )
    return _act(username, people.mute, words)


@blueprint.post("/unmute/<username>")
@limit_posts
@login_required
def unmute(username: str) -> Response:
    words = _("%(username)s is no longer muted.", username=username)
    return _act(username, people.unmute, words, blocking=True)


@blueprint.post("/block/<username>")
@limit_posts
@login_required
def block(username: str) -> Response:
    words = _("%(username)s is blocked. You can't see each other's posts.", username=username)
    return _act(username, people.block, words)


@blueprint.post("/unblock/<username>")
@limit_posts
@login_required
def unblock(username: str) -> Response:
    words = _("%(username)s is no longer blocked.", username=username)
    return _act(username, people.unblock, words, blocking=True)


def _act(username: str, action: Action, words: str, *, blocking: bool = False) -> Response:
    """Perform the action, flash the result, and redirect to where the form was.

    With `blocking`, the action works for somebody who blocks the reader, too.
    """
    with transaction() as writing:
        reader = current_user.user.id
        found = people.find_person_locked(writing, username, reader, blocking=blocking)
        person = found or abort(404)
        try:
            action(writing, reader, person)
        except NotPossibleError as error:
            flash(_reasons()[error.reason], "error")
        else:
            flash(words, "success")
    return redirect(_back_to(person))


def _follow_later(username: str) -> Response:
    person = _find(username)
    try:
        people.require_followable(current_user.user.id, person)
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
    return safe_next(request.args.get("next")) if "next" in request.args else profile


def _reasons() -> dict[str, str]:
    return {
        "oneself": _("You can't do this to yourself."),
        "blocked": _("You've blocked this person. Unblock them first."),
    }


def _find(username: str) -> Person:
    return people.find_person(db.session, username, reader_id()) or abort(404)


def _after() -> int:
    after = parse_id(request.args.get("after"))
    return MAX_ID if after is None else after
