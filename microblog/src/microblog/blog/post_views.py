"""The pages of one post: reading, changing, removing. HTTP only."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from microblog.accounts.pages.forms import EmptyForm
from microblog.blog.forms import EditPostForm
from microblog.blog.models import Post
from microblog.blog.posts import delete_post, edit_post, find_post, own_post
from microblog.blog.rendering import post_context, reader_id
from microblog.database import db, transaction, utc_now
from microblog.web.links import home
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("posts", __name__, url_prefix="/post")


@blueprint.get("/<int:number>")
def show(number: int) -> str:
    post = find_post(db.session, number, reader_id()) or abort(404)
    return render_template("blog/post.html", post=post, **post_context([post]))


@blueprint.route("/<int:number>/edit", methods=["GET", "POST"])
@limit_posts
@login_required
def edit(number: int) -> str | Response:
    post = _own(number)
    form = EditPostForm(post=post.body)
    if form.validate_on_submit():
        with transaction() as writing:
            own = own_post(writing, number, current_user.user.id) or abort(404)
            changed = edit_post(writing, own, form.post.data, now=utc_now())
        if changed:
            flash(_("Your changes have been saved."), "success")
        return redirect(url_for("posts.show", number=number))
    return render_template("blog/edit_post.html", form=form, post=post)


@blueprint.route("/<int:number>/delete", methods=["GET", "POST"])
@limit_posts
@login_required
def delete(number: int) -> str | Response:
    """Asks first: what is removed is gone."""
    post = _own(number)
    form = EmptyForm()
    if request.method == "POST" and form.validate():
        with transaction() as writing:
            delete_post(writing, own_post(writing, number, current_user.user.id) or abort(404))
        flash(_("Your post was deleted."), "success")
        return redirect(home())
    return render_template("blog/delete_post.html", form=form, post=post, **post_context([post]))


def _own(number: int) -> Post:
    return own_post(db.session, number, current_user.user.id) or abort(404)
