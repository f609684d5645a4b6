"""A new password in the place of a known one."""

from __future__ import annotations

import hashlib
import re
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from microblog.accounts.models import KnownBrowser, LoginSession, SecurityEvent, User
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    BROWSER,
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    make_user,
    post_new_password,
    reset_link_for,
    words,
)

PATH = "/settings/password"
NEW = "a brand new password"
CHANGED = "Your password was changed. All other devices were signed out."
NOT_YOURS = "This isn't your current password."


@pytest.fixture
def susan(app: Flask) -> int:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(email_verified_at=utc_now()))
    return number


@pytest.fixture
def owner(app: Flask, susan: int) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def change(visitor: Visitor, new: str = NEW, current: str = PASSWORD) -> Any:
    return visitor.submit(PATH, {"current_password": current, "password": new, "password2": new})


def can_log_in(app: Flask, password: str) -> bool:
    return "Hi, susan!" in words(Visitor(app).log_in("susan", password=password))


def test_the_password_is_changed(app: Flask, owner: Visitor) -> None:
    page = change(owner)
    assert page.request.path == PATH
    assert CHANGED in words(page)
    assert "Hi, susan!" in words(owner.get("/"))
    assert can_log_in(app, NEW)
    assert not can_log_in(app, PASSWORD)


def test_the_form_helps_password_managers(owner: Visitor) -> None:
    html = owner.get(PATH).get_data(as_text=True)
    assert re.findall(r'autocomplete="([^"]+)"', html) == [
        "username",
        "current-password",
        "new-password",
        "new-password",
    ]
    assert re.search(r'<input[^>]* value="susan"[^>]* hidden', html)


@pytest.mark.parametrize(
    ("fields", "beside", "said"),
    [
        ({}, "current_password", "This field is required."),
        ({"current_password": PASSWORD}, "password", "This field is required."),
        ({"current_password": "wrong", "password": NEW, "password2": NEW}, "current", NOT_YOURS),
        ({"current_password": "", "password": NEW, "password2": NEW}, "current", "This field is"),
        ({"current_password": PASSWORD, "password": NEW}, "password2", "This field is required."),
        (
            {"current_password": PASSWORD, "password": NEW, "password2": "x"},
            "password2",
            "The passwords don't match.",
        ),
        ({"current_password": PASSWORD, "password": "short", "password2": "short"}, "password", ""),
        (
            {"current_password": PASSWORD, "password": PASSWORD, "password2": PASSWORD},
            "password",
            "This is already your password.",
        ),
    ],
)
def test_an_error_stands_beside_the_field_and_nothing_changes(
    app: Flask, owner: Visitor, fields: dict[str, object], beside: str, said: str
) -> None:
    page = owner.submit(PATH, fields)
    error = error_beside(page, "current_password" if beside == "current" else beside)
    assert error
    assert error.startswith(said)
    assert not any(
        str(typed) in page.get_data(as_text=True)
        for typed in fields.values()
        if len(str(typed)) > 5
    )
    assert can_log_in(app, PASSWORD)
    assert rows(app) == []


def test_a_stranger_is_sent_to_the_log_in(app: Flask, susan: int) -> None:
    stranger = Visitor(app)
    assert "/login" in stranger.get(PATH, follow=False).headers["Location"]
    token = stranger.csrf_token("/login")
    page = stranger.submit(PATH, {"current_password": PASSWORD, "password": NEW}, token=token)
    assert page.request.path == "/login"


@pytest.mark.parametrize("remember", [False, True])
def test_other_sessions_end_and_this_one_gets_a_new_secret(
    app: Flask, susan: int, remember: bool
) -> None:
    owner, thief, bob = Visitor(app), Visitor(app), Visitor(app)
    make_user(app, "bob")
    bob.log_in("bob")
    owner.log_in("susan", remember=remember)
    thief.log_in("susan", remember=True)
    stolen = {
        name: cookie.value
        for name in ("microblog", "microblog_remember")
        if (cookie := owner.client.get_cookie(name))
    }
    change(owner)
    assert "Hi, susan!" in words(owner.get("/"))
    assert "Short posts, newest first." in words(thief.get("/"))
    assert "Hi, bob!" in words(bob.get("/"))
    copy = Visitor(app)
    for name, value in stolen.items():
        copy.client.set_cookie(name, value)
    assert "Short posts, newest first." in words(copy.get("/"))
    if remember:
        # With the long-lived cookie alone, as after the browser was closed.
        owner.client.delete_cookie("microblog")
        assert "Hi, susan!" in words(owner.get("/"))


