"""What a script gets to put in place of a post: its card as it is now, and what there is to say."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.blog.conversations import write
from tests.blog.test_posts import logged_in
from tests.visitor import ON_SQLITE, Visitor, make_user, words

pytestmark = ON_SQLITE


@pytest.fixture
def susan(app: Flask) -> Visitor:
    return logged_in(app, "susan")


def part(visitor: Visitor, path: str, *, kind: str = "card", **fields: object) -> str:
    token = visitor.csrf_token("/")
    answer = visitor.submit(path, {"part": kind, **fields}, token=token, follow=False)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "<html" not in answer.text
    return answer.text


def test_a_like_answers_with_the_card_as_it_is_now(app: Flask, susan: Visitor) -> None:
    write(app, make_user(app, "bob"), "hello")
    liked = part(susan, "/post/1/like")
    assert liked.count("<article") == 1
    assert 'formaction="/post/1/unlike"' in liked
    assert 'aria-label="Like, 1"' in liked
    assert 'formaction="/post/1/like"' in part(susan, "/post/1/unlike")


@pytest.mark.parametrize(("kind", "has_moment"), [("card", True), ("alone", False)])
def test_a_card_is_drawn_as_it_stands_on_the_page(
    app: Flask, susan: Visitor, kind: str, has_moment: bool
) -> None:
    write(app, make_user(app, "bob"), "hello")
    card = part(susan, "/post/1/like", kind=kind)
    assert ('class="post alone"' in card) is not has_moment
    assert ('class="post-time"' in card) is has_moment


def test_an_edit_answers_with_the_changed_card_or_the_form(susan: Visitor) -> None:
    susan.submit("/", {"post": "Hello"})
    changed = part(susan, "/post/1/edit", post="Good evening")
    assert "Good evening" in changed
    assert "edited" in changed
    assert "Your changes have been saved." in changed
    # It was said, and no page says it again.
    assert "have been saved" not in words(susan.get("/"))
    token = susan.csrf_token("/")
    refused = susan.submit("/post/1/edit", {"part": "card", "post": ""}, token=token)
    assert re.search(r"<form[^>]* data-edit>", refused.text)
    assert "Write something first." in words(refused)


def test_a_deletion_answers_with_the_way_back_and_a_restoration_with_the_card(
    susan: Visitor,
) -> None:
    susan.submit("/", {"post": "Hello"})
    deleted = part(susan, "/post/1/delete")
    assert "<article" not in deleted
    assert "Post deleted." in deleted
    assert 'formaction="/post/1/restore"' in deleted
    restored = part(susan, "/post/1/restore")
    assert restored.count("<article") == 1
    assert "Your post is back." in restored


def test_who_may_not_like_yet_is_told_so(app: Flask) -> None:
    write(app, make_user(app, "bob"), "hello")
    make_user(app, "newcomer", verified=False)
    newcomer = Visitor(app)
    newcomer.log_in("newcomer")
    refused = part(newcomer, "/post/1/like")
    assert "Confirm your email before liking posts." in refused
    assert 'formaction="/post/1/like"' in refused
