"""Posts of tests of search, written, edited and deleted as the blog does it."""

from __future__ import annotations

from datetime import datetime

from flask import Flask

from microblog.blog.deletion import delete_post, restore_post
from microblog.blog.models import Post
from microblog.blog.posts import edit_post, write_post
from microblog.database import transaction, utc_now


def write(app: Flask, user_id: int, *bodies: str, now: datetime | None = None) -> list[int]:
    """Write these posts, one after the other; return their ids."""
    moment = now or utc_now()
    with app.app_context(), transaction() as writing:
        return [write_post(writing, user_id=user_id, body=one, now=moment).id for one in bodies]


def edit(app: Flask, post_id: int, body: str) -> None:
    with app.app_context(), transaction() as writing:
        assert edit_post(writing, writing.get_one(Post, post_id), body, now=utc_now())


def delete(app: Flask, post_id: int) -> None:
    with app.app_context(), transaction() as writing:
        assert delete_post(writing, writing.get_one(Post, post_id), now=utc_now())


def restore(app: Flask, post_id: int) -> None:
    with app.app_context(), transaction() as writing:
        author_id = writing.get_one(Post, post_id).user_id
        assert restore_post(writing, post_id, author_id, now=utc_now())
