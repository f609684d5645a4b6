"""How often one may try to log in, and that nobody can lock the owner out by trying."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from microblog.accounts.models import KnownBrowser, LoginThrottle, User
from microblog.accounts.sessions.known_browsers import KNOWN_FOR
from microblog.accounts.sessions.login_throttle import (
    FORGOTTEN_AFTER,
    FREE_FAILURES,
    admit,
    prune_throttles,
)
from microblog.database import db, transaction, utc_now
from tests.constants import Make
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    error_beside,
    make_user,
    post_new_password,
    reset_link_for,
    value_in,
    words,
)

HELLO = "Hi, susan!"
WRONG = "Wrong username or password."
TOO_OFTEN = "Too many attempts. Wait 1 minute, or reset"
NEW = "a brand new password"
NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def stranger(app: Flask) -> Visitor:
    return Visitor(app, new_browser=True)


def exhaust(app: Flask, login: str) -> Visitor:
    """A stranger who has tried as often as is free."""
    visitor = Visitor(app, new_browser=True)
    with app.app_context():
        # As if all but the last had been made before: each takes a while.
        visitor.log_in(login, password="wrong")
        with transaction() as writing:
            newest = select(LoginThrottle.key).order_by(LoginThrottle.failed_at.desc()).limit(1)
            writing.execute(
                update(LoginThrottle)
                .where(LoginThrottle.key == writing.scalar(newest))
                .values(failures=FREE_FAILURES - 1)
            )
    assert WRONG in words(visitor.log_in(login, password="wrong"))
    return visitor


def refused(page: TestResponse) -> bool:
    return page.status_code == 429 and TOO_OFTEN in words(page)


@pytest.mark.parametrize(
    "login",
    ["susan", "susan@example.com", "nobody", "nobody@example.com", "no@body@", "\0"],
    ids=ascii,
)
def test_after_ten_failures_an_attempt_has_to_wait_whoever_is_meant(
    app: Flask, susan: int, login: str
) -> None:
    visitor = exhaust(app, login)
    page = visitor.log_in(login, password=PASSWORD)
    assert refused(page)
    assert 0 < int(page.headers["Retry-After"]) <= 60
    assert value_in(page, "username") == login
    assert value_in(page, "password") == ""
    assert "/reset_password_request" in page.get_data(as_text=True)


def test_known_and_unknown_are_refused_in_the_same_words(app: Flask, susan: int) -> None:
    known, unknown = (exhaust(app, login).log_in(login) for login in ("susan", "nobody"))
    assert words(known) == words(unknown)
    assert dict(known.headers).keys() == dict(unknown.headers).keys()


def test_ten_wrong_ones_are_free_and_the_next_is_right_or_waits(
    app: Flask, susan: int, stranger: Visitor
) -> None:
    for _ in range(FREE_FAILURES - 1):
        assert WRONG in words(stranger.log_in("susan", password="wrong"))
    assert HELLO in words(stranger.log_in("susan"))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(LoginThrottle)) == 0


@ON_SQLITE
@pytest.mark.parametrize("spelling", ["SUSAN", " susan ", "Ｓｕｓａｎ"])
def test_another_spelling_has_no_tries_of_its_own(app: Flask, susan: int, spelling: str) -> None:
    exhaust(app, "susan")
    assert refused(Visitor(app, new_browser=True).log_in(spelling))


def test_another_account_is_not_held_back(app: Flask, susan: int, stranger: Visitor) -> None:
    make_user(app, "bob")
    exhaust(app, "susan")
    assert "Hi, bob!" in words(stranger.log_in("bob"))


@pytest.mark.parametrize("login", ["susan", "susan@example.com"])
def test_a_browser_in_which_the_owner_was_before_is_let_through(
    app: Flask, susan: int, login: str
) -> None:
    owner = Visitor(app, new_browser=True)
    owner.log_in("susan")
    owner.submit("/logout", token=owner.csrf_token("/"))
    exhaust(app, login)
    assert refused(Visitor(app, new_browser=True).log_in(login))
    assert HELLO in words(owner.log_in(login))


def test_a_known_browser_has_tries_of_its_own_which_end_too(app: Flask, susan: int) -> None:
    thief = Visitor(app)
    for _ in range(FREE_FAILURES):
        thief.log_in("susan", password="wrong")
    assert refused(thief.log_in("susan"))
    assert HELLO in words(Visitor(app, new_browser=True).log_in("susan"))


@ON_SQLITE
def test_a_browser_is_forgotten_in_the_end(app: Flask, susan: int) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(KnownBrowser).values(seen_at=utc_now() - KNOWN_FOR))
    exhaust(app, "susan")
    assert refused(Visitor(app).log_in("susan"))


@pytest.mark.parametrize("login", ["susan", "susan@example.com"])
def test_a_reset_ends_the_wait(app: Flask, susan: int, stranger: Visitor, login: str) -> None:
    exhaust(app, login)
    link = reset_link_for(app, "susan@example.com")
    assert "Your password has been reset." in post_new_password(stranger, link)
    assert HELLO in words(Visitor(app, new_browser=True).log_in(login, password=NEW))


def test_who_chose_the_password_is_not_held_back_by_others_again(
    app: Flask, susan: int, stranger: Visitor
) -> None:
    post_new_password(stranger, reset_link_for(app, "susan@example.com"))
    exhaust(app, "susan")
    assert HELLO in words(stranger.log_in("susan", password=NEW))


def test_a_reset_makes_every_other_browser_a_stranger(
    app: Flask, susan: int, stranger: Visitor
) -> None:
    thief = Visitor(app)
    thief.log_in("susan")
    post_new_password(stranger, reset_link_for(app, "susan@example.com"))
    exhaust(app, "susan")
    assert refused(thief.log_in("susan", password=NEW))


def test_the_browser_of_a_claim_buys_no_tries_at_the_holder(app: Flask, susan: int) -> None:
    thief = Visitor(app, new_browser=True)
    thief.register("trojan", email="susan@example.com")
    thief.log_out()
    exhaust(app, "susan@example.com")
    assert refused(thief.log_in("susan@example.com"))


def test_logging_in_to_a_claim_does_not_clear_the_holders_count(app: Flask, susan: int) -> None:
    thief = Visitor(app, new_browser=True)
    thief.register("trojan", email="susan@example.com", password=NEW)
    thief.log_out()
    for _ in range(FREE_FAILURES - 1):
        thief.log_in("susan@example.com", password="wrong")
    assert "Hi, trojan!" in words(thief.log_in("susan@example.com", password=NEW))
    thief.log_out()
    assert refused(thief.log_in("susan@example.com", password="wrong"))


def test_a_disabled_account_answers_like_none(app: Flask, susan: int, stranger: Visitor) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(disabled_at=utc_now()))
    for password in (PASSWORD, "wrong"):
        page = stranger.log_in("susan", password=password)
        assert words(page) == words(Visitor(app).log_in("nobody", password=password))
        assert page.status_code == 200
    exhaust(app, "susan")
    assert refused(stranger.log_in("susan"))


def test_the_table_tells_nobody_what_was_typed(app: Flask, stranger: Visitor) -> None:
    stranger.log_in("my password by mistake", password="wrong")
    with app.app_context():
        (row,) = db.session.execute(select(LoginThrottle.__table__)).all()
    assert "mistake" not in repr(row)
    assert len(row.key) == 64


def test_of_many_attempts_at_once_none_is_overlooked(app: Flask) -> None:
    admitted: list[bool] = []
    gate = threading.Barrier(8)

    def attempt() -> None:
        with app.app_context():
            gate.wait()
            for _ in range(4):
                with transaction() as writing:
                    admitted.append(admit(writing, "k", now=NOW) is None)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(admitted), sum(admitted)) == (32, FREE_FAILURES)


def test_each_further_failure_makes_the_wait_twice_as_long_up_to_an_hour(app: Flask) -> None:
    now, minutes = NOW, []
    with app.app_context(), transaction() as writing:
        for _ in range(FREE_FAILURES - 1):
            assert admit(writing, "k", now=now) is None
        for _ in range(9):
            assert admit(writing, "k", now=now) is None
            wait = admit(writing, "k", now=now)
            assert wait is not None
            assert admit(writing, "k", now=now + wait - timedelta(seconds=1)) is not None
            minutes.append(wait / timedelta(minutes=1))
            now += wait
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_failures_are_forgotten_after_a_day_and_their_rows_removed(app: Flask) -> None:
    with app.app_context(), transaction() as writing:
        for _ in range(FREE_FAILURES):
            admit(writing, "k", now=NOW)
        assert admit(writing, "k", now=NOW + FORGOTTEN_AFTER) is None
        assert admit(writing, "k", now=NOW + FORGOTTEN_AFTER) is None
        admit(writing, "old", now=NOW)
        assert prune_throttles(writing, NOW + FORGOTTEN_AFTER + timedelta(seconds=1)) is False
        assert writing.scalars(select(LoginThrottle.key)).all() == ["k"]


def test_the_password_in_the_settings_cannot_be_found_out_by_trying(app: Flask, susan: int) -> None:
    thief, owner = Visitor(app), Visitor(app)
    for visitor in (thief, owner):
        visitor.log_in("susan")

    def ask(visitor: Visitor, password: str) -> TestResponse:
        return visitor.submit("/settings/export", {"current_password": password})

    for _ in range(FREE_FAILURES):
        assert (
            error_beside(ask(thief, "wrong"), "current_password")
            == "This isn't your current password."
        )
    said = error_beside(ask(thief, PASSWORD), "current_password")
    assert said == ("Too many wrong passwords. Wait 1 minute, or sign out and reset your password.")
    assert ask(owner, PASSWORD).mimetype == "application/json"


def test_one_client_is_held_back_whatever_it_types(make_app: Make) -> None:
    app = make_app(PUBLIC_URL="http://localhost", RATELIMIT_ENABLED=True)
    visitor = Visitor(app, new_browser=True)
    token = visitor.csrf_token("/login")
    answers = [
        visitor.submit("/login", {"username": f"user{number}"}, token=token).status_code
        for number in range(31)
    ]
    assert answers == [200] * 30 + [429]
