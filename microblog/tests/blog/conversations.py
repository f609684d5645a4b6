"""Posts that answer each other, for tests."""

from __future__ import annotations

from typing import Any

from flask import Flask

from microblog.blog.deletion import delete_post
from microblog.blog.likes import like
from microblog.blog.models import Post
from microblog.blog.posts import write_post
from microblog.database import transaction, utc_now


def write(app: Flask, author: int, body: str = "hello", *, reply_to: int | None = None) -> int:
    """Write a post by the site's rules; return its id."""
    with app.app_context(), transaction() as writing:
        return write_post(writing, user_id=author, body=body, now=utc_now(), reply_to=reply_to).id


def delete(app: Flask, post_id: int) -> None:
    with app.app_context(), transaction() as writing:
        assert delete_post(writing, writing.get_one(Post, post_id), now=utc_now())


def add_like(app: Flask, user_id: int, post_id: int) -> None:
    with app.app_context(), transaction() as writing:
        like(writing, writing.get_one(Post, post_id), user_id, now=utc_now())


def run(app: Flask, *statements: Any) -> None:
    with app.app_context(), transaction() as writing:
        for statement in statements:
            writing.execute(statement)
