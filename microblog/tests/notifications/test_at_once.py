"""Notifications that are written, taken back, hidden and read at the same time."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import delete, select

from microblog.blog import likes
from microblog.blog.models import Post
from microblog.blog.posts import edit_post, find_post_locked, write_post
from microblog.database import db, transaction, utc_now
from microblog.notifications import groups, notifications
from microblog.notifications.models import Notification
from microblog.people import relations
from microblog.people.models import Block
from tests.people.test_people_at_once import act, at_once
from tests.visitor import make_user

TRIES = 20


def open_page(reader: int) -> set[int]:
    """Open the page; return the ids of the groups that were shown as new."""
    now = utc_now()
    with transaction() as writing:
        notifications.mark_read(writing, reader, now=now)
    page = groups.find_groups(db.session, reader, opened_at=now)
    db.session.rollback()
    return {group.id for group in page.groups if group.is_new}


def unread(reader: int) -> int:
    """What is counted, once nothing is going on: exactly what the page shows as new."""
    page = groups.find_groups(db.session, reader, opened_at=utc_now(), is_read=False)
    count = notifications.count_unread(db.session, reader)
    db.session.rollback()
    assert sum(group.is_new for group in page.groups) == count
    return count


def write(author: int, body: str, reply_to: int | None = None) -> int:
    with transaction() as writing:
        made = write_post(writing, user_id=author, body=body, now=utc_now(), reply_to=reply_to)
        return made.id


def test_two_tabs_that_read_while_one_writes_show_each_as_new(app: Flask) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    new: set[int] = set()

    def read() -> None:
        new.update(open_page(susan))

    at_once(app, TRIES, read, read, lambda: write(bob, "Hello @susan"), between=lambda: None)
    with app.app_context():
        left = unread(susan)
        new.update(open_page(susan))
        assert unread(susan) == 0
        assert left <= TRIES
        assert new == {*db.session.scalars(select(Notification.id))}
        assert len(new) == TRIES


def test_likes_that_come_and_go_while_they_are_read_leave_one_or_none(app: Flask) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    with app.app_context():
        post = write(susan, "Hello")

    def like() -> None:
        for action in (likes.like, likes.unlike):
            with transaction() as writing:
                found = find_post_locked(writing, post, bob)
                assert found
                if action is likes.like:
                    likes.like(writing, found, bob, now=utc_now())
                else:
                    likes.unlike(writing, found, bob)

    def check() -> None:
        with transaction() as reading:
            kinds = reading.scalars(select(Notification.kind)).all()
        # Two tabs like and unlike, so that the last word is that of either.
        assert kinds in ([], ["like"], ["unlike"])
        assert unread(susan) <= 1

    at_once(app, TRIES, like, like, lambda: open_page(susan), between=check)


@pytest.mark.parametrize("blocker", ["susan", "bob"])
def test_nothing_unread_remains_of_somebody_who_is_blocked_meanwhile(
    app: Flask, blocker: str
) -> None:
    susan, bob = make_user(app, "susan"), make_user(app, "bob")
    ids = {"susan": susan, "bob": bob}
    blocked = "bob" if blocker == "susan" else "susan"

    def begin_again() -> None:
        assert unread(susan) == 0
        with transaction() as writing:
            writing.execute(delete(Block))
            writing.execute(delete(Notification))

    at_once(
        app,
        TRIES,
        lambda: write(bob, "Hello @susan"),
        lambda: act(ids[blocker], blocked, relations.block),
        between=begin_again,
    )


def test_edits_that_drop_and_add_mentions_while_they_are_read(app: Flask) -> None:
    susan, bob, eve = (make_user(app, name) for name in ("susan", "bob", "eve"))
    with app.app_context():
        post = write(bob, "Nobody")

    def edit() -> None:
        for body in ("@susan @eve", "Nobody"):
            with transaction() as writing:
                edit_post(writing, writing.get_one(Post, post), body, now=utc_now())

    at_once(
        app,
        TRIES,
        edit,
        lambda: open_page(susan),
        lambda: open_page(eve),
        between=lambda: [unread(reader) for reader in (susan, eve)],
    )
    with app.app_context():
        assert (unread(susan), unread(eve)) == (0, 0)
