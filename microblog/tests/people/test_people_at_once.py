"""Concurrent changes between two people: one transaction waits for the other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from microblog.accounts.models import User
from microblog.blog import posts
from microblog.blog.models import Mention
from microblog.database import transaction, utc_now
from microblog.people import relations
from microblog.people.models import Block, Follow
from tests.visitor import make_user

ON_POSTGRESQL = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""SQLite has one writer, so that nothing is written concurrently there."""

TRIES = 200


def at_once(
    app: Flask, tries: int, *actions: Callable[[], Any], between: Callable[[], Any]
) -> None:
    """Run all actions concurrently, `tries` times; call `between` after each time."""
    barrier = threading.Barrier(len(actions) + 1)
    failures: list[SQLAlchemyError] = []

    def repeat(action: Callable[[], Any]) -> None:
        with app.app_context():
            for _ in range(tries):
                barrier.wait(60)
                try:
                    action()
                except SQLAlchemyError as error:
                    failures.append(error)
                barrier.wait(60)

    threads = [threading.Thread(target=repeat, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    with app.app_context():
        for _ in range(tries):
            barrier.wait(60)
            barrier.wait(60)
            between()
    for thread in threads:
        thread.join(60)
    assert failures == []


def act(reader: int, name: str, action: Callable[..., bool]) -> None:
    """Do as the page does; a refusal is no error."""
    with transaction() as writing:
        person = relations.find_person_locked(writing, name, reader)
        if person is not None:
            try:
                action(writing, reader, person)
            except relations.NotPossibleError:
                return


def remove(name: str) -> None:
    with transaction() as writing:
        writing.execute(delete(User).where(User.username == name))


def count(table: Any) -> int:
    with transaction() as reading:
        return reading.scalar(select(func.count()).select_from(table)) or 0


@ON_POSTGRESQL
def test_no_follow_survives_a_concurrent_block(app: Flask) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    survived: list[int] = []

    def begin_again() -> None:
        with transaction() as writing:
            assert writing.scalars(delete(Block).returning(Block.blocker_id)).all() == [bob]
            follows = writing.scalars(delete(Follow).returning(Follow.follower_id)).all()
        survived.append(len(follows))

    at_once(
        app,
        TRIES,
        lambda: act(susan, "bob", relations.follow),
        lambda: act(bob, "susan", relations.block),
        between=begin_again,
    )
    assert survived == [0] * TRIES


@ON_POSTGRESQL
@pytest.mark.parametrize("column", ["disabled_at", "deletes_at"])
def test_nobody_follows_an_account_that_is_hidden_concurrently(app: Flask, column: str) -> None:
    susan = make_user(app, "susan")
    make_user(app, "bob")
    late: list[int] = []

    def hide() -> None:
        with transaction() as writing:
            writing.execute(update(User).where(User.username == "bob").values({column: utc_now()}))
            follows = writing.scalar(select(func.count()).select_from(Follow)) or 0
        late.append(count(Follow) - follows)

    def show() -> None:
        with transaction() as writing:
            writing.execute(update(User).values({column: None}))
            writing.execute(delete(Follow))

    at_once(app, 20, lambda: act(susan, "bob", relations.follow), hide, between=show)
    assert late == [0] * 20


@ON_POSTGRESQL
def test_a_followed_account_can_be_deleted_concurrently(app: Flask) -> None:
    susan = make_user(app, "susan")
    make_user(app, "bob")
    at_once(
        app,
        20,
        lambda: act(susan, "bob", relations.follow),
        lambda: remove("bob"),
        between=lambda: make_user(app, "bob"),
    )


@ON_POSTGRESQL
def test_a_post_can_mention_somebody_who_is_deleted_concurrently(app: Flask) -> None:
    susan = make_user(app, "susan")
    make_user(app, "bob")

    def write() -> None:
        with transaction() as writing:
            posts.write_post(writing, user_id=susan, body="Hello @bob", now=utc_now())

    def begin_again() -> None:
        assert count(Mention) == 0
        make_user(app, "bob")

    at_once(app, 20, write, lambda: remove("bob"), between=begin_again)
