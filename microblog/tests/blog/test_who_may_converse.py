"""Who may read, answer and like whose posts, for each relation between two people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update

from microblog.accounts.models import User
from microblog.blog.models import Like, Post
from microblog.database import db, utc_now
from microblog.people.models import Block, Follow, Mute
from tests.blog.conversations import run, write
from tests.visitor import ON_SQLITE, Visitor, make_user, words

pytestmark = ON_SQLITE

READER, AUTHOR = "susan", "bob"
SIGN_IN = "Sign in"
GONE = "This post isn't available."


def set_on(person: str, **values: Any) -> Any:
    return update(User).where(User.username == person).values(**values)


def blocks(blocker: int, blocked: int) -> Any:
    return insert(Block).values(blocker_id=blocker, blocked_id=blocked)


@dataclass(frozen=True)
class Case:
    """What is so, and what follows: the status of the post's page, and whether each act is done.

    `says` is what somebody is told who tries an act that is not done.
    """

    name: str
    changes: Sequence[Any] = ()
    is_verified: bool = True
    is_signed_in: bool = True
    page: int = 200
    is_done: bool = True
    says: Sequence[str] = ("", "")


CASES = (
    Case("a stranger", is_signed_in=False, is_done=False, says=(SIGN_IN, SIGN_IN)),
    Case(
        "an unconfirmed member",
        is_verified=False,
        is_done=False,
        says=("Confirm your email before replying.", "Confirm your email before liking posts."),
    ),
    Case("a member"),
    Case("a follower", [insert(Follow).values(follower_id=1, followed_id=2)]),
    Case("who mutes the author", [insert(Mute).values(muter_id=1, muted_id=2)]),
    Case("whom the author muted", [insert(Mute).values(muter_id=2, muted_id=1)]),
    *(
        Case(name, changes, page=404, is_done=False, says=(GONE, "Page not found"))
        for name, changes in (
            ("who blocks the author", [blocks(1, 2)]),
            ("whom the author blocks", [blocks(2, 1)]),
            ("of a disabled author", [set_on(AUTHOR, disabled_at=utc_now())]),
            ("of an author about to be deleted", [set_on(AUTHOR, deletes_at=utc_now())]),
        )
    ),
    *(
        Case(name, [change], is_done=False, says=(SIGN_IN, SIGN_IN))
        for name, change in (
            ("a disabled member", set_on(READER, disabled_at=utc_now())),
            ("a member about to be deleted", set_on(READER, deletes_at=utc_now())),
        )
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_who_may_read_answer_and_like(app: Flask, case: Case) -> None:
    make_user(app, READER, verified=case.is_verified)
    author = make_user(app, AUTHOR)
    post = write(app, author, "What is said")
    reader = Visitor(app)
    if case.is_signed_in:
        reader.log_in(READER)
    token = reader.csrf_token("/" if case.is_signed_in else "/login")
    run(app, *case.changes)
    page = reader.get(f"/post/{post}")
    assert page.status_code == case.page
    assert ("What is said" in page.text) == (case.page == 200)
    answered = reader.submit(f"/post/{post}", {"post": "My answer"}, token=token)
    liked = reader.submit(f"/post/{post}/like", token=token)
    for answer, said in zip((answered, liked), case.says, strict=False):
        assert said in words(answer)
        assert answer.status_code < 500
    with app.app_context():
        replies = db.session.scalar(select(func.count()).where(Post.reply_to_id == post))
        likes = db.session.scalar(select(func.count()).select_from(Like))
    assert (replies, likes) == ((1, 1) if case.is_done else (0, 0))


def home(visitor: Visitor) -> list[str]:
    found = words(visitor.get("/")).split()
    return [word for word in found if word.startswith("post-")]


def test_home_has_replies_to_whom_its_reader_knows(app: Flask) -> None:
    susan, bob, carol, dan = (make_user(app, name) for name in ("susan", "bob", "carol", "dan"))
    for followed in (bob, carol):
        run(app, insert(Follow).values(follower_id=susan, followed_id=followed))
    first = {
        one: write(app, one, f"post-{name}")
        for name, one in (("susan", susan), ("bob", bob), ("carol", carol), ("dan", dan))
    }
    for name, one in (("susan", susan), ("bob", bob), ("carol", carol), ("dan", dan)):
        write(app, bob, f"post-bob-to-{name}", reply_to=first[one])
    write(app, susan, "post-susan-to-dan", reply_to=first[dan])
    write(app, dan, "post-dan-to-susan", reply_to=first[susan])
    reader = Visitor(app)
    reader.log_in("susan")
    assert home(reader) == [
        "post-bob-to-carol",
        "post-bob-to-bob",
        "post-bob-to-susan",
        "post-carol",
        "post-bob",
        "post-susan",
    ]
    explored = words(reader.get("/explore"))
    assert "post-dan" in explored
    assert "-to-" not in explored
    assert "post-bob-to-" not in words(reader.get("/user/bob"))
    replies = words(reader.get("/user/bob/replies"))
    assert replies.count("post-bob-to-") == 4
    assert "Replying to @dan" in replies
    assert "susan hasn't replied yet." not in words(reader.get("/user/susan/replies"))
    assert "carol hasn't replied yet." in words(reader.get("/user/carol/replies"))
    assert "post-bob-to-" not in reader.get("/user/bob.atom").text
