"""Logging in and out, what the cookies hold, and how long they are believed."""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from argon2 import Parameters, PasswordHasher, extract_parameters
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import Client, TestResponse

from microblog.accounts.models import LoginSession, User
from microblog.database import db, transaction, utc_now
from tests.constants import Make
from tests.visitor import ON_SQLITE, PASSWORD, Visitor, error_beside, make_user, value_in, words

HELLO = "Hi, Susan!"
STRANGER = "Short posts, newest first."
WRONG = "Wrong username or password."
SESSION, REMEMBER, BROWSER = "microblog", "microblog_remember", "microblog_browser"


@pytest.fixture(autouse=True)
def susan(app: Flask) -> int:
    return make_user(app, "Susan", email="Susan.Strong@example.com")


def sessions(app: Flask) -> list[LoginSession]:
    with app.app_context():
        return list(db.session.scalars(select(LoginSession)))


def set_cookies(answer: TestResponse) -> dict[str, str]:
    return {one.partition("=")[0]: one for one in answer.headers.getlist("Set-Cookie")}


def cookie(client: Client, name: str) -> str:
    found = client.get_cookie(name)
    assert found is not None, f"there is no cookie {name}"
    return found.value


@pytest.mark.parametrize(
    "login",
    [
        "Susan",
        "susan",
        "SUSAN",
        "  susan ",
        "Ｓｕｓａｎ",
        "Susan.Strong@example.com",
        "susan.strong@EXAMPLE.com",
        " SUSAN.STRONG@example.com ",
    ],
)
def test_a_name_or_an_address_opens_the_account_in_any_case(visitor: Visitor, login: str) -> None:
    page = visitor.log_in(login)
    assert page.request.path == "/"
    assert HELLO in words(page)


@ON_SQLITE
@pytest.mark.parametrize("login", ["bob", "bob@example.com", "Susan@example.com", "@", "a@b@c"])
@pytest.mark.parametrize("password", [PASSWORD, "wrong", "x" * 1024])
def test_an_unknown_login_and_a_wrong_password_get_the_same_words(
    visitor: Visitor, app: Flask, login: str, password: str
) -> None:
    unknown = visitor.log_in(login, password=password)
    wrong = Visitor(app).log_in("susan", password="wrong")
    assert WRONG in words(unknown)
    assert words(unknown) == words(wrong)
    assert (unknown.status_code, unknown.request.path) == (200, "/login")
    assert value_in(unknown, "username") == login
    assert value_in(unknown, "password") == ""
    assert sessions(app) == []


@ON_SQLITE
@pytest.mark.parametrize(
    "password", [PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1], PASSWORD + "\0"]
)
def test_a_password_is_taken_as_it_is(visitor: Visitor, password: str) -> None:
    assert WRONG in words(visitor.log_in("susan", password=password))


