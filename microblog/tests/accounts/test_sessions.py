"""The rows behind the cookies of people who are logged in."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import select

from microblog.accounts.models import LoginSession, User
from microblog.accounts.sessions.sessions import (
    IDLE_OTHERWISE,
    IDLE_REMEMBERED,
    Visitor,
    end_all_sessions,
    find_session,
    log_out,
    needs_touch,
    start_session,
    touch,
)
from microblog.database import db, transaction
from tests.scopes import HERE, scope_at
from tests.visitor import make_user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def susan(app: Flask, app_context: AppContext) -> int:
    return make_user(app, "susan")


def start(user: int, *, remembered: bool = False) -> Visitor:
    with transaction() as writing:
        owner = writing.get_one(User, user)
        return start_session(writing, owner, scope_at(NOW), remembered=remembered)


def find(secret: str, now: datetime = NOW) -> Visitor | None:
    db.session.rollback()
    return find_session(db.session, secret, now=now)


def test_the_owner_of_the_secret_is_the_account(susan: int) -> None:
    started = start(susan)
    found = find(started.get_id())
    assert found is not None
    assert found.user.id == susan
    assert found.session.id == started.session.id
    assert found.is_authenticated


def test_the_row_holds_a_digest_and_the_secret_is_long_and_new_each_time(susan: int) -> None:
    secrets = [start(susan).get_id() for _ in range(3)]
    assert len(set(secrets)) == 3
    assert all(len(one) >= 43 for one in secrets)
    digests = set(db.session.scalars(select(LoginSession.digest)))
    assert digests == {hashlib.sha256(one.encode()).digest() for one in secrets}


@pytest.mark.parametrize("secret", ["", "1", "susan", "x" * 10_000, "\0", "ä"], ids=ascii)
def test_nobody_holds_another_secret(susan: int, secret: str) -> None:
    started = start(susan)
    assert find(secret) is None
    assert find(started.get_id() + secret) is None or secret == ""
    assert find(started.session.digest.hex()) is None


@pytest.mark.parametrize(
    ("remembered", "longest"), [(False, IDLE_OTHERWISE), (True, IDLE_REMEMBERED)]
)
def test_an_idle_session_ends(susan: int, remembered: bool, longest: timedelta) -> None:
    secret = start(susan, remembered=remembered).get_id()
    assert find(secret, NOW + longest) is not None
    assert find(secret, NOW + longest + timedelta(microseconds=1)) is None


def test_the_lives_of_sessions_are_a_day_and_thirty() -> None:
    assert timedelta(days=1) == IDLE_OTHERWISE
    assert timedelta(days=30) == IDLE_REMEMBERED


def test_use_prolongs_a_session(susan: int) -> None:
    secret = start(susan).get_id()
    used = NOW + timedelta(hours=20)
    visitor = find(secret, used)
    assert visitor is not None
    with transaction() as writing:
        touch(writing, visitor, HERE, now=used)
    assert find(secret, used + IDLE_OTHERWISE) is not None


def test_use_is_noted_every_ten_minutes(susan: int) -> None:
    visitor = start(susan)
    assert not needs_touch(visitor, now=NOW + timedelta(minutes=9, seconds=59))
    assert needs_touch(visitor, now=NOW + timedelta(minutes=10))


def test_one_session_is_ended_and_the_others_stay(susan: int) -> None:
    first, second = start(susan), start(susan)
    with transaction() as writing:
        log_out(writing, first, scope_at(NOW))
    assert find(first.get_id()) is None
    assert find(second.get_id()) is not None


def test_all_sessions_of_one_account_are_ended_and_no_others(app: Flask, susan: int) -> None:
    bob = make_user(app, "bob")
    mine, his = [start(susan), start(susan, remembered=True)], start(bob)
    with transaction() as writing:
        end_all_sessions(writing, susan)
    assert [find(one.get_id()) for one in mine] == [None, None]
    assert find(his.get_id()) is not None
