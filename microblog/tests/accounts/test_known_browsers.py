"""Which browsers an account knows, and what its owner is told of others."""

from __future__ import annotations

import hashlib

import pytest
from flask import Flask
from sqlalchemy import select

from microblog.accounts.models import KnownBrowser, SecurityEvent
from microblog.accounts.sessions.known_browsers import (
    BROWSERS_KEPT,
    KNOWN_FOR,
    SECRETS_KEPT,
    prune_browsers,
    read_secrets,
    remember_browser,
)
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    mailed_link,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    words,
)

COOKIE = "microblog_browser"
NOTICE = "accounts.new_browser"


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


def notices(app: Flask) -> list[str]:
    return [row.recipient for row in rows(app) if row.kind == NOTICE]


def events(app: Flask, number: int) -> list[str]:
    of_account = select(SecurityEvent.kind).where(SecurityEvent.user_id == number)
    with app.app_context():
        return list(db.session.scalars(of_account.order_by(SecurityEvent.id)))


def secrets_of(visitor: Visitor) -> list[str]:
    cookie = visitor.client.get_cookie(COOKIE)
    return cookie.value.split(".") if cookie else []


def leave_and_come_back(visitor: Visitor, login: str) -> None:
    visitor.submit("/logout", token=visitor.csrf_token("/"))
    visitor.log_in(login)


def test_a_new_browser_is_told_to_the_owner_once(
    app: Flask, susan: int, smtp: ScriptedServer
) -> None:
    visitor = Visitor(app, new_browser=True)
    visitor.log_in("susan")
    assert events(app, susan) == ["logged_in_new_browser"]
    leave_and_come_back(visitor, "susan@example.com")
    assert events(app, susan) == ["logged_in_new_browser", "logged_out", "logged_in"]
    assert notices(app) == ["susan@example.com"]
    deliver_from(app)
    (mail,) = smtp.received
    assert mail.recipients == ["susan@example.com"]
    assert "/not_me/" in mailed_link(smtp)


def test_the_cookie_is_out_of_reach_and_lasts_and_the_row_has_its_digest(
    app: Flask, susan: int
) -> None:
    visitor = Visitor(app, new_browser=True)
    token = visitor.csrf_token("/login")
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    answer = visitor.submit("/login", fields, token=token, follow=False)
    (header,) = [
        one for one in answer.headers.getlist("Set-Cookie") if one.startswith(f"{COOKIE}=")
    ]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} < {part.strip() for part in header.split(";")}
    assert f"Max-Age={int(KNOWN_FOR.total_seconds())}" in header
    (secret,) = secrets_of(visitor)
    assert len(secret) == 43
    with app.app_context():
        digests = db.session.scalars(select(KnownBrowser.digest)).all()
    assert hashlib.sha256(secret.encode()).digest() in digests


def test_who_just_registered_gets_no_notice_of_the_first_log_in(
    app: Flask, smtp: ScriptedServer
) -> None:
    visitor = Visitor(app, new_browser=True)
    visitor.register("bob")
    deliver_from(app)
    visitor.submit(path_of(mailed_link(smtp)), {"confirm": "y"}, token=visitor.csrf_token("/login"))
    visitor.log_out()
    assert "Hi, bob!" in words(visitor.log_in("bob"))
    assert notices(app) == []
    Visitor(app, new_browser=True).log_in("bob")
    assert notices(app) == ["bob@example.com"]


def test_who_just_chose_a_password_gets_no_notice_and_all_others_do(app: Flask, susan: int) -> None:
    owner, former = Visitor(app, new_browser=True), Visitor(app)
    post_new_password(owner, reset_link_for(app, "susan@example.com"), "a brand new password")
    owner.log_in("susan", password="a brand new password")
    assert notices(app) == []
    former.log_in("susan", password="a brand new password")
    assert notices(app) == ["susan@example.com"]


def test_an_address_that_was_never_proved_gets_no_notice(app: Flask) -> None:
    number = make_user(app, "bob", verified=False)
    Visitor(app, new_browser=True).log_in("bob")
    assert events(app, number) == ["logged_in_new_browser"]
    assert rows(app) == []


def test_people_who_share_a_browser_are_no_strangers_to_it(app: Flask, susan: int) -> None:
    make_user(app, "bob")
    visitor = Visitor(app, new_browser=True)
    for name in ("susan", "bob", "susan", "bob"):
        visitor.log_in(name)
        visitor.submit("/logout", token=visitor.csrf_token("/"))
    assert sorted(notices(app)) == ["bob@example.com", "susan@example.com"]
    assert len(secrets_of(visitor)) == 2


def test_a_secret_of_one_account_says_nothing_to_another(app: Flask, susan: int) -> None:
    eve = Visitor(app, new_browser=True)
    eve.register("eve")
    leave_and_come_back(eve, "susan")
    assert notices(app) == ["susan@example.com"]


def test_a_planted_secret_is_not_taken_over(app: Flask, susan: int) -> None:
    visitor = Visitor(app, new_browser=True)
    planted = "p" * 43
    visitor.client.set_cookie(COOKIE, planted)
    visitor.log_in("susan")
    assert notices(app) == ["susan@example.com"]
    thief = Visitor(app, new_browser=True)
    thief.client.set_cookie(COOKIE, planted)
    thief.log_in("susan")
    assert len(notices(app)) == 2


@ON_SQLITE
@pytest.mark.parametrize(
    "value", ["", ".", "x", "ä" * 43, "'" * 43, ".".join(["a" * 43] * 60), "a" * 3000], ids=len
)
def test_a_forged_cookie_is_a_strangers(app: Flask, susan: int, value: str) -> None:
    visitor = Visitor(app, new_browser=True)
    visitor.client.set_cookie(COOKIE, value)
    assert "Hi, susan!" in words(visitor.log_in("susan"))
    assert notices(app) == ["susan@example.com"]
    assert len(secrets_of(visitor)) <= SECRETS_KEPT


def test_a_cookie_holds_only_so_many_secrets() -> None:
    many = [f"{number:043d}" for number in range(SECRETS_KEPT + 2)]
    assert read_secrets(".".join(many)) == many[:SECRETS_KEPT]
    assert read_secrets(f"{many[0]}.short.{many[1]}") == many[:2]


def test_an_account_knows_only_so_many_browsers(app: Flask, susan: int) -> None:
    now = utc_now()
    with app.app_context(), transaction() as writing:
        first, _ = remember_browser(writing, susan, [], now=now)
        for _ in range(BROWSERS_KEPT):
            remember_browser(writing, susan, [], now=now + KNOWN_FOR / 2)
        last, known = remember_browser(writing, susan, first, now=now + KNOWN_FOR / 2)
        assert not known
        assert remember_browser(writing, susan, last, now=now + KNOWN_FOR / 2)[1]
        assert len(writing.scalars(select(KnownBrowser.id)).all()) == BROWSERS_KEPT


def test_browsers_that_were_not_used_for_a_year_are_removed(app: Flask, susan: int) -> None:
    now = utc_now()
    with app.app_context(), transaction() as writing:
        held, _ = remember_browser(writing, susan, [], now=now + KNOWN_FOR / 2)
        assert prune_browsers(writing, now + KNOWN_FOR * 1.2) is False
        assert len(writing.scalars(select(KnownBrowser.id)).all()) == 1
        assert remember_browser(writing, susan, held, now=now + KNOWN_FOR * 1.2)[1]
