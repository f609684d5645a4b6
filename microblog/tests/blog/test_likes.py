"""Liking posts, and the row of buttons and counts under each."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from sqlalchemy import delete as sql_delete
from sqlalchemy import func, insert, literal, select, update

from microblog.accounts.models import User
from microblog.blog.models import Like
from microblog.blog.reactions import COUNTED_MAXIMUM
from microblog.database import MAX_ID, db, transaction, utc_now
from tests.blog.conversations import add_like, delete, run, write
from tests.blog.test_deletion import press
from tests.blog.test_posts import logged_in
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user, words


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


def labels(visitor: Visitor, path: str = "/explore") -> list[str]:
    """What the buttons for answering and liking are called, whichever is pressed."""
    html = visitor.get(path).text
    return re.findall(r'aria-label="((?:Reply|Like)(?:, \d+)?)"', html)


def liked(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Like)) or 0


def test_a_post_is_liked_once_and_returns_to_its_place(app: Flask, susan: Visitor) -> None:
    write(app, make_user(app, "bob"), "hello")
    token = susan.csrf_token("/")
    for _ in range(2):
        answer = susan.submit(
            "/post/1/like", {"next": "/explore?before=9"}, token=token, follow=False
        )
        assert answer.headers["Location"] == "/explore?before=9#post-1"
        assert labels(susan) == ["Reply", "Like, 1"]
        assert 'formaction="/post/1/unlike" aria-pressed="true"' in susan.get("/explore").text
    assert (
        'formaction="/post/1/like" aria-pressed="false"'
        in logged_in(app, "eva").get("/explore").text
    )
    for _ in range(2):
        press(susan, "/post/1/unlike")
        assert labels(susan) == ["Reply", "Like"]
    assert liked(app) == 0


def test_counting_ends_at_a_thousand(app: Flask, susan: Visitor) -> None:
    write(app, 1, "hello")
    names = (f"member{number}" for number in range(COUNTED_MAXIMUM))
    columns = ("username", "username_key", "username_skeleton", "email", "email_key")
    people = [{"password_hash": "none", **dict.fromkeys(columns, name)} for name in names]
    everybody = select(User.id, literal(1), User.registered_at).where(User.id != 1)
    with app.app_context(), transaction() as writing:
        writing.execute(insert(User), people)
        writing.execute(insert(Like).from_select(["user_id", "post_id", "created_at"], everybody))
    assert 'aria-label="Like, 999+"' in susan.get("/explore").text
    with app.app_context(), transaction() as writing:
        one = select(func.max(Like.user_id)).scalar_subquery()
        writing.execute(sql_delete(Like).where(Like.user_id == one))
    assert labels(susan) == ["Reply", "Like, 999"]


def test_counts_leave_out_who_is_hidden_and_what_is_deleted(app: Flask, susan: Visitor) -> None:
    people = [make_user(app, name) for name in ("bob", "dan", "eve")]
    post = write(app, 1, "hello")
    for person in people:
        add_like(app, person, post)
        write(app, person, "answer", reply_to=post)
    assert labels(susan, "/user/susan") == ["Reply, 3", "Like, 3"]
    delete(app, 2)
    run(
        app,
        update(User).where(User.username == "dan").values(disabled_at=utc_now()),
        update(User).where(User.username == "eve").values(deletes_at=utc_now()),
    )
    assert labels(susan, "/user/susan") == ["Reply", "Like, 1"]


def test_a_stranger_is_led_to_the_sign_in_page(app: Flask, visitor: Visitor) -> None:
    write(app, make_user(app, "bob"), "hello")
    assert 'href="/login?next=/post/1" aria-label="Like"' in visitor.get("/explore").text
    answer = visitor.submit("/post/1/like", token=visitor.csrf_token("/login"))
    assert answer.request.path == "/login"
    assert liked(app) == 0


def test_a_newcomer_is_told_to_confirm_their_address(app: Flask) -> None:
    write(app, make_user(app, "bob"), "hello")
    make_user(app, "new", verified=False)
    visitor = Visitor(app)
    visitor.log_in("new")
    assert "Confirm your email before liking posts." in words(press(visitor, "/post/1/like"))
    assert liked(app) == 0


@ON_SQLITE
@pytest.mark.parametrize("act", ["like", "unlike"])
@pytest.mark.parametrize("number", ["0", "7", "-1", "x", str(MAX_ID), str(MAX_ID + 1), "9" * 30])
def test_what_is_not_there_cannot_be_liked(susan: Visitor, number: str, act: str) -> None:
    assert press(susan, f"/post/{number}/{act}").status_code == 404


@ON_SQLITE
@pytest.mark.parametrize("act", ["like", "unlike", "delete", "restore"])
def test_buttons_need_the_token_and_are_no_links(app: Flask, susan: Visitor, act: str) -> None:
    write(app, 1, "hello")
    assert susan.client.post(f"/post/1/{act}").status_code == 400
    if act != "delete":
        assert susan.get(f"/post/1/{act}").status_code == 405
    assert labels(susan, "/user/susan") == ["Reply", "Like"]


@ON_SQLITE
def test_counts_of_a_page_are_one_statement(app: Flask, susan: Visitor) -> None:
    def statements() -> list[str]:
        with app.app_context():
            engine = db.engine
        with recorded(engine) as made:
            susan.get("/explore")
        return made

    post = write(app, 1, "hello")
    few = statements()
    assert len([one for one in few if "FROM likes" in one]) == 1
    for number in range(5):
        person = make_user(app, f"user{number}")
        add_like(app, person, post)
        add_like(app, 1, write(app, person, "another"))
        write(app, person, "answer", reply_to=post)
    assert len(statements()) == len(few)
