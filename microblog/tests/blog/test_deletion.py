"""Deleting a post: hidden at once, undone within an hour, then erased."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from microblog.blog import deletion
from microblog.blog.deletion import UNDO_WITHIN, erase_deleted
from microblog.blog.models import Like, Mention, Post, PostTag
from microblog.blog.personal_data import PERSONAL_DATA
from microblog.database import MAX_ID, db, transaction, utc_now
from tests.blog.conversations import add_like, delete, run, write
from tests.blog.test_posts import logged_in
from tests.blog.test_threads import shown
from tests.visitor import ON_SQLITE, Visitor, make_user, words

UNDO = 'form="acts" formaction="/post/{}/restore">Undo</button>'
LATE = "This post can't be brought back."


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


@pytest.fixture
def bob(app: Flask) -> int:
    return make_user(app, "bob")


def press(visitor: Visitor, path: str, *, on: str = "/") -> Any:
    """Press a button that belongs to the form of buttons of this page."""
    return visitor.submit(path, {"next": on}, token=visitor.csrf_token(on))


def counts(app: Flask) -> dict[str, int]:
    with app.app_context():
        return {
            table.__tablename__: db.session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Post, PostTag, Mention, Like)
        }


def erase(app: Flask, *, after: timedelta = UNDO_WITHIN) -> bool:
    with app.app_context(), transaction() as writing:
        return erase_deleted(writing, utc_now() + after)


def test_a_deleted_post_is_shown_nowhere_and_comes_back_whole(
    app: Flask, susan: Visitor, bob: int
) -> None:
    post = write(app, 1, "SECRET #garden @bob")
    add_like(app, bob, post)
    places = ["/", "/explore", "/user/susan", "/tag/garden", "/explore.atom", "/user/susan.atom"]
    places += ["/tag/garden.atom", "/settings/export"]
    assert all("SECRET" in susan.get(path).text for path in places[:-1])
    page = press(susan, "/post/1/delete")
    assert page.request.path == "/"
    assert "Post deleted. Undo" in words(page)
    assert UNDO.format(post) in page.text
    assert not any("SECRET" in susan.get(path).text for path in places)
    assert susan.get("/post/1").status_code == 404
    assert "0 posts" in words(susan.get("/user/susan"))
    assert susan.get("/newer_posts/0").json == {"count": 0}
    with app.app_context():
        assert PERSONAL_DATA.collect(db.session, 1)["posts"] == []
    page = press(susan, "/post/1/restore")
    assert "Your post is back." in words(page)
    assert all("SECRET" in susan.get(path).text for path in places[:-1])
    assert counts(app) == {"posts": 1, "post_tags": 1, "mentions": 1, "likes": 1}
    assert "1 post" in words(susan.get("/user/susan"))


@pytest.mark.parametrize(
    ("origin", "then"),
    [
        ("/explore?before=9", "/explore?before=9"),
        ("/post/2", "/post/1"),
        ("/post/1", "/post/1"),
        ("//evil.example", "/"),
    ],
)
def test_who_deletes_a_reply_stays_where_they_were(
    app: Flask, susan: Visitor, bob: int, origin: str, then: str
) -> None:
    write(app, bob, "first")
    write(app, 1, "second", reply_to=1)
    token = susan.csrf_token("/")
    answer = susan.submit("/post/2/delete", {"next": origin}, token=token, follow=False)
    assert answer.headers["Location"] == then


@pytest.mark.parametrize("case", ["late", "somebody else's", "there", "removed", "erased"])
def test_what_cannot_be_restored(app: Flask, susan: Visitor, bob: int, case: str) -> None:
    post = write(app, bob if case == "somebody else's" else 1, "SECRET")
    if case != "there":
        delete(app, post)
    if case == "late":
        run(app, update(Post).values(deleted_at=utc_now() - UNDO_WITHIN - timedelta(seconds=5)))
    elif case == "removed":
        run(app, update(Post).values(body=""))
    elif case == "erased":
        assert not erase(app)
    before = words(susan.get("/explore"))
    page = press(susan, f"/post/{post}/restore")
    assert LATE in words(page)
    assert words(susan.get("/explore")) == before
    assert ("SECRET" in before) == (case == "there")


@ON_SQLITE
@pytest.mark.parametrize("number", [0, 7, MAX_ID, MAX_ID + 1, 10**30])
@pytest.mark.parametrize("act", ["delete", "restore"])
def test_a_post_that_never_was_is_no_error(susan: Visitor, number: int, act: str) -> None:
    page = press(susan, f"/post/{number}/{act}")
    assert page.status_code == (404 if act == "delete" else 200)


def test_after_an_hour_the_text_is_erased_and_its_place_kept_where_there_are_replies(
    app: Flask, susan: Visitor, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ERASED_AT_ONCE", 2)
    answered = write(app, 1, "SECRET #garden @bob")
    write(app, bob, "answer", reply_to=answered)
    lonely = [write(app, 1, f"SECRET #garden @bob {number}") for number in range(2)]
    for post in (answered, *lonely):
        add_like(app, bob, post)
        delete(app, post)
    assert not erase(app, after=UNDO_WITHIN - timedelta(minutes=1))
    assert counts(app) == {"posts": 4, "post_tags": 3, "mentions": 3, "likes": 3}
    assert erase(app)
    assert not erase(app)
    assert counts(app) == {"posts": 2, "post_tags": 0, "mentions": 0, "likes": 0}
    assert shown(susan, "/post/2") == ["susan deleted this post.", "answer"]
    with app.app_context():
        assert db.session.scalars(select(Post.body).order_by(Post.id)).all() == ["", "answer"]
    assert not erase(app)


def test_others_keep_what_they_answered_to_somebody_whose_account_is_deleted(
    app: Flask, susan: Visitor, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("microblog.blog.personal_data.ERASED_AT_ONCE", 2)
    first = write(app, bob, "SECRET")
    answer = write(app, 1, "answer", reply_to=first)
    for _ in range(3):
        write(app, bob, "SECRET", reply_to=answer)
    with app.app_context(), transaction() as writing:
        batches = 1
        while PERSONAL_DATA.erase(writing, bob):
            batches += 1
    assert batches == 3
    assert shown(susan, "/post/2") == ["This post isn't available.", "answer"]
    assert "Your reply is live." in words(susan.submit("/post/2", {"post": "more"}))
