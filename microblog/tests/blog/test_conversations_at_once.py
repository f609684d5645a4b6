"""Replies and likes beside deletions and blocks: one of two wins, and the other knows."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.blog import likes
from microblog.blog.deletion import delete_post
from microblog.blog.models import Like, Post
from microblog.blog.posts import NotAnswerableError, find_post_locked, write_post
from microblog.database import transaction, utc_now
from microblog.people import relations
from microblog.people.models import Block
from tests.blog.conversations import run, write
from tests.people.test_people_at_once import ON_POSTGRESQL, at_once, count, remove
from tests.visitor import make_user

TRIES = 40


def answer(user_id: int, post_id: int) -> bool:
    try:
        with transaction() as writing:
            write_post(writing, user_id=user_id, body="@bob I", now=utc_now(), reply_to=post_id)
    except NotAnswerableError:
        return False
    return True


def like(user_id: int, post_id: int, *, is_liked: bool = True) -> None:
    with transaction() as writing:
        post = find_post_locked(writing, post_id, user_id)
        if post is None:
            return
        if is_liked:
            likes.like(writing, post, user_id, now=utc_now())
        else:
            likes.unlike(writing, post, user_id)


def test_twenty_likes_at_once_are_one(app: Flask) -> None:
    susan = make_user(app, "susan")
    post = write(app, make_user(app, "bob"))
    found: list[int] = []
    at_once(
        app,
        3,
        *[lambda: like(susan, post)] * 20,
        between=lambda: found.append(count(Like)),
    )
    at_once(
        app,
        1,
        *[lambda: like(susan, post), lambda: like(susan, post, is_liked=False)] * 10,
        between=lambda: found.append(count(Like)),
    )
    assert found[:3] == [1, 1, 1]
    assert found[3] in {0, 1}
    with app.app_context():
        like(susan, post, is_liked=False)
        assert count(Like) == 0


@ON_POSTGRESQL
def test_no_answer_and_no_like_slips_past_a_block(app: Flask) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    post = write(app, bob)
    there: list[tuple[int, int]] = []
    late: list[bool] = []

    def block() -> None:
        with transaction() as writing:
            person = relations.find_person_locked(writing, "susan", bob)
            assert person
            relations.block(writing, bob, person)
            there.append((_count(writing, Post), _count(writing, Like)))

    def begin_again() -> None:
        late.append((count(Post), count(Like)) != there[-1])
        run(app, delete(Block), delete(Like), delete(Post).where(Post.id != post))

    at_once(
        app,
        TRIES,
        lambda: answer(susan, post),
        lambda: like(susan, post),
        block,
        between=begin_again,
    )
    assert late == [False] * TRIES


def test_no_answer_is_to_a_post_that_was_deleted_before(app: Flask) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    post = write(app, bob)
    there: list[int] = []
    late: list[bool] = []

    def remove_post() -> None:
        with transaction() as writing:
            delete_post(writing, writing.get_one(Post, post), now=utc_now())
            there.append(_count(writing, Post))

    def begin_again() -> None:
        late.append(count(Post) != there[-1])
        run(app, delete(Post).where(Post.id != post), update(Post).values(deleted_at=None))

    at_once(app, TRIES, lambda: answer(susan, post), remove_post, between=begin_again)
    assert late == [False] * TRIES


@ON_POSTGRESQL
@pytest.mark.parametrize("whose", ["bob", "carol"])
def test_a_reply_waits_in_no_circle_with_the_deletion_of_an_account(app: Flask, whose: str) -> None:
    """It answers Carol, who answered Bob, and mentions Bob."""
    susan = make_user(app, "susan")
    made: dict[str, int] = {}

    def begin() -> None:
        for name in ("bob", "carol"):
            with transaction() as reading:
                known = reading.scalar(select(User.id).where(User.username == name))
            made[name] = known or make_user(app, name)
        run(app, delete(Post))
        made["first"] = write(app, made["bob"])
        made["second"] = write(app, made["carol"], reply_to=made["first"])

    with app.app_context():
        begin()
    at_once(app, 20, lambda: answer(susan, made["second"]), lambda: remove(whose), between=begin)


def _count(session: Session, table: type) -> int:
    return session.scalar(select(func.count()).select_from(table)) or 0
