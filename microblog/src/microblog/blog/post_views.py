"""The pages and buttons of one post: reading, answering, changing, deleting, liking. HTTP only."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.reader import reader_id
from microblog.accounts.pages.verified import is_verified
from microblog.blog import likes, threads
from microblog.blog.deletion import delete_post, restore_post
from microblog.blog.forms import EditPostForm, ReplyForm
from microblog.blog.models import Post
from microblog.blog.posts import (
    NotAnswerableError,
    edit_post,
    find_post,
    find_post_locked,
    own_post,
    write_post,
)
from microblog.blog.rendering import post_context, thread_context
from microblog.database import db, transaction, utc_now
from microblog.web.links import parse_id, safe_next
from microblog.web.ratelimits import limit_posts

blueprint = Blueprint("posts", __name__, url_prefix="/post")


@blueprint.get("/<int:post_id>")
def show(post_id: int) -> str:
    """The post, what it answers, and what answers it."""
    post = find_post(db.session, post_id, reader_id()) or abort(404)
    return _thread(post, ReplyForm(formdata=None))


@blueprint.post("/<int:post_id>")
@limit_posts
@login_required
def reply(post_id: int) -> str | Response | tuple[str, int]:
    form = ReplyForm()
    if form.validate_on_submit():
        user_id, body = current_user.user.id, form.post.data
        try:
            with transaction() as writing:
                written = write_post(
                    writing, user_id=user_id, body=body, now=utc_now(), reply_to=post_id
                )
        except NotAnswerableError:
            form.post.errors = [_("This post isn't available.")]
        else:
            flash(_("Your reply is live."), "success")
            return redirect(url_for("posts.show", post_id=written.id))
    post = find_post(db.session, post_id, current_user.user.id)
    if post is None:
        # What was typed is kept, whatever became of the post.
        return render_template("blog/kept_reply.html", form=form, **post_context([])), 404
    return _thread(post, form)


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
        return _answer(post_id, url_for("posts.show", post_id=post_id))
    return render_template("blog/edit_post.html", form=form, post=post)


@blueprint.route("/<int:post_id>/delete", methods=["GET", "POST"])
@limit_posts
@login_required
def delete(post_id: int) -> str | Response:
    """Delete at once where a button was pressed; ask who came by a link."""
    post = _own(post_id)
    form = EmptyForm()
    if form.validate_on_submit():
        with transaction() as writing:
            own = own_post(writing, post_id, current_user.user.id) or abort(404)
            delete_post(writing, own, now=utc_now())
        flash(_deleted(post_id), "success")
        return _answer(post_id, _after_deletion(post))
    return render_template(
        "blog/delete_post.html",
        form=form,
        post=post,
        origin=_origin() or url_for("posts.show", post_id=post_id),
        **post_context([post]),
    )


@blueprint.post("/<int:post_id>/restore")
@limit_posts
@login_required
def restore(post_id: int) -> str | Response:
    with transaction() as writing:
        restored = restore_post(writing, post_id, current_user.user.id, now=utc_now())
    if restored is None:
        flash(_("This post can't be brought back."), "error")
        return _answer(post_id, _origin() or url_for("index"))
    flash(_("Your post is back."), "success")
    return _answer(post_id, _back_to(post_id))


@blueprint.post("/<int:post_id>/like")
@limit_posts
@login_required
def like(post_id: int) -> str | Response:
    if not is_verified():
        flash(_("Confirm your email before liking posts."), "error")
        return _answer(post_id, _back_to(post_id))
    with transaction() as writing:
        user_id = current_user.user.id
        post = find_post_locked(writing, post_id, user_id) or abort(404)
        likes.like(writing, post, user_id, now=utc_now())
    return _answer(post_id, _back_to(post_id))


@blueprint.post("/<int:post_id>/unlike")
@limit_posts
@login_required
def unlike(post_id: int) -> str | Response:
    with transaction() as writing:
        user_id = current_user.user.id
        post = find_post_locked(writing, post_id, user_id) or abort(404)
        likes.unlike(writing, post, user_id)
    return _answer(post_id, _back_to(post_id))


def _answer(post_id: int, page: str) -> str | Response:
    """Redirect to this page; a script that asks for a part gets the post's card as it is now.

    There is none if the post was deleted. What the page would say comes with it.
    """
    part = request.form.get("part")
    if part is None:
        return redirect(page)
    post = find_post(db.session, post_id, reader_id())
    context = post_context([post] if post else [])
    return render_template("blog/part.html", post=post, is_alone=part == "alone", **context)


def _thread(post: Post, form: ReplyForm) -> str:
    after = parse_id(request.args.get("after"))
    thread = threads.read_thread(db.session, post, reader_id(), after=after)
    return render_template("blog/post.html", post=post, form=form, **thread_context(thread))


def _own(post_id: int) -> Post:
    return own_post(db.session, post_id, current_user.user.id) or abort(404)


def _deleted(post_id: int) -> Markup:
    """Say so, with the button that takes it back; it belongs to the form of buttons of its page."""
    address = url_for("posts.restore", post_id=post_id)
    button = Markup(
        '<button class="btn btn-sm btn-outline-secondary" data-here form="acts" formaction="{}">'
        "{}</button>"
    )
    return Markup("{} {}").format(_("Post deleted."), button.format(address, _("Undo")))


def _origin() -> str | None:
    """The page on which the button or the link was, if it says so."""
    given = request.form.get("next", request.args.get("next"))
    return None if given is None else safe_next(given)


def _back_to(post_id: int) -> str:
    """The page on which the button was, at this post; else the post's page."""
    origin = _origin()
    return f"{origin}#post-{post_id}" if origin else url_for("posts.show", post_id=post_id)


def _after_deletion(post: Post) -> str:
    """The page on which the button was; if it was the post's own, what the post answered."""
    origin = _origin()
    if origin and origin.partition("?")[0] != url_for("posts.show", post_id=post.id):
        return origin
    if post.reply_to_id:
        return url_for("posts.show", post_id=post.reply_to_id)
    return url_for("people.profile", username=current_user.user.username)
