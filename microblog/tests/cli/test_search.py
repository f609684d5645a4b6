"""`microblog search rebuild`: what is older than the index is found then, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from microblog.blog.deletion import delete_post
from microblog.blog.models import Post
from microblog.blog.posts import edit_post
from microblog.database import db, transaction, utc_now
from microblog.search import index
from microblog.search.models import IndexedPost
from tests.cli.conftest import Command
from tests.search.finding import found, search
from tests.search.writing import delete, write
from tests.visitor import Visitor, make_user, words

Change = Callable[[Session, int], None]


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def old(app: Flask, susan: int) -> list[int]:
    """The ids of posts from before there was an index."""
    posts = write(app, susan, "the first", "the second", "the third")
    with app.app_context(), transaction() as writing:
        writing.execute(text("DELETE FROM indexed_posts"))
        writing.execute(text("DELETE FROM name_terms"))
    return posts


def test_posts_and_names_are_found_after_it(app: Flask, old: list[int], microblog: Command) -> None:
    visitor = Visitor(app)
    assert found(visitor, "the") == []
    done = microblog("search", "rebuild")
    assert done.exit_code == 0, done.output
    assert "Search finds everything." in done.output
    assert sorted(found(visitor, "the")) == ["the first", "the second", "the third"]
    assert "susan" in words(search(visitor, "sus", "people"))
    assert "Older posts" not in words(search(visitor, "the"))


def test_one_that_was_interrupted_goes_on(
    app: Flask, old: list[int], microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 2)
    with app.app_context():
        with transaction() as writing:
            assert index.add_posts(writing) == old[1]
        assert not index.is_complete(db.session)
    assert sorted(found(Visitor(app), "the")) == ["the second", "the third"]
    assert microblog("search", "rebuild").exit_code == 0
    assert len(found(Visitor(app), "the")) == 3


def test_a_damaged_index_is_made_anew(app: Flask, susan: int, microblog: Command) -> None:
    (post,) = write(app, susan, "a thought")
    with app.app_context(), transaction() as writing:
        writing.get_one(IndexedPost, post).terms = "nonsense"
    assert microblog("search", "rebuild").exit_code == 0
    assert found(Visitor(app), "thought") == []
    assert microblog("search", "rebuild", "--all").exit_code == 0
    assert found(Visitor(app), "thought") == ["a thought"]


def test_deleted_posts_are_not_indexed(app: Flask, old: list[int], microblog: Command) -> None:
    delete(app, old[0])
    assert microblog("search", "rebuild").exit_code == 0
    assert "the first" not in found(Visitor(app), "the")
    with app.app_context():
        assert index.is_complete(db.session)


def test_check_and_status_say_what_is_missing(old: list[int], microblog: Command) -> None:
    words = "microblog search rebuild"
    assert words in microblog("check").output
    assert words in microblog("status").output
    microblog("search", "rebuild")
    assert words not in microblog("check").output
    assert words not in microblog("status").output


def _edit(session: Session, post_id: int) -> None:
    assert edit_post(session, session.get_one(Post, post_id), "the changed one", now=utc_now())


def _delete(session: Session, post_id: int) -> None:
    assert delete_post(session, session.get_one(Post, post_id), now=utc_now())


def _erase(session: Session, post_id: int) -> None:
    session.execute(text("DELETE FROM posts WHERE id = :id"), {"id": post_id})


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (_edit, ["the changed one", "the first", "the second"]),
        (_delete, ["the first", "the second"]),
        (_erase, ["the first", "the second"]),
    ],
)
@pytest.mark.parametrize("is_rebuild_first", [True, False])
def test_a_change_meanwhile_wins(
    app: Flask, old: list[int], change: Change, left: list[str], is_rebuild_first: bool
) -> None:
    """Whichever of both holds the post first, the other waits and sees what it did."""
    acts: list[Callable[[Session], object]] = [
        index.add_posts,
        lambda session: change(session, old[2]),
    ]
    first, second = acts if is_rebuild_first else reversed(acts)
    failures: list[BaseException] = []

    def act_second() -> None:
        try:
            with app.app_context(), transaction() as writing:
                second(writing)
        except BaseException as error:  # noqa: BLE001 - the test raises it, whatever it is
            failures.append(error)

    with app.app_context(), transaction() as writing:
        first(writing)
        thread = threading.Thread(target=act_second)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive(), "it waits"
    thread.join(timeout=30)
    assert failures == []
    assert sorted(found(Visitor(app), "the")) == left
    with app.app_context():
        indexed = db.session.scalars(text("SELECT post_id FROM indexed_posts")).all()
    assert sorted(indexed) == old[: len(left)]