def test_the_owner_is_told_and_finds_it_in_the_log(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    change(owner)
    deliver_from(app)
    (notice,) = smtp.received
    assert notice.recipients == ["susan@example.com"]
    assert notice.message["Subject"] == "Your password was changed"
    assert "/not_me/" in notice.text()
    with app.app_context():
        kinds = db.session.scalars(select(SecurityEvent.kind)).all()
    assert kinds.count("password_changed") == 1


def test_links_for_a_reset_die_with_the_old_password(app: Flask, owner: Visitor) -> None:
    link = reset_link_for(app, "susan@example.com")
    change(owner)
    assert "This link no longer works" in post_new_password(Visitor(app), link)
    assert can_log_in(app, NEW)


def test_no_other_browser_is_known_any_more(app: Flask, susan: int, owner: Visitor) -> None:
    with app.app_context(), transaction() as writing:
        writing.add(KnownBrowser(user_id=susan, digest=b"x" * 32))
    change(owner)
    with app.app_context():
        (known,) = db.session.scalars(select(KnownBrowser.digest)).all()
    cookie = owner.client.get_cookie("microblog_browser")
    assert cookie
    secrets = cookie.value.split(".")
    assert known in {hashlib.sha256(one.encode()).digest() for one in secrets}
    assert secrets[0] == BROWSER
    assert len(secrets) == 2


def test_a_change_of_address_that_waits_dies_with_the_old_password(
    app: Flask, owner: Visitor
) -> None:
    fields: dict[str, object] = {"email": "new@example.com", "current_password": PASSWORD}
    assert "new@example.com" in words(owner.submit("/settings/email", fields))
    change(owner)
    assert "new@example.com" not in words(owner.get("/settings/email"))


def test_a_password_that_was_changed_meanwhile_is_no_proof(
    app: Flask, susan: int, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the check of the password and the change lies the hashing, which is slow."""

    def hash_slowly(_password: str, **_options: object) -> str:
        with app.app_context(), transaction() as writing:
            writing.execute(update(User).values(password_hash="another"))
        return "new"

    monkeypatch.setattr("microblog.accounts.pages.password_change.hash_new_password", hash_slowly)
    page = change(owner)
    assert error_beside(page, "current_password") == NOT_YOURS
    with app.app_context():
        assert db.session.scalars(select(User.password_hash)).one() == "another"


def test_of_many_simultaneous_changes_one_wins(app: Flask, susan: int) -> None:
    count = 8
    visitors = [Visitor(app) for _ in range(count)]
    for one in visitors:
        one.log_in("susan")
    tokens = [one.csrf_token(PATH) for one in visitors]
    starting = threading.Barrier(count)
    said = [""] * count

    def use(number: int) -> None:
        new = f"the password number {number}"
        fields: dict[str, object] = {
            "current_password": PASSWORD,
            "password": new,
            "password2": new,
        }
        starting.wait(timeout=30)
        said[number] = words(visitors[number].submit(PATH, fields, token=tokens[number]))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    winners = [number for number, text in enumerate(said) if CHANGED in text]
    assert len(winners) == 1, said
    assert can_log_in(app, f"the password number {winners[0]}")
    with app.app_context():
        # The winner's, and the one of the look above.
        assert len(db.session.scalars(select(LoginSession.id)).all()) == 2


def test_password_managers_are_sent_to_the_page(app: Flask) -> None:
    answer = Visitor(app).get("/.well-known/change-password", follow=False)
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/settings/password"
