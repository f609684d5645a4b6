"""The site of the benchmark of conversations is one that the pages could have made, and its pages
take as few statements as they should, none of which reads a whole table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text

from benchmarks.conversation_data import READER_ID, THREAD_ID, Amounts, fill, reply_id
from benchmarks.conversations import READER, count_statements, pages_of, small_reader
from microblog.database import Model, db, transaction, utc_now
from microblog.notifications.notifications import prune_notifications
from microblog.people.models import Follow
from tests.visitor import ON_SQLITE, Visitor, make_user

AMOUNTS = Amounts(
    people=12, posts=400, replies=30, likes=200, notifications=60, messages=90, conversations=7
)

LARGER = Amounts(
    people=45, posts=1200, replies=120, likes=900, notifications=300, messages=400, conversations=40
)
"""Enough for more than a page of everything."""

REPLIES = f"SELECT count(*) FROM posts WHERE thread_id = {THREAD_ID}"
BROKEN_REPLIES = """SELECT count(*) FROM posts LEFT JOIN posts AS parents
    ON parents.id = posts.reply_to_id WHERE posts.thread_id IS NOT NULL AND NOT coalesce(
    parents.id < posts.id AND parents.user_id = posts.reply_to_user_id
    AND coalesce(parents.thread_id, parents.id) = posts.thread_id, FALSE)"""
MENTIONED_IN_WORDS = """SELECT count(*) FROM mentions JOIN posts ON posts.id = post_id
    JOIN users ON users.id = mentions.user_id WHERE body LIKE '%@' || username || '.'"""
BROKEN_MESSAGES = """SELECT count(*) FROM messages JOIN conversations
    ON conversations.id = conversation_id WHERE sender_id NOT IN (first_id, second_id)"""
PARTICIPATIONS = """SELECT count(*) FROM participations WHERE last_message_id =
    (SELECT max(id) FROM messages WHERE conversation_id = participations.conversation_id)"""
NOTIFICATIONS = f"SELECT count(*) FROM notifications WHERE user_id = {READER_ID}"
CAUSES = {
    "like": "EXISTS (SELECT 1 FROM likes WHERE user_id = actor_id AND likes.post_id = n.post_id)",
    "reply": "(SELECT reply_to_user_id FROM posts WHERE id = post_id AND user_id = actor_id) = 1",
    "follow": "EXISTS (SELECT 1 FROM follows WHERE follower_id = actor_id AND followed_id = 1)",
}
"""What must be true of a notification of each kind."""


def count(statement: str) -> int:
    return int(db.session.execute(text(statement)).scalar_one())


def filled(app: Flask, amounts: Amounts = AMOUNTS) -> None:
    for number in range(amounts.people):
        make_user(app, f"user{number}")
    with app.app_context():
        assert len(list(fill(db.engine, amounts))) >= 4
        with transaction() as writing:
            followed = range(2, amounts.people)
            writing.add_all(Follow(follower_id=READER_ID, followed_id=one) for one in followed)


def test_the_site_has_what_it_should_have_and_all_of_it_fits(app: Flask) -> None:
    filled(app)
    with app.app_context():
        assert count("SELECT count(*) FROM posts") == 400
        assert count("SELECT count(*) FROM posts WHERE reply_to_id IS NOT NULL") == 100
        assert (count(REPLIES), count(BROKEN_REPLIES)) == (30, 0)
        assert count(REPLIES.replace("count(*)", "min(id)")) == reply_id(AMOUNTS, 1)
        assert count(REPLIES.replace("count(*)", "max(id)")) == reply_id(AMOUNTS, 30)
        assert count(MENTIONED_IN_WORDS) == count("SELECT count(*) FROM mentions") == 40
        assert count("SELECT count(*) FROM messages WHERE conversation_id = 1") == 45
        assert count("SELECT count(DISTINCT conversation_id) FROM messages") == 7
        assert count(BROKEN_MESSAGES) == 0
        assert count(PARTICIPATIONS) == count("SELECT count(*) FROM participations") == 14


def test_each_notification_has_its_cause(app: Flask) -> None:
    filled(app)
    with app.app_context():
        assert count(NOTIFICATIONS) == count(f"{NOTIFICATIONS} AND actor_id <> user_id")
        assert count(f"{NOTIFICATIONS} AND read_at IS NULL") > 1
        for kind, cause in CAUSES.items():
            of_kind = f"SELECT count(*) FROM notifications AS n WHERE kind = '{kind}'"
            assert count(f"{of_kind} AND {cause}") == count(of_kind) > 0, kind


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"replies": 101}, "Of 400 posts, 100 are replies"),
        ({"conversations": 12}, "12 people cannot have 12"),
    ],
)
def test_amounts_must_fit_each_other(app: Flask, changes: dict[str, int], words: str) -> None:
    amounts = Amounts(**vars(AMOUNTS) | changes)
    with app.app_context(), pytest.raises(ValueError, match=words):
        next(fill(db.engine, amounts))


def logged_in(app: Flask, name: str) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in(name)
    return visitor


@ON_SQLITE
def test_pages_take_as_many_statements_for_many_rows_as_for_few(app: Flask) -> None:
    filled(app, LARGER)
    reader, other = logged_in(app, READER), logged_in(app, small_reader(LARGER))
    counts = {
        page.name: (
            count_statements(app, other, page.small),
            count_statements(app, reader, page.first),
            count_statements(app, reader, page.far),
        )
        for page in pages_of(LARGER)
    }
    assert {name: found for name, found in counts.items() if len(set(found)) > 1} == {}


@ON_SQLITE
def test_no_page_reads_a_whole_table(app: Flask) -> None:
    filled(app, LARGER)
    reader = logged_in(app, READER)
    for page in pages_of(LARGER):
        for path in (page.first, page.far):
            with explained(app) as plans:
                reader.get(path)
            assert len(plans) > 3
            assert [plan for plan in plans if scans(plan)] == [], path


@ON_SQLITE
def test_old_notifications_are_found_by_an_index(app: Flask) -> None:
    filled(app)
    with app.app_context(), explained(app) as plans, transaction() as writing:
        assert not prune_notifications(writing, utc_now() + timedelta(days=365))
    indexes = " ".join(step for plan in plans for step in plan)
    assert "ix_notifications_read_at" in indexes
    assert "ix_notifications_withdrawn" in indexes
    assert [plan for plan in plans if scans(plan)] == []


@ON_SQLITE
def test_a_scan_of_a_table_is_seen(app: Flask) -> None:
    filled(app, AMOUNTS)
    with app.app_context(), explained(app) as plans:
        db.session.execute(text("SELECT count(*) FROM posts WHERE body = 'none'"))
        db.session.execute(text("SELECT count(*) FROM posts AS posts_1 WHERE id = 1"))
    assert [bool(scans(plan)) for plan in plans] == [True, False]


@contextmanager
def explained(app: Flask) -> Iterator[list[list[str]]]:
    """Collect the plans of SQLite for all that is read in the block."""
    plans: list[list[str]] = []
    with app.app_context():
        engine = db.engine

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, *_more: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found = cursor.execute(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append([row[-1] for row in found])

    event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        event.remove(engine, "before_cursor_execute", explain)


def scans(plan: list[str]) -> list[str]:
    """The steps of a plan that read all of a table, which may have an alias."""
    tables = "|".join(Model.metadata.tables)
    return [step for step in plan if re.match(rf"SCAN ({tables})(_\d+)?\b", step)]
