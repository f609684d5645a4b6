"""The pages of the blog: HTTP only."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, flash, redirect, render_template
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from microblog.blog import timeline
from microblog.blog.forms import PostForm
from microblog.blog.posts import write_post
from microblog.blog.timeline import Cursor
from microblog.database import db, transaction, utc_now
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("blog", __name__)


def init_app(app: Flask) -> None:
    # The first page has a name that rooms below this one can use without knowing the blog.
    app.add_url_rule("/", endpoint="index", view_func=index, methods=["GET", "POST"])
    app.add_url_rule("/index", view_func=index, methods=["GET", "POST"])
    app.register_blueprint(blueprint)


@limit_posts
def index() -> str | Response:
    if not current_user.is_authenticated:
        newest = timeline.explore(db.session, None, Cursor())
        return render_template("blog/welcome.html", posts=newest.posts[:5])
    form = PostForm()
    if form.validate_on_submit():
        with transaction() as writing:
            write_post(writing, user_id=current_user.user.id, body=form.post.data, now=utc_now())
        flash(_("Your post is now live!"), "success")
        return redirect(home())
    page = timeline.home(db.session, current_user.user.id, Cursor())
    return render_template("blog/index.html", form=form, posts=page.posts)


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    return current_app.send_static_file("favicon.svg")
