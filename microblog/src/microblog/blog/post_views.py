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
from microblog.web.links import safe_next
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("posts", __name__, url_prefix="/post")


@blueprint.get("/<int:post_id>")
def show(post_id: int) -> str:
    post = find_post(db.session, post_id, reader_id()) or abort(404)
    return render_template("blog/post.html", post=post, **post_context([post]))


@blueprint.route("/<int:post_id>/edit", methods=["GET", "POST"])
@limit_posts
@login_required
def edit(post_id: int) -> str | Response:
    post = _own(post_id)
    form = EditPostForm(post=post.body)
    if form.validate_on_submit():
        with transaction() as writing:
            own = own_post(writing, post_id, current_user.user.id) or abort(404)
            changed = edit_post(writing, own, form.post.data, now=utc_now())
        if changed:
            flash(_("Your changes have been saved."), "success")
        return redirect(url_for("posts.show", post_id=post_id))
    return render_template("blog/edit_post.html", form=form, post=post)


@blueprint.route("/<int:post_id>/delete", methods=["GET", "POST"])
@limit_posts
@login_required
def delete(post_id: int) -> str | Response:
    """Ask first, since a deleted post cannot be restored."""
    post = _own(post_id)
    form = EmptyForm()
    # Where the reader was: a list of posts, unless it was the page of this one.
    origin = safe_next(request.args["next"]) if "next" in request.args else None
    if request.method == "POST" and form.validate():
        with transaction() as writing:
            delete_post(writing, own_post(writing, post_id, current_user.user.id) or abort(404))
        flash(_("Your post was deleted."), "success")
        return redirect(origin or url_for("people.profile", username=current_user.user.username))
    return render_template(
        "blog/delete_post.html",
        form=form,
        post=post,
        origin=origin or url_for("posts.show", post_id=post_id),
        **post_context([post]),
    )


def _own(post_id: int) -> Post:
    return own_post(db.session, post_id, current_user.user.id) or abort(404)
