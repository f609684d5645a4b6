"""The mailed link: what it is good for, how often, how long, and for whom (T10, T12, T13)."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from flask import Flask
from sqlalchemy import event, func, select

from microblog.accounts.models import LoginSession, User
from microblog.accounts.passwords import verify_password
from microblog.database import db, is_sqlite, utc_now
from tests.constants import Make
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    mailed_link,
    make_user,
    path_of,
    payload_of,
    post_new_password,
    reset_link_for,
    token_of,
    words,
)

CHOOSE = "/reset_password/choose"
NEW = "a brand new password"
NOT_THE_SAME = "The passwords don't match."
LENGTH = "Use 8 to 1024 characters."
REFUSED = "This link no longer works"


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def link(app: Flask, susan: int) -> str:
    """The path of a link for susan that was made just now."""
    return reset_link_for(app, "susan@example.com")


def mail_link(app: Flask, smtp: ScriptedServer, address: str = "susan@example.com") -> str:
    """The path of a link that came by mail."""
    Visitor(app).ask_for_reset(address)
    deliver_from(app)
    return path_of(mailed_link(smtp))


def has_password(app: Flask, name: str, password: str) -> bool:
    with app.app_context():
        stored = db.session.scalar(select(User.password_hash).where(User.username == name))
    return verify_password(stored, password)


def test_the_token_is_a_signed_one_that_names_the_account_by_number(link: str, susan: int) -> None:
    assert jwt.get_unverified_header(token_of(link)) == {"alg": "HS256"}
    payload = payload_of(link)
    assert payload["reset_password"] == susan
    assert set(payload) == {"reset_password", "exp", "f"}
    assert "susan" not in str(payload)


def test_the_form(visitor: Visitor, link: str) -> None:
    page = visitor.get(link)
    html = page.get_data(as_text=True)
    assert "<h1>Reset Your Password</h1>" in html
    assert "<title>Reset Your Password - Microblog</title>" in html
    said = words(page)
    assert "Password Use at least 8 characters." in said
    assert "Repeat Password" in said
    assert html.count('type="password"') == 2
    assert html.count('autocomplete="new-password"') == 2
    assert html.count('type="submit"') == 1


def test_the_form_says_whose_password_it_is_also_to_password_managers(
    visitor: Visitor, link: str
) -> None:
    page = visitor.get(link)
    assert "Account: susan" in words(page)
    (field,) = re.findall(r"<input[^>]* autocomplete=\"username\"[^>]*>", page.text)
    assert 'value="susan"' in field
    assert "readonly hidden" in field
    assert "susan@example.com" not in page.text


@pytest.mark.parametrize(
    ("fields", "beside", "said"),
    [
        ({}, "password", "This field is required."),
        ({"password": NEW}, "password2", "This field is required."),
        ({"password": NEW, "password2": NEW + "!"}, "password2", NOT_THE_SAME),
        ({"password": NEW, "password2": NEW.upper()}, "password2", NOT_THE_SAME),
        ({"password": "1234567", "password2": "1234567"}, "password", LENGTH),
        ({"password": "x" * 1025, "password2": "x" * 1025}, "password", LENGTH),
    ],
)
def test_an_error_stands_beside_the_field_and_the_link_still_works(
    app: Flask, visitor: Visitor, link: str, fields: dict[str, object], beside: str, said: str
) -> None:
    visitor.get(link)
    page = visitor.submit(CHOOSE, fields)
    assert error_beside(page, beside) == said
    assert not any(str(typed) in page.get_data(as_text=True) for typed in fields.values())
    assert has_password(app, "susan", PASSWORD)
    assert "Your password has been reset." in words(visitor.choose_password(f"http://x{link}", NEW))


def test_the_token_leaves_the_address_bar_and_no_page_holds_it(
    app: Flask, visitor: Visitor, link: str
) -> None:
    answer = visitor.get(link, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, CHOOSE)
    page = visitor.get(CHOOSE)
    bad = visitor.submit(CHOOSE, {"password": "short"})
    done = visitor.submit(CHOOSE, {"password": NEW, "password2": NEW}, follow=False)
    used = visitor.get(link)
    for one in (answer, page, bad, done, used):
        assert token_of(link) not in one.get_data(as_text=True)
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"
    assert has_password(app, "susan", NEW)


def test_an_answer_at_the_address_of_a_token_is_never_kept_nor_named_by_a_referrer(
    app: Flask, visitor: Visitor, link: str
) -> None:
    without_csrf = visitor.client.post(link, data={"password": NEW, "password2": NEW})
    wrong_method = visitor.client.put(link)
    visitor.log_in("susan")
    logged_in = visitor.get(link, follow=False)
    assert [one.status_code for one in (without_csrf, wrong_method, logged_in)] == [400, 405, 302]
    for one in (without_csrf, wrong_method, logged_in):
        assert one.headers.get("Cache-Control") == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"


def test_the_form_can_be_sent_to_the_link_itself(app: Flask, visitor: Visitor, link: str) -> None:
    assert "Your password has been reset." in post_new_password(visitor, link)
    assert has_password(app, "susan", NEW)


def test_the_form_sent_to_the_link_itself_with_a_slip_does_not_show_the_token(
    visitor: Visitor, link: str
) -> None:
    token = visitor.csrf_token("/login")
    page = visitor.submit(link, {"password": NEW, "password2": ""}, token=token)
    assert error_beside(page, "password2") == "This field is required."
    assert token_of(link) not in page.get_data(as_text=True)


def test_someone_logged_in_is_sent_to_the_first_page(
    app: Flask, visitor: Visitor, link: str
) -> None:
    visitor.log_in("susan")
    answer = visitor.get(link, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    token = visitor.csrf_token("/")
    fields: dict[str, object] = {"password": NEW, "password2": NEW}
    answer = visitor.submit(link, fields, token=token, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert has_password(app, "susan", PASSWORD)


def test_scanners_that_open_the_link_change_nothing(app: Flask, susan: int, link: str) -> None:
    before = state_of(app)
    for _ in range(2):
        scanner = Visitor(app)
        assert scanner.get(link).status_code == 200
        assert scanner.client.head(link).status_code in {200, 302}
        assert app.test_client().options(link).status_code == 200
    assert state_of(app) == before
    assert "Your password has been reset." in words(
        Visitor(app).choose_password(f"http://x{link}", NEW)
    )


def state_of(app: Flask) -> tuple[Any, ...]:
    with app.app_context():
        return (
            db.session.execute(select(User.__table__)).all(),
            db.session.scalar(select(func.count()).select_from(LoginSession)),
            [(row.id, row.status) for row in rows(app)],
        )


def test_a_link_is_used_once(app: Flask, visitor: Visitor, link: str) -> None:
    visitor.choose_password(f"http://x{link}", NEW)
    assert REFUSED in words(visitor.get(link))
    assert REFUSED in post_new_password(visitor, link, "yet another password")
    assert REFUSED in words(visitor.get(CHOOSE))
    assert has_password(app, "susan", NEW)


def test_a_form_that_was_open_when_the_link_was_used_is_refused(app: Flask, link: str) -> None:
    first, second = Visitor(app), Visitor(app)
    first.get(link)
    second.get(link)
    token = second.csrf_token(CHOOSE)
    first.submit(CHOOSE, {"password": NEW, "password2": NEW})
    late: dict[str, object] = {"password": "a late password", "password2": "a late password"}
    assert REFUSED in words(second.submit(CHOOSE, late, token=token))
    assert has_password(app, "susan", NEW)


def test_of_two_links_the_use_of_one_kills_the_other(
    app: Flask, susan: int, visitor: Visitor, smtp: ScriptedServer
) -> None:
    first, second = mail_link(app, smtp), mail_link(app, smtp)
    assert "Your password has been reset." in post_new_password(visitor, first)
    assert REFUSED in post_new_password(visitor, second, "yet another password")
    assert has_password(app, "susan", NEW)


def test_a_link_of_one_account_survives_what_happens_to_another(
    app: Flask, visitor: Visitor, link: str, smtp: ScriptedServer
) -> None:
    make_user(app, "bob")
    bobs = mail_link(app, smtp, "bob@example.com")
    assert "Your password has been reset." in post_new_password(visitor, bobs)
    assert has_password(app, "bob", NEW)
    assert has_password(app, "susan", PASSWORD)
    assert "Your password has been reset." in post_new_password(visitor, link)


def test_the_chosen_password_may_be_the_old_one_and_the_link_is_used_all_the_same(
    app: Flask, visitor: Visitor, link: str
) -> None:
    assert "Your password has been reset." in post_new_password(visitor, link, PASSWORD)
    assert REFUSED in words(visitor.get(link))


@pytest.mark.parametrize(
    ("before_expiry", "works"),
    [(600.0, True), (1.0, True), (0.001, True), (0.0, False), (-3600, False)],
)
def test_the_link_ends_at_its_second(
    app: Flask,
    visitor: Visitor,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
    before_expiry: float,
    works: bool,
) -> None:
    moment = datetime.fromtimestamp(payload_of(link)["exp"] - before_expiry, UTC)
    set_clock(monkeypatch, moment)
    assert (REFUSED not in words(visitor.get(link))) is works
    assert ("Your password has been reset." in post_new_password(visitor, link)) is works
    assert has_password(app, "susan", NEW) is works


def test_a_form_that_was_opened_in_time_is_refused_when_it_comes_late(
    app: Flask, visitor: Visitor, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor.get(link)
    token = visitor.csrf_token(CHOOSE)
    moment = datetime.fromtimestamp(payload_of(link)["exp"], UTC)
    set_clock(monkeypatch, moment)
    fields: dict[str, object] = {"password": NEW, "password2": NEW}
    assert REFUSED in words(visitor.submit(CHOOSE, fields, token=token))
    assert has_password(app, "susan", PASSWORD)


def test_keys_can_be_rotated(make_app: Make, smtp: ScriptedServer) -> None:
    old, new = "the old key, which was a good one, too", "the new key, which is as good as that"
    before = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=old)
    make_user(before, "susan")
    link = mail_link(before, smtp)
    without = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=new)
    assert REFUSED in words(Visitor(without).get(link))
    after = make_app(
        PUBLIC_URL="http://localhost", SECRET_KEY=new, SECRET_KEY_FALLBACKS=["f" * 32, old]
    )
    assert "Your password has been reset." in words(
        Visitor(after).choose_password(f"http://x{link}", NEW)
    )
    assert REFUSED in words(Visitor(after).get(link))
    jwt.decode(token_of(mail_link(after, smtp)), new, algorithms=["HS256"])


def test_an_unfinished_link_is_no_page(visitor: Visitor) -> None:
    assert visitor.get("/reset_password/").status_code == 404
    assert visitor.get("/reset_password").status_code == 404


def test_without_its_session_the_page_without_a_token_is_refused(visitor: Visitor) -> None:
    assert REFUSED in words(visitor.get(CHOOSE))
    assert REFUSED in post_new_password(visitor, CHOOSE)


def test_a_bad_link_ends_what_a_good_one_began(visitor: Visitor, link: str) -> None:
    visitor.get(link)
    assert REFUSED in words(visitor.get("/reset_password/forged"))
    assert REFUSED in words(visitor.get(CHOOSE))


def test_of_twenty_simultaneous_uses_of_one_link_one_wins(app: Flask, link: str) -> None:
    assert_one_wins(app, link, count=20)


def test_one_wins_also_where_all_have_looked_before_one_has_written(app: Flask, link: str) -> None:
    count = 8
    about_to_write = threading.Barrier(count)
    with app.app_context():
        engine = db.engine
        longest = 0.5 if is_sqlite() else 2

    def wait_for_the_others(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE users"):
            # Where only one may come as far as this, the others are not waited for in vain.
            with suppress(threading.BrokenBarrierError):
                about_to_write.wait(timeout=longest)

    event.listen(engine, "before_cursor_execute", wait_for_the_others)
    try:
        assert_one_wins(app, link, count=count)
    finally:
        event.remove(engine, "before_cursor_execute", wait_for_the_others)


def assert_one_wins(app: Flask, link: str, *, count: int) -> None:
    """Send the form so many times at once, each from a browser and with a password of its own."""
    starting = threading.Barrier(count)
    visitors = [Visitor(app) for _ in range(count)]
    tokens = [one.csrf_token("/login") for one in visitors]
    said: dict[int, str] = {}

    def use(number: int) -> None:
        password = f"the password number {number}"
        fields: dict[str, object] = {"password": password, "password2": password}
        starting.wait(timeout=30)
        page = visitors[number].submit(link, fields, token=tokens[number])
        said[number] = words(page)

    threads = [threading.Thread(target=use, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    winners = [number for number, text in said.items() if "Your password has been reset." in text]
    losers = [number for number, text in said.items() if REFUSED in text]
    assert (len(winners), len(losers)) == (1, count - 1), said
    assert has_password(app, "susan", f"the password number {winners[0]}")
    notices = [row for row in rows(app) if row.kind == "accounts.password_changed"]
    assert len(notices) == 1


def test_choosing_a_password_proves_the_address(app: Flask, visitor: Visitor) -> None:
    """Whoever holds the link reads the mail of this address."""
    make_user(app, "susan", verified=False)
    link = reset_link_for(app, "susan@example.com")
    before = utc_now()
    post_new_password(visitor, link)
    with app.app_context():
        verified = db.session.scalar(select(User.email_verified_at))
    assert verified is not None
    assert before <= verified <= utc_now()


@pytest.mark.parametrize(
    "password",
    [
        "пароль из букв",
        "密码密码密码密码",
        "🔑🔑🔑🔑🔑🔑🔑🔑",
        "        ",
        "tab\tand\r\nline",
        "nul\0nul\0nul",
        "x" * 1024,
    ],
    ids=ascii,
)
def test_any_characters_make_a_password(
    app: Flask, visitor: Visitor, link: str, password: str
) -> None:
    assert "Your password has been reset." in post_new_password(visitor, link, password)
    assert "Hi, susan!" in words(visitor.log_in("susan", password=password))
