"""The pages of timelines: HTTP only."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app, flash, jsonify, redirect, render_template
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from microblog.accounts.pages.reader import reader_id
from microblog.accounts.pages.verified import is_verified
from microblog.blog import drafts, feeds, person_views, post_views, rendering, timeline
from microblog.blog.forms import PostForm
from microblog.blog.posts import write_post
from microblog.blog.rendering import cursor, timeline_context
from microblog.blog.timeline import Cursor
from microblog.database import db, transaction, utc_now
from microblog.people import intents
from microblog.people.text import TAG_MAXIMUM, has_hidden, tag_key
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("blog", __name__)


def init_app(app: Flask) -> None:
    """Add all pages of the blog to the site."""
    # The first page has an endpoint that lower packages can link to without knowing the blog.
    app.add_url_rule("/", endpoint="index", view_func=index, methods=["GET", "POST"])
    app.add_url_rule("/index", view_func=index, methods=["GET", "POST"])
    app.register_blueprint(blueprint)
    app.register_blueprint(post_views.blueprint)
    person_views.init_app(app)
    rendering.init_app(app)


@limit_posts
def index() -> str | Response:
    if not current_user.is_authenticated:
        return render_template("blog/welcome.html", **timeline_context(_newest_of_all()))
    intents.follow_now()
    form = PostForm()
    if form.validate_on_submit():
        with transaction() as writing:
            write_post(writing, user_id=current_user.user.id, body=form.post.data, now=utc_now())
        drafts.forget_draft()
        flash(_("Your post is live."), "success")
        return redirect(home())
    _keep_or_show_draft(form)
    page = timeline.home(db.session, current_user.user.id, cursor())
    return render_template("blog/index.html", form=form, **timeline_context(page))


@blueprint.get("/explore")
def explore() -> str:
    page = timeline.explore(db.session, reader_id(), cursor())
    return render_template("blog/explore.html", **timeline_context(page))


@blueprint.get("/explore.atom")
def explore_feed() -> FlaskResponse:
    return feeds.response(_("All posts"), "blog.explore", _newest_of_all())


@blueprint.get("/tag/<tag>")
def tagged(tag: str) -> str | Response:
    key = _known_tag(tag)
    page = timeline.with_tag(db.session, key, reader_id(), cursor())
    return render_template("blog/tag.html", tag=key, **timeline_context(page))


@blueprint.get("/tag/<tag>.atom")
def tagged_feed(tag: str) -> FlaskResponse:
    key = _known_tag(tag)
    page = timeline.with_tag(db.session, key, None, Cursor())
    return feeds.response(f"#{key}", "blog.tagged", page, tag=key)


@blueprint.get("/newer_posts/<int:post_id>")
@login_required
def newer_posts(post_id: int) -> FlaskResponse:
    """How many newer posts the home timeline has, for the hint on the page."""
    count = timeline.count_newer(db.session, current_user.user.id, min(post_id, timeline.LATEST))
    answer = jsonify(count=count)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    return current_app.send_static_file("favicon.svg")


@blueprint.get("/robots.txt")
def robots() -> Response:
    return current_app.send_static_file("robots.txt")


def _keep_or_show_draft(form: PostForm) -> None:
    """Keep what a newcomer may not post yet; show what was kept in an empty form."""
    if form.is_submitted():
        if not is_verified():
            drafts.keep_draft(form.post.data or "")
    elif drafts.kept_draft():
        form.post.data = drafts.kept_draft()
        form.post.description = _("We've kept your draft.")


def _newest_of_all() -> timeline.Page:
    return timeline.explore(db.session, None, Cursor())


def _known_tag(tag: str) -> str:
    # Normalising composes at most four code points into one.
    key = tag_key(tag) if len(tag) <= 4 * TAG_MAXIMUM else ""
    if not key or len(key) > TAG_MAXIMUM or has_hidden(key) or "\n" in key or "\t" in key:
        abort(404)
    return key
