"""Whom one may be about to mention: found by the first letters, in one order, and never hidden."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from sqlalchemy import insert, select, text, update

from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.people import name_suggestions
from microblog.people.models import Block, Follow
from tests.constants import Make
from tests.statements import recorded
from tests.visitor import ON_SQLITE, Visitor, make_user


@pytest.fixture
def susan(app: Flask) -> Visitor:
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def suggested(visitor: Visitor, typed: str) -> list[str]:
    answer = visitor.client.get("/people/names", query_string={"starts": typed})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    return [one["username"] for one in answer.get_json()["people"]]


def write(app: Flask, *statements: Any) -> None:
    with app.app_context(), transaction() as writing:
        for one in statements:
            writing.execute(one)


def user_id(name: str) -> Any:
    return select(User.id).where(User.username == name).scalar_subquery()


def follow(app: Flask, who: str, whom: str) -> None:
    write(app, insert(Follow).values(follower_id=user_id(who), followed_id=user_id(whom)))


def call(app: Flask, name: str, display_name: str) -> None:
    write(app, update(User).where(User.username == name).values(display_name=display_name))


def test_people_are_found_by_how_their_names_begin(app: Flask, susan: Visitor) -> None:
    for name in ("Anna", "an.na", "an_na", "bob", "Яна", "яблоко", "花子", "zz"):
        make_user(app, name)
    cases = {
        "an": ["an.na", "an_na", "Anna"],
        "AN": ["an.na", "an_na", "Anna"],
        "anna": ["Anna"],
        "annab": [],
        "я": ["яблоко", "Яна"],
        "花": ["花子"],
        "z": ["zz"],
        "n": [],
    }
    assert {typed: suggested(susan, typed) for typed in cases} == cases


def test_whom_one_follows_comes_first_and_is_found_by_display_name_too(
    app: Flask, susan: Visitor
) -> None:
    for name in ("hans", "hanna", "zoe", "olga", "hedy"):
        make_user(app, name)
    for name in ("zoe", "olga", "hedy"):
        call(app, name, {"olga": "Ольга Ha"}.get(name, "Ha Zoe"))
    for name in ("zoe", "olga", "hans"):
        follow(app, "susan", name)
    follow(app, "hedy", "susan")
    assert suggested(susan, "ha") == ["hans", "zoe", "hanna"]
    assert suggested(susan, "HA") == ["hans", "zoe", "hanna"]
    assert suggested(susan, "оль") == ["olga"]
    answer = susan.client.get("/people/names?starts=zoe").get_json()
    assert answer == {"people": [{"username": "zoe", "name": "Ha Zoe"}]}


def test_the_list_is_short_and_bounded(
    app: Flask, susan: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in range(9):
        make_user(app, f"ann{place}")
    follow(app, "susan", "ann7")
    follow(app, "susan", "ann8")
    with app.app_context():
        engine = db.engine
    with recorded(engine) as before:
        assert suggested(susan, "ann") == ["ann7", "ann8", "ann0", "ann1", "ann2", "ann3"]
    make_user(app, "bert")
    follow(app, "susan", "bert")
    with recorded(engine) as after:
        assert suggested(susan, "bert") == ["bert"]
    assert len(before) == len(after)
    monkeypatch.setattr(name_suggestions, "FOLLOWED_MAXIMUM", 1)
    assert suggested(susan, "ann8") == []


def test_some_are_never_suggested(app: Flask, susan: Visitor) -> None:
    names = ["anna", "disabled", "leaving", "blocked", "blocking", "unverified"]
    for name in names:
        make_user(app, f"a.{name}", verified=name != "unverified")
    for name, column in {"disabled": "disabled_at", "leaving": "deletes_at"}.items():
        write(app, update(User).where(User.username == f"a.{name}").values({column: utc_now()}))
    for one, other in (("susan", "a.blocked"), ("a.blocking", "susan")):
        write(app, insert(Block).values(blocker_id=user_id(one), blocked_id=user_id(other)))
    assert suggested(susan, "a.") == ["a.anna"]
    assert suggested(susan, "susan") == []
    for name in names:
        follow(app, "susan", f"a.{name}")
    assert suggested(susan, "a.") == ["a.anna"]


@ON_SQLITE
@pytest.mark.parametrize(
    "typed",
    ["", " ", ".", "a b", "%", "_", "a%", "\0", "a\0", "a\u202e", "\ud800", "a" * 65, "a" * 10_000],
    ids=lambda typed: ascii(typed[:9]),
)
def test_what_begins_no_name_finds_nobody(app: Flask, susan: Visitor, typed: str) -> None:
    for name in ("anna", "_b"):
        make_user(app, name)
    spelled = quote_from_bytes(typed.encode("utf-8", "surrogatepass"))
    answer = susan.client.get(f"/people/names?starts={spelled}")
    assert (answer.status_code, answer.get_json()) == (200, {"people": []})


@ON_SQLITE
def test_strangers_get_no_names(app: Flask) -> None:
    make_user(app, "anna")
    answer = Visitor(app).get("/people/names?starts=an", follow=False)
    assert (answer.status_code, answer.headers["Location"][:6]) == (302, "/login")


def test_names_are_found_by_their_index(app: Flask, susan: Visitor) -> None:
    with app.app_context():
        wanted = name_suggestions._others(1, "an").order_by(User.username_key).limit(6)
        compiled = wanted.compile(db.engine, compile_kwargs={"literal_binds": True})
        if db.engine.dialect.name == "sqlite":
            plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")).all()
            assert "SEARCH users USING INDEX" in str(plan[0])
            return
        db.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = db.session.execute(text(f"EXPLAIN {compiled}")).all()
        assert "Index Cond: (((username_key)::text >= 'an'::text)" in str(plan)


@ON_SQLITE
def test_names_are_looked_up_only_so_often(make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    make_user(app, "susan")
    susan = Visitor(app)
    susan.log_in("susan")
    # A minute may end meanwhile, but no second one.
    asked = [susan.client.get("/people/names?starts=an").status_code for _ in range(121)]
    assert set(asked) == {200, 429}
