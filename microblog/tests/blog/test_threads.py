"""Replies, and the page of a post: what it answers, and what answers it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete as sql_delete
from sqlalchemy import insert, select, update

from microblog.accounts.models import User
from microblog.blog import threads
from microblog.blog.models import Post
from microblog.database import MAX_ID, db, utc_now
from microblog.people.models import Block, Mute
from tests.blog.conversations import delete, run, write
from tests.blog.test_posts import logged_in
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user, words

LIVE = "Your reply is live."
GONE = "This post isn't available."


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


@pytest.fixture
def bob(app: Flask) -> int:
    return make_user(app, "bob")


def shown(visitor: Visitor, path: str) -> list[str]:
    """The texts and placeholders of a page, from top to bottom."""
    html = visitor.get(path).get_data(as_text=True)
    found = re.findall(r'(?s)<p class="post-body"[^>]*>(.*?)</p>|<p class="gone">(.*?)</p>', html)
    return [re.sub(r"<[^>]+>", "", body or gone).strip() for body, gone in found]


def posts(app: Flask) -> list[tuple[int | None, ...]]:
    with app.app_context():
        columns = (Post.thread_id, Post.reply_to_id, Post.reply_to_user_id)
        return [tuple(row) for row in db.session.execute(select(*columns).order_by(Post.id))]


def test_a_reply_is_in_the_thread_of_what_it_answers(app: Flask, susan: Visitor, bob: int) -> None:
    first = write(app, bob, "Where is the bread?")
    page = susan.submit(f"/post/{first}", {"post": "In the oven."})
    assert page.request.path == f"/post/{first + 1}"
    assert LIVE in words(page)
    page = susan.submit(f"/post/{first + 1}", {"post": "Still."})
    assert "Replying to @susan" in words(page)
    assert posts(app) == [(None, None, None), (first, first, bob), (first, first + 1, 1)]
    texts = ["Where is the bread?", "In the oven.", "Still."]
    for number in range(3):
        assert shown(susan, f"/post/{first + number}") == texts
    assert "Replying to @bob" in words(Visitor(app).get("/post/2"))
    # Where what it answers stands right above, it need not say so.
    assert "Replying to" not in words(susan.get("/post/1"))
    assert words(susan.get("/post/3")).count("Replying to") == 1


def test_only_the_nearest_posts_are_shown_above(
    app: Flask, susan: Visitor, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "ABOVE_MAXIMUM", 3)
    number = write(app, bob, "0")
    for text in "123456":
        number = write(app, bob, text, reply_to=number)
    assert shown(susan, "/post/7") == ["3", "4", "5", "6"]
    assert 'href="/post/4">Show earlier' in susan.get("/post/7").text
    assert shown(susan, "/post/4")[:4] == ["0", "1", "2", "3"]
    assert "Show earlier" not in susan.get("/post/4").text


def test_replies_come_in_pages_oldest_first_with_the_first_answer_to_each(
    app: Flask, susan: Visitor, bob: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "PAGE_SIZE", 2)
    first = write(app, bob, "first")
    replies = [write(app, bob, text, reply_to=first) for text in "abc"]
    for text in ("x", "y"):
        write(app, bob, text, reply_to=replies[0])
    assert shown(susan, "/post/1") == ["first", "a", "x", "b"]
    following = re.search(r'href="([^"]+)">Show more replies', susan.get("/post/1").text)
    assert following
    assert shown(susan, following[1]) == ["first", "c"]
    assert "Show more replies" not in susan.get(following[1]).text
    assert 'href="/post/1">Show the first replies' in susan.get(following[1]).text


@ON_SQLITE
@pytest.mark.parametrize("query", ["after=x", "after=-1", "after=" + "9" * 50, "after=%00"])
def test_nonsense_for_a_page_of_replies_is_no_error(
    app: Flask, susan: Visitor, bob: int, query: str
) -> None:
    write(app, bob, "first")
    write(app, bob, "a", reply_to=1)
    assert shown(susan, f"/post/1?{query}") == ["first", "a"]


def disable(susan: int, bob: int) -> Any:
    return update(User).where(User.id == bob).values(disabled_at=utc_now())


def end(susan: int, bob: int) -> Any:
    return update(User).where(User.id == bob).values(deletes_at=utc_now())


def block(susan: int, bob: int) -> Any:
    return insert(Block).values(blocker_id=susan, blocked_id=bob)


def be_blocked(susan: int, bob: int) -> Any:
    return insert(Block).values(blocker_id=bob, blocked_id=susan)


def mute(susan: int, bob: int) -> Any:
    return insert(Mute).values(muter_id=susan, muted_id=bob)


def remove(susan: int, bob: int) -> Any:
    return update(Post).where(Post.user_id == bob).values(deleted_at=utc_now())


@pytest.mark.parametrize(
    ("change", "instead"),
    [
        (remove, "bob deleted this post."),
        (disable, GONE),
        (end, GONE),
        (be_blocked, GONE),
        (block, "A post by someone you blocked.Show it"),
        (mute, "SECRET"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_what_is_not_shown_leaves_a_line_in_its_place(
    app: Flask, susan: Visitor, bob: int, change: Callable[[int, int], Any], instead: str
) -> None:
    """As an answer, as what is answered, and as the answer to an answer."""
    first = write(app, 1, "first")
    theirs = write(app, bob, "SECRET", reply_to=first)
    write(app, 1, "answer", reply_to=theirs)
    answered = write(app, 1, "another", reply_to=first)
    write(app, bob, "SECRET", reply_to=answered)
    run(app, change(1, bob))
    is_shown = instead == "SECRET"
    first_replies = ["SECRET", "answer", "another", "SECRET"] if is_shown else [instead, "another"]
    assert shown(susan, "/post/1") == ["first", *first_replies]
    assert shown(susan, "/post/3") == ["first", instead, "answer"]
    assert susan.get(f"/post/{theirs}").status_code == (200 if is_shown else 404)
    for path in ("/post/1", "/post/3", "/post/4"):
        assert ("SECRET" in susan.get(path).text) == is_shown
    if change is block:
        assert '<a href="/user/bob">Show it</a>' in susan.get("/post/3").text
        assert "Replying to a post" in words(susan.get("/post/3"))


def test_what_is_left_of_a_thread_says_that_its_beginning_is_gone(
    app: Flask, susan: Visitor, bob: int
) -> None:
    write(app, bob, "first")
    write(app, 1, "second", reply_to=1)
    write(app, 1, "third", reply_to=2)
    run(app, sql_delete(User).where(User.id == bob))
    assert posts(app) == [(1, None, None), (1, 2, 1)]
    assert shown(susan, "/post/2") == [GONE, "second", "third"]
    assert shown(susan, "/post/3") == [GONE, "second", "third"]
    assert "Replying to a post" in words(susan.get("/post/2"))
    assert shown(susan, "/") == ["third"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "Write something first."),
        (" \t\r\n\u00a0", "Write something first."),
        ("\u200b\u2060", "Write something first."),
        ("\u202eabc", "Remove the characters that can't be shown."),
        ("nul\0nul", "Remove the characters that can't be shown."),
        ("x" * 501, "1 character too long."),
        ("a" + "\u0301" * 9_000, "One character has too many accent marks."),
        ("x" * 10_000, "9500 characters too long."),
    ],
    ids=["empty", "blanks", "zero-width", "override", "NUL", "long", "marks", "very long"],
)
def test_a_refused_reply_is_explained_beside_the_field_and_kept(
    app: Flask, susan: Visitor, bob: int, body: str, said: str
) -> None:
    write(app, bob, "first")
    page = susan.submit("/post/1", {"post": body})
    assert page.status_code == 200
    assert error_beside(page, "post") == said
    if len(body) == 501:
        assert body in page.text
    assert len(posts(app)) == 1


@pytest.mark.parametrize("which", ["deleted", "unknown", "large", "huge", "zero", *"hb"])
def test_a_reply_to_what_is_not_there_is_refused_and_kept(
    app: Flask, susan: Visitor, bob: int, which: str
) -> None:
    post_id = write(app, bob, "SECRET")
    if which == "deleted":
        delete(app, post_id)
    elif which in {"h", "b"}:
        run(app, (disable if which == "h" else be_blocked)(1, bob))
    path = {"unknown": 7, "large": MAX_ID + 1, "huge": 10**30, "zero": 0}.get(which, post_id)
    page = susan.submit(f"/post/{path}", {"post": "My <answer>"}, token=susan.csrf_token("/"))
    assert page.status_code == 404
    assert error_beside(page, "post") == GONE
    assert "My &lt;answer&gt;</textarea>" in page.text
    assert "SECRET" not in page.text
    assert len(posts(app)) == 1


def test_what_a_newcomer_answers_stays_in_the_form(app: Flask, bob: int) -> None:
    write(app, bob, "first")
    make_user(app, "new", verified=False)
    visitor = Visitor(app)
    visitor.log_in("new")
    page = visitor.submit("/post/1", {"post": "My answer"})
    assert error_beside(page, "post") == "Confirm your email before replying."
    assert "My answer</textarea>" in page.text
    assert len(posts(app)) == 1


def test_strangers_are_asked_to_sign_in(app: Flask, bob: int, visitor: Visitor) -> None:
    write(app, bob, "first")
    assert 'href="/login?next=/post/1">Sign in to reply' in visitor.get("/post/1").text
    answer = visitor.submit("/post/1", {"post": "x"}, token=visitor.csrf_token("/login"))
    assert answer.request.path == "/login"
    assert len(posts(app)) == 1


@ON_SQLITE
def test_a_thread_takes_the_same_statements_however_long_it_is(
    app: Flask, susan: Visitor, bob: int
) -> None:
    def statements() -> int:
        with app.app_context():
            engine = db.engine
        with recorded(engine) as made:
            assert susan.get("/post/2").status_code == 200
        return len(made)

    for text, answered in (("first", None), ("second", 1), ("reply", 2), ("answer", 3)):
        write(app, bob, text, reply_to=answered)
    few = statements()
    for _ in range(10):
        write(app, make_user(app, f"user{_}"), "@bob #tag", reply_to=2)
        write(app, bob, "more", reply_to=3)
    assert statements() <= few