@pytest.mark.real_hashing
def test_an_unknown_login_takes_as_long_as_a_wrong_password(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[Parameters] = []
    verify = PasswordHasher.verify

    def watched(self: PasswordHasher, stored: str, password: str) -> bool:
        compared.append(extract_parameters(stored))
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", watched)
    for login in ("nobody", "susan"):
        visitor.log_in(login, password="wrong")
    nobodys, susans = compared
    assert nobodys == susans


def test_the_errors_stand_beside_the_fields(visitor: Visitor) -> None:
    page = visitor.submit("/login", {})
    assert error_beside(page, "username") == "This field is required."
    assert error_beside(page, "password") == "This field is required."


def test_someone_logged_in_is_sent_to_the_first_page(app: Flask, visitor: Visitor) -> None:
    visitor.log_in("susan")
    answer = visitor.get("/login", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert len(sessions(app)) == 1


def test_without_remember_me_the_cookie_ends_with_the_browser(app: Flask, visitor: Visitor) -> None:
    token = visitor.csrf_token("/login")
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    cookies = set_cookies(visitor.submit("/login", fields, token=token, follow=False))
    assert set(cookies) == {SESSION, BROWSER}
    assert "Expires" not in cookies[SESSION]
    assert "Max-Age" not in cookies[SESSION]
    visitor.client.delete_cookie(SESSION)
    assert STRANGER in words(visitor.get("/"))
    assert [one.remembered for one in sessions(app)] == [False]


def test_with_remember_me_the_cookie_lasts_for_thirty_days(app: Flask, visitor: Visitor) -> None:
    token = visitor.csrf_token("/login")
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD, "remember_me": "y"}
    cookies = set_cookies(visitor.submit("/login", fields, token=token, follow=False))
    expires = re.search(r"Expires=([^;]+)", cookies[REMEMBER])
    assert expires
    left = parsedate_to_datetime(expires[1]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)
    visitor.client.delete_cookie(SESSION)
    assert HELLO in words(visitor.get("/"))
    assert [one.remembered for one in sessions(app)] == [True]


@ON_SQLITE
@pytest.mark.parametrize(("remember", "cookies"), [(True, {REMEMBER}), (False, set())])
def test_the_cookie_of_a_remembered_login_moves_on_with_its_use(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, remember: bool, cookies: set[str]
) -> None:
    visitor.log_in("susan", remember=remember)
    assert REMEMBER not in set_cookies(visitor.get("/"))
    later(monkeypatch, timedelta(minutes=11))
    assert set(set_cookies(visitor.get("/"))) - {SESSION} == cookies


@ON_SQLITE
@pytest.mark.parametrize(
    ("public_url", "secure", "prefix"),
    [("http://localhost:5000", False, ""), ("https://blog.example.com", True, "__Host-")],
)
def test_cookies_are_out_of_reach_and_secure_where_the_site_is(
    make_app: Make, public_url: str, secure: bool, prefix: str
) -> None:
    client = make_app(PUBLIC_URL=public_url).test_client()
    page = client.get("/login", base_url=public_url)
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert found
    fields = {"csrf_token": found[1], "username": "susan", "password": PASSWORD, "remember_me": "y"}
    answer = client.post("/login", data=fields, base_url=public_url)
    assert answer.status_code == 302
    cookies = set_cookies(answer)
    assert set(cookies) == {f"{prefix}{name}" for name in (SESSION, REMEMBER, BROWSER)}
    for one in (*cookies.values(), *set_cookies(page).values()):
        attributes = [part.strip() for part in one.split(";")[1:]]
        assert "HttpOnly" in attributes
        assert "SameSite=Lax" in attributes
        assert "Path=/" in attributes
        assert ("Secure" in attributes) is secure
        assert not any(part.startswith("Domain") for part in attributes)
    assert HELLO in words(client.get("/", base_url=public_url))


def secret_of(app: Flask, client: Client) -> str:
    """What the cookie of this browser proves its session with."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    content: dict[str, Any] = serializer.loads(cookie(client, SESSION))
    return str(content["_user_id"])


def test_the_database_holds_only_the_digest_of_the_sessions_secret(
    app: Flask, visitor: Visitor
) -> None:
    visitor.log_in("susan", remember=True)
    secret = secret_of(app, visitor.client)
    assert len(secret) >= 43
    assert cookie(visitor.client, REMEMBER).startswith(secret)
    (row,) = sessions(app)
    assert row.digest == hashlib.sha256(secret.encode()).digest()
    with app.app_context():
        assert secret not in repr(db.session.execute(select(LoginSession.__table__)).all())


def test_each_login_has_a_secret_of_its_own(app: Flask) -> None:
    secrets = set()
    for _ in range(3):
        visitor = Visitor(app)
        visitor.log_in("susan")
        secrets.add(secret_of(app, visitor.client))
    assert len(secrets) == 3


def test_nothing_of_the_session_before_the_login_is_left(app: Flask, visitor: Visitor) -> None:
    before = visitor.csrf_token("/login")
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    visitor.log_in("susan")
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
    answer = visitor.submit("/", {"post": "forged"}, token=before)
    assert answer.status_code == 400


def test_logging_out_ends_this_session_and_no_other(app: Flask, visitor: Visitor) -> None:
    elsewhere = Visitor(app)
    elsewhere.log_in("susan")
    visitor.log_in("susan", remember=True)
    assert len(sessions(app)) == 2
    page = visitor.submit("/logout", token=visitor.csrf_token("/"))
    assert page.request.path == "/"
    assert STRANGER in words(page)
    assert visitor.client.get_cookie(REMEMBER) is None
    assert STRANGER in words(visitor.get("/"))
    assert HELLO in words(elsewhere.get("/"))
    assert len(sessions(app)) == 1


def test_old_cookies_are_worthless_after_logging_out(app: Flask, visitor: Visitor) -> None:
    visitor.log_in("susan", remember=True)
    old = {name: cookie(visitor.client, name) for name in (SESSION, REMEMBER)}
    visitor.submit("/logout", token=visitor.csrf_token("/"))
    for name, value in old.items():
        thief = Visitor(app)
        thief.client.set_cookie(name, value)
        assert STRANGER in words(thief.get("/"))


@ON_SQLITE
@pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
def test_only_a_form_logs_out(app: Flask, visitor: Visitor, method: str) -> None:
    visitor.log_in("susan")
    assert visitor.client.open("/logout", method=method.upper()).status_code in {400, 405}
    assert HELLO in words(visitor.get("/"))


def test_nobody_logs_another_out(app: Flask, visitor: Visitor) -> None:
    visitor.log_in("susan")
    for data in ({}, {"csrf_token": "forged"}, {"csrf_token": Visitor(app).csrf_token("/login")}):
        answer = visitor.client.post("/logout", data=data)
        assert answer.status_code == 400
        assert "This form has expired" in words(answer)
    assert HELLO in words(visitor.get("/"))


def test_a_second_click_on_log_out_does_no_harm(visitor: Visitor) -> None:
    visitor.log_in("susan")
    token = visitor.csrf_token("/")
    for _ in range(2):
        page = visitor.submit("/logout", token=token)
        assert (page.status_code, page.request.path) == (200, "/")


def test_a_stranger_who_logs_out_is_shown_the_first_page(visitor: Visitor) -> None:
    page = visitor.submit("/logout", token=visitor.csrf_token("/login"))
    assert (page.status_code, page.request.path) == (200, "/")


def later(monkeypatch: pytest.MonkeyPatch, wait: timedelta) -> None:
    moment = utc_now() + wait
    monkeypatch.setattr("microblog.accounts.pages.sign_in.utc_now", lambda: moment)


@pytest.mark.parametrize(
    ("remember", "idle", "known"),
    [
        (False, timedelta(hours=23), True),
        (False, timedelta(days=1, minutes=1), False),
        (True, timedelta(days=29, hours=23), True),
        (True, timedelta(days=30, minutes=1), False),
    ],
)
def test_a_session_ends_when_nobody_uses_it(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch, remember: bool, idle: timedelta, known: bool
) -> None:
    visitor.log_in("susan", remember=remember)
    later(monkeypatch, idle)
    assert (HELLO if known else STRANGER) in words(visitor.get("/"))


def test_a_session_that_is_used_does_not_end(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.log_in("susan")
    for hours in (20, 40, 60):
        with monkeypatch.context() as patched:
            later(patched, timedelta(hours=hours))
            assert HELLO in words(visitor.get("/"))
    later(monkeypatch, timedelta(hours=60 + 25))
    assert STRANGER in words(visitor.get("/"))


def test_looking_at_pages_writes_at_most_every_ten_minutes(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.log_in("susan")
    began = sessions(app)[0].seen_at
    with monkeypatch.context() as patched:
        later(patched, timedelta(minutes=9))
        visitor.get("/")
    assert sessions(app)[0].seen_at == began
    later(monkeypatch, timedelta(minutes=11))
    visitor.get("/")
    assert sessions(app)[0].seen_at >= began + timedelta(minutes=11)


@ON_SQLITE
@pytest.mark.parametrize("name", [SESSION, REMEMBER])
@pytest.mark.parametrize(
    "value",
    ["", "x", "a|b", "1|" + "0" * 128, "a.b.c", "|", "ä|ö", "susan|é", "%00|%ff", "x" * 4000],
    ids=ascii,
)
def test_a_forged_cookie_is_a_strangers(
    app: Flask, visitor: Visitor, name: str, value: str
) -> None:
    visitor.client.set_cookie(name, value)
    page = visitor.get("/")
    assert page.status_code == 200
    assert STRANGER in words(page)
    assert HELLO in words(visitor.log_in("susan"))


def test_raw_bytes_in_the_cookie_header_are_a_strangers(app: Flask) -> None:
    environ = {"HTTP_COOKIE": "microblog_remember=susan|\xff\xfe; microblog=\xe9"}
    answer = app.test_client(use_cookies=False).get("/", environ_overrides=environ)
    assert answer.status_code == 200
    assert STRANGER in words(answer)


def test_people_stay_logged_in_while_the_key_is_changed(make_app: Make) -> None:
    old, new = "the old key, which was a good one, too", "the new key, which is as good as that"
    before = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=old)
    visitor = Visitor(before)
    visitor.log_in("susan", remember=True)
    after = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old])
    for name in (SESSION, REMEMBER):
        browser = Visitor(after)
        browser.client.set_cookie(name, cookie(visitor.client, name))
        assert HELLO in words(browser.get("/")), name
    without = Visitor(make_app(PUBLIC_URL="http://localhost", SECRET_KEY=new))
    for name in (SESSION, REMEMBER):
        without.client.set_cookie(name, cookie(visitor.client, name))
    assert STRANGER in words(without.get("/"))


def test_who_was_sent_to_log_in_goes_on_where_they_wanted_to_be(visitor: Visitor) -> None:
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    answer = visitor.submit("/login?next=/index%3Fpage%3D2", fields, follow=False)
    assert answer.headers["Location"] == "/index?page=2"


@ON_SQLITE
@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "//[",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example",
        "%2F%2Fevil.example",
        "%252F%252Fevil.example",
        "/%5Cevil.example",
        "javascript:alert(1)",
        "/%0d%0aLocation:%20https://evil.example",
        "https:evil.example",
        "/%E2%80%8B/evil.example",
        "/%00/evil.example",
        "http:///evil.example",
        "@evil.example",
        ".evil.example",
        "",
    ],
)
def test_nobody_is_sent_to_another_site_after_logging_in(visitor: Visitor, target: str) -> None:
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    answer = visitor.submit(f"/login?next={target}", fields, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


@pytest.mark.real_hashing
def test_a_weak_hash_becomes_a_strong_one_at_the_next_login(
    app: Flask, susan: int, visitor: Visitor
) -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(password_hash=weak))
    assert WRONG in words(visitor.log_in("susan", password="wrong"))
    assert hash_of_susan(app) == weak
    assert HELLO in words(visitor.log_in("susan"))
    strong = hash_of_susan(app)
    assert strong.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert HELLO in words(Visitor(app).log_in("susan"))
    assert hash_of_susan(app) == strong


def hash_of_susan(app: Flask) -> str:
    with app.app_context():
        return db.session.scalars(select(User.password_hash)).one()
