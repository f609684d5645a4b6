"""The page of people to follow: who is on it, in which order, and what its work depends on."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import insert, select, update

from microblog.accounts.models import User
from microblog.blog import suggestions
from microblog.blog.models import Post
from microblog.blog.suggestions import PAGE_SIZE
from microblog.database import db, transaction, utc_now
from microblog.people.models import Block, Follow, Mute, Profile
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user, words

EMPTY = "There's nobody new to follow New people will appear here."


@pytest.fixture
def susan(app: Flask) -> Visitor:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def ids(app: Flask) -> dict[str, int]:
    with app.app_context():
        return {row.username: row.id for row in db.session.execute(select(User.username, User.id))}


def write(app: Flask, *statements: Any) -> None:
    with app.app_context(), transaction() as writing:
        for one in statements:
            writing.execute(one)


def post(app: Flask, *names: str) -> None:
    found = ids(app)
    for name in names:
        write(app, insert(Post).values(user_id=found[name], body="Hello", created_at=utc_now()))


def follow(app: Flask, who: str, *whom: str) -> None:
    found = ids(app)
    for name in whom:
        write(app, insert(Follow).values(follower_id=found[who], followed_id=found[name]))


def suggested(visitor: Visitor, path: str = "/people") -> list[str]:
    page = visitor.get(path).get_data(as_text=True)
    return re.findall(r'<a class="name" href="[^"]*"><bdi>([^<]+)</bdi>', page)


def next_page(visitor: Visitor, path: str = "/people") -> str | None:
    found = re.search(r'rel="next" href="([^"]+)"', visitor.get(path).get_data(as_text=True))
    return found[1] if found else None


def test_who_posts_comes_first_then_whom_ones_people_follow(app: Flask, susan: Visitor) -> None:
    for name in ("quiet", "friend", "rare", "liked", "fresh", "new"):
        make_user(app, name)
    post(app, "liked", "rare", "fresh", "susan", "friend")
    follow(app, "susan", "friend")
    follow(app, "friend", "liked", "quiet")
    assert suggested(susan) == ["liked", "fresh", "rare", "new", "quiet"]
    page = words(susan.get("/people"))
    assert "liked Followed by 1 person you follow" in page
    assert "quiet Followed by 1 person you follow" in page
    assert "fresh Followed by" not in page


@pytest.mark.parametrize("has_posts", [True, False], ids=["active", "quiet"])
@pytest.mark.parametrize(
    "change",
    [
        lambda ids: insert(Follow).values(follower_id=ids["susan"], followed_id=ids["bob"]),
        lambda ids: insert(Mute).values(muter_id=ids["susan"], muted_id=ids["bob"]),
        lambda ids: insert(Block).values(blocker_id=ids["susan"], blocked_id=ids["bob"]),
        lambda ids: insert(Block).values(blocker_id=ids["bob"], blocked_id=ids["susan"]),
        lambda ids: update(User).where(User.id == ids["bob"]).values(disabled_at=utc_now()),
        lambda ids: (
            update(User)
            .where(User.id == ids["bob"])
            .values(deletes_at=utc_now() + timedelta(days=7))
        ),
        lambda ids: update(User).where(User.id == ids["bob"]).values(email_verified_at=None),
    ],
    ids=["followed", "muted", "blocked", "blocks", "disabled", "to be deleted", "unverified"],
)
def test_who_is_never_suggested(
    app: Flask, susan: Visitor, change: Callable[[dict[str, int]], Any], has_posts: bool
) -> None:
    make_user(app, "bob")
    if has_posts:
        post(app, "bob")
    assert suggested(susan) == ["bob"]
    write(app, change(ids(app)))
    assert suggested(susan) == []
    assert EMPTY in words(susan.get("/people"))


def test_people_who_are_hidden_recommend_nobody(app: Flask, susan: Visitor) -> None:
    for name in ("friend", "bob"):
        make_user(app, name)
    follow(app, "susan", "friend")
    follow(app, "friend", "bob")
    assert "Followed by 1 person you follow" in words(susan.get("/people"))
    write(app, update(User).where(User.username == "friend").values(disabled_at=utc_now()))
    assert "Followed by" not in words(susan.get("/people"))


def test_a_row_has_a_button_that_names_the_person_and_returns_to_the_list(
    app: Flask, susan: Visitor
) -> None:
    make_user(app, "bob")
    make_user(app, "carol")
    bob = ids(app)["bob"]
    write(app, insert(Profile).values(user_id=bob, about_me="I bake <bread>."))
    page = susan.get("/people")
    assert "I bake &lt;bread&gt;." in page.get_data(as_text=True)
    assert "Follow bob" in words(page)
    action = re.search(r'action="(/follow/bob[^"]*)"', page.get_data(as_text=True))
    assert action
    page = susan.submit(action[1], token=susan.csrf_token("/people"))
    assert page.request.path == "/people"
    assert "You're following bob." in words(page)
    assert suggested(susan) == ["carol"]


def test_a_button_returns_to_no_other_site(app: Flask, susan: Visitor) -> None:
    make_user(app, "bob")
    for target in ("https://evil.example/", "//evil.example/", "/\\evil.example"):
        answer = susan.submit(
            f"/follow/bob?next={target}", token=susan.csrf_token("/"), follow=False
        )
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("active", [0, 7, PAGE_SIZE, PAGE_SIZE + 7, 2 * PAGE_SIZE])
def test_the_pages_show_everybody_once(app: Flask, susan: Visitor, active: int) -> None:
    people = make_people(app, 2 * PAGE_SIZE + 3)
    post(app, *people[:active])
    seen: list[str] = []
    path: str | None = "/people"
    pages = 0
    while path:
        rows = suggested(susan, path)
        assert 0 < len(rows) <= PAGE_SIZE
        seen += rows
        path = next_page(susan, path)
        pages += 1
    assert pages == 3
    assert seen == [*reversed(people[:active]), *reversed(people[active:])]


def make_people(app: Flask, count: int) -> list[str]:
    names = [f"person{number:03}" for number in range(count)]
    rows = [
        {
            "username": name,
            "username_key": name,
            "username_skeleton": name,
            "email": f"{name}@example.com",
            "email_key": f"{name}@example.com",
            "password_hash": "-",
            "email_verified_at": utc_now(),
        }
        for name in names
    ]
    with app.app_context(), transaction() as writing:
        writing.execute(insert(User), rows)
    return names


@ON_SQLITE
@pytest.mark.parametrize("query", ["skip=x", "after=-1", "skip=999999999", "after=" + "9" * 50])
def test_nonsense_in_the_address_is_no_error(app: Flask, susan: Visitor, query: str) -> None:
    make_user(app, "bob")
    assert suggested(susan, f"/people?{query}") == ["bob"]


@ON_SQLITE
def test_the_number_of_statements_does_not_grow_with_the_people(app: Flask, susan: Visitor) -> None:
    def statements() -> int:
        with app.app_context():
            engine = db.engine
        with recorded(engine) as run:
            susan.get("/people")
        return len(run)

    make_user(app, "bob")
    few = statements()
    people = make_people(app, 2 * PAGE_SIZE)
    post(app, *people[:10])
    follow(app, "susan", *people[20:30])
    follow(app, people[20], *people[:10])
    assert statements() <= few


@ON_SQLITE
def test_only_so_many_active_people_are_ranked(
    app: Flask, susan: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever posted longer ago is among the rest, and is neither lost nor shown twice."""
    people = make_people(app, 6)
    post(app, *people)
    monkeypatch.setattr(suggestions, "ACTIVE_MAXIMUM", 2)
    assert suggested(susan) == [*people[:-3:-1], *people[-3::-1]]
    monkeypatch.setattr(suggestions, "NEWEST_POSTS", 1)
    assert suggested(susan) == [*people[::-1]]
    monkeypatch.setattr(suggestions, "PAGE_SIZE", 2)
    assert [suggested(susan, path) for path in walked(susan)] == [
        people[:3:-1],
        people[3:1:-1],
        people[1::-1],
    ]


def walked(visitor: Visitor) -> list[str]:
    paths = ["/people"]
    while path := next_page(visitor, paths[-1]):
        paths.append(path)
    return paths


def test_the_empty_timeline_leads_there(susan: Visitor) -> None:
    assert 'href="/people"' in susan.get("/").get_data(as_text=True)
    assert "Find people to follow" in words(susan.get("/"))


def test_strangers_are_asked_to_log_in(visitor: Visitor) -> None:
    assert visitor.get("/people", follow=False).headers["Location"] == "/login?next=%2Fpeople"
