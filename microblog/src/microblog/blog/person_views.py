"""The pages of people with what they post: profiles, and whom one could follow. HTTP only."""

from __future__ import annotations

from flask import Flask, abort, render_template, request
from flask import Response as FlaskResponse
from flask_login import current_user, login_required

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.reader import reader_id
from microblog.blog import feeds, suggestions, timeline
from microblog.blog.posts import count_posts
from microblog.blog.rendering import cursor, timeline_context
from microblog.blog.timeline import Cursor
from microblog.database import db
from microblog.people import relations
from microblog.people.linking import linked
from microblog.people.views import find
from microblog.web.links import parse_id


def init_app(app: Flask) -> None:
    # Their endpoints are known below the blog, by which they are linked.
    app.add_url_rule("/user/<username>", "people.profile", profile)
    app.add_url_rule("/user/<username>/replies", "people.replies", profile_replies)
    app.add_url_rule("/user/<username>.atom", "people.profile_feed", profile_feed)
    app.add_url_rule("/user/<username>/card", "people.card", card)
    app.add_url_rule("/people", "people.suggested", suggested)


def profile(username: str) -> str:
    return _profile(username, replies=False)


def profile_replies(username: str) -> str:
    return _profile(username, replies=True)


def profile_feed(username: str) -> FlaskResponse:
    person = relations.find_person(db.session, username, None) or abort(404)
    page = timeline.of_person(db.session, person.user.id, None, Cursor())
    name = person.user.username
    return feeds.response(name, "people.profile", page, username=name)


def card(username: str) -> str:
    """A part of a page, which is shown beside a name on which the pointer rests."""
    person = find(username)
    posts = count_posts(db.session, person.user.id)
    return render_template("blog/card.html", person=person, posts=posts)


@login_required
def suggested() -> str:
    """People to follow."""
    skip = parse_id(request.args.get("skip")) or 0
    after = parse_id(request.args.get("after"))
    found = suggestions.suggest(db.session, current_user.user.id, skip=skip, after=after)
    return render_template("blog/suggestions.html", found=found, form=EmptyForm())


def _profile(username: str, *, replies: bool) -> str:
    person = find(username)
    user_id = person.user.id
    page = timeline.of_person(db.session, user_id, reader_id(), cursor(), replies=replies)
    return render_template(
        "blog/profile.html",
        person=person,
        posts=count_posts(db.session, user_id),
        about=linked(person.about_me),
        form=EmptyForm(),
        **timeline_context(page),
    )
