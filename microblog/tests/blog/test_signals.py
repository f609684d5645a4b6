"""What the packages above hear of: once for each change, and never for what changed nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from blinker import Signal
from flask import Flask

from microblog.blog import signals
from microblog.people import signals as people_signals
from tests.blog.test_deletion import press
from tests.blog.test_posts import logged_in
from tests.visitor import ON_SQLITE, Visitor, make_user

pytestmark = ON_SQLITE

SIGNALS = {
    name: signal
    for module in (signals, people_signals)
    for name, signal in vars(module).items()
    if isinstance(signal, Signal)
}


@pytest.fixture
def heard() -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """What was sent meanwhile; posts by their ids."""
    told: list[tuple[str, dict[str, Any]]] = []

    def listener(name: str) -> Callable[..., None]:
        def listen(_session: object, **values: Any) -> None:
            post = values.pop("post", None)
            told.append((name, {**values, **({"post": post.id} if post else {})}))

        return listen

    with ExitStack() as stack:
        for name, signal in SIGNALS.items():
            stack.enter_context(signal.connected_to(listener(name)))
        yield told


def test_each_change_is_told_once(app: Flask, heard: list[tuple[str, dict[str, Any]]]) -> None:
    susan: Visitor = logged_in(app, "susan")
    bob = make_user(app, "bob")

    def told(act: Callable[[], object]) -> list[tuple[str, dict[str, Any]]]:
        heard.clear()
        act()
        return list(heard)

    def twice(path: str, on: str = "/") -> list[tuple[str, dict[str, Any]]]:
        return told(lambda: [press(susan, path, on=on) for _ in range(2)])

    def send(path: str, **fields: str) -> list[tuple[str, dict[str, Any]]]:
        return told(lambda: susan.submit(path, {**fields}))

    written: dict[str, Any] = {"post": 1, "mentioned": [bob]}
    assert send("/", post="Hello @bob @nobody") == [("post_written", written)]
    assert send("/", post="\u202e") == []
    assert send("/post/1", post="I") == [("post_written", {"post": 2, "mentioned": ()})]
    assert send("/post/1/edit", post="Hello @bob") == [("post_edited", written)]
    assert send("/post/1/edit", post="Hello @bob") == []
    assert twice("/post/1/like") == [("post_liked", {"post": 1, "user_id": 1})]
    assert twice("/post/1/unlike") == [("post_unliked", {"post": 1, "user_id": 1})]
    assert twice("/post/1/delete") == [("post_deleted", {"post": 1})]
    assert twice("/post/1/restore") == [("post_restored", {"post": 1})]
    pair: dict[str, Any] = {"follower_id": 1, "followed_id": bob}
    assert twice("/follow/bob") == [("followed", pair)]
    assert twice("/unfollow/bob") == [("unfollowed", pair)]
    press(susan, "/follow/bob")
    assert twice("/block/bob") == [("unfollowed", pair)]
    fields = {"username": "susan", "display_name": "Susan", "about_me": "I bake."}
    assert send("/edit_profile", **fields) == [("profile_changed", {"user_id": 1})]
    assert send("/edit_profile", **{**fields, "username": "bob"}) == []
