"""Administrators find accounts, disable and enable them, and start password resets."""

from __future__ import annotations

import logging
import re
import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from flask_outbox.outbox.models import Status
from microblog.accounts.models import SecurityEvent, User
from microblog.admin import accounts
from microblog.admin.accounts import Actor, Refusal, RefusedError
from microblog.database import db, transaction, utc_now
from tests.admin.conftest import logged_in, make_admin
from tests.outbox_rows import rows
from tests.scopes import scope_now
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import (
    ON_SQLITE,
    Visitor,
    deliver_from,
    error_beside,
    mailed_link,
    make_user,
    value_in,
    words,
)

ALICE = Actor("alice", 1)


@pytest.fixture
def bob(app: Flask, admin: Visitor) -> int:
    """A member, whose id comes after the administrator's."""
    return make_user(app, "Bob", email="Bob@Example.com")


# The list


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", ["carol", "Bob", "alice"]),
        ("text=BOB", ["Bob"]),
        ("text=+bo+", ["Bob"]),
        ("text=o", ["carol", "Bob", "alice"]),
        ("text=bob%40example", ["Bob"]),
        ("text=%25", []),
        ("text=_", []),
        ("state=admin", ["alice"]),
        ("state=disabled", ["carol"]),
        ("state=unverified&text=bob", ["Bob"]),
        ("state=deleting", []),
        ("before=nonsense", ["carol", "Bob", "alice"]),
        ("before=2", ["alice"]),
    ],
)
def test_accounts_are_found(
    app: Flask, admin: Visitor, bob: int, asked: str, found: list[str]
) -> None:
    carol = make_user(app, "carol")
    change(app, carol, disabled_at=utc_now())
    change(app, bob, email_verified_at=None)
    page = admin.get(f"/admin/users?{asked}")
    assert page.status_code == 200
    assert named_in(page.text) == found


@ON_SQLITE
def test_bad_input_is_explained_beside_the_field_and_kept(admin: Visitor) -> None:
    page = admin.get(f"/admin/users?text={'x' * 321}")
    assert error_beside(page, "text") == "Use at most 320 characters."
    assert value_in(page, "text") == "x" * 321
    assert error_beside(admin.get("/admin/users?state=nonsense"), "state")
    assert error_beside(admin.get("/admin/users?text=%00"), "text")


def test_pages_continue_without_gap_or_repetition(app: Flask, admin: Visitor) -> None:
    with app.app_context(), transaction() as writing:
        writing.add_all(
            User(
                username=f"user{number}",
                username_key=f"user{number}",
                email=f"user{number}@example.com",
                email_key=f"user{number}@example.com",
                password_hash="-",
            )
            for number in range(120)
        )
    seen: list[str] = []
    address: str | None = "/admin/users?text=user"
    while address:
        page = admin.get(address)
        seen += named_in(page.text)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = older[1].replace("&amp;", "&") if older else None
    assert seen == [f"user{number}" for number in reversed(range(120))]


# One account


def test_the_states_of_an_account_are_shown(app: Flask, admin: Visitor, bob: int) -> None:
    logged_in(app, "bob")
    change(app, bob, email_verified_at=None, deletes_at=utc_now() + timedelta(days=7))
    said = words(admin.get(f"/admin/users/{bob}"))
    assert "To be deleted" in said
    assert "Email not confirmed" in said
    assert "Bob@example.com" in said
    assert "Signed in on 1 device" in said
    assert "Administrator" not in said
    assert "Administrator" in words(admin.get("/admin/users/1"))


@ON_SQLITE
@pytest.mark.parametrize("number", ["7", "0", str(2**31), "9" * 40])
@pytest.mark.parametrize("action", ["", "/disable", "/enable", "/reset"])
def test_an_account_that_does_not_exist_is_not_found(
    admin: Visitor, number: str, action: str
) -> None:
    assert admin.get(f"/admin/users/{number}{action}").status_code == 404


def test_the_security_log_of_an_account_is_shown_with_its_mail(
    app: Flask, admin: Visitor, bob: int
) -> None:
    change(app, bob, email_verified_at=utc_now())
    admin.submit(f"/admin/users/{bob}/reset")
    page = admin.get(f"/admin/users/{bob}")
    said = words(page)
    assert "sent a link to reset the password." in said
    assert "by alice" in said
    assert 'href="/admin/mail/1"' in page.text
    for _ in range(20):
        for action in ("disable", "enable"):
            admin.submit(f"/admin/users/{bob}/{action}")
    older = re.search(r'rel="next" href="([^"]+)"', admin.get(f"/admin/users/{bob}").text)
    assert older
    assert older[1].startswith(f"/admin/users/{bob}?before=")
    assert "by alice" in words(admin.get(older[1]))


# Disabled and enabled


def test_a_disabled_account_is_locked_and_hidden(
    app: Flask, admin: Visitor, bob: int, caplog: pytest.LogCaptureFixture
) -> None:
    member = logged_in(app, "bob")
    member.submit("/", {"post": "The garden needs rain."})
    assert "The garden needs rain." in words(admin.get("/explore"))
    assert "Disable this account? Bob Bob@example.com" in words(
        admin.get(f"/admin/users/{bob}/disable")
    )
    assert "Hi, Bob!" in words(member.get("/")), "looking changes nothing"
    with caplog.at_level(logging.INFO, "microblog.admin"):
        said = words(admin.submit(f"/admin/users/{bob}/disable"))
    assert "The account is disabled and signed out everywhere." in said
    assert f"The administrator alice disabled the account Bob ({bob})" in caplog.text
    assert events(app, bob)[-1] == ("disabled", {"by": "alice"})
    assert "Sign in" in words(member.get("/settings/language"))
    assert "The garden needs rain." not in words(admin.get("/explore"))
    assert admin.get("/user/bob").status_code == 404
    wrong = words(Visitor(app).log_in("bob", password="a wrong password"))
    right = words(Visitor(app).log_in("bob"))
    assert "Wrong username or password." in right
    assert right == wrong


def test_an_enabled_account_is_as_before(
    app: Flask, admin: Visitor, bob: int, caplog: pytest.LogCaptureFixture
) -> None:
    admin.submit(f"/admin/users/{bob}/disable")
    with caplog.at_level(logging.INFO, "microblog.admin"):
        assert "The account is enabled." in words(admin.submit(f"/admin/users/{bob}/enable"))
    assert f"The administrator alice enabled the account Bob ({bob})" in caplog.text
    assert events(app, bob)[-1] == ("enabled", {"by": "alice"})
    assert "Hi, Bob!" in words(Visitor(app).log_in("bob"))
    assert admin.get("/user/bob").status_code == 200


def test_an_action_without_effect_is_explained_and_not_recorded(
    app: Flask, admin: Visitor, bob: int
) -> None:
    token = admin.csrf_token("/")
    not_disabled = admin.submit(f"/admin/users/{bob}/enable", token=token)
    assert "This account isn't disabled." in words(not_disabled)
    admin.submit(f"/admin/users/{bob}/disable", token=token)
    again = admin.submit(f"/admin/users/{bob}/disable", token=token)
    assert "This account is already disabled." in words(again)
    assert [kind for kind, _ in events(app, bob)] == ["disabled"]


def test_administrators_cannot_disable_themselves(app: Flask, admin: Visitor) -> None:
    make_admin(app, "carol")
    assert "Disable…" not in words(admin.get("/admin/users/1"))
    refused = admin.submit("/admin/users/1/disable")
    assert "You can't disable your own account." in words(refused)
    assert user(app, 1).disabled_at is None


def test_another_administrator_can_be_disabled(app: Flask, admin: Visitor) -> None:
    carol = make_admin(app, "carol")
    there = logged_in(app, "carol")
    admin.submit(f"/admin/users/{carol}/disable")
    assert there.get("/admin/mail").status_code == 404
    assert user(app, carol).disabled_at is not None


def test_the_last_administrator_with_access_is_not_disabled(app: Flask, admin: Visitor) -> None:
    carol = make_admin(app, "carol")
    change(app, 1, deletes_at=utc_now())
    with app.app_context(), transaction() as writing, pytest.raises(RefusedError) as refused:
        accounts.disable(writing, writing.get_one(User, carol), ALICE, scope_now())
    assert refused.value.refusal is Refusal.LAST_ADMIN


def test_two_administrators_cannot_disable_each_other(app: Flask, admin: Visitor) -> None:
    carol = make_admin(app, "carol")
    start = threading.Barrier(2)
    refused: list[Refusal] = []

    def disable(who: int, actor: Actor) -> None:
        with app.app_context():
            start.wait()
            try:
                with transaction() as writing:
                    accounts.disable(writing, writing.get_one(User, who), actor, scope_now())
            except RefusedError as error:
                refused.append(error.refusal)

    threads = [
        threading.Thread(target=disable, args=[carol, ALICE]),
        threading.Thread(target=disable, args=[1, Actor("carol", carol)]),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [Refusal.LAST_ADMIN]
    assert [user(app, who).disabled_at is None for who in (1, carol)].count(True) == 1


# A reset


def test_a_link_for_a_new_password_goes_to_the_address_of_the_account(
    app: Flask,
    admin: Visitor,
    bob: int,
    smtp: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "Email a reset link?" in words(admin.get(f"/admin/users/{bob}/reset"))
    assert rows(app) == [], "looking changes nothing"
    with caplog.at_level(logging.INFO, "microblog.admin"):
        said = words(admin.submit(f"/admin/users/{bob}/reset"))
    assert "A reset link is on its way to the account's address." in said
    assert f"The administrator alice started a reset for the account Bob ({bob})" in caplog.text
    assert events(app, bob)[-1] == ("reset_started", {"by": "alice"})
    assert "Hi, Bob!" in words(Visitor(app).log_in("bob")), "the old password stays good"
    deliver_from(app)
    assert [one.recipients for one in smtp.received] == [["Bob@example.com"]]
    owner = Visitor(app)
    owner.choose_password(mailed_link(smtp), "a password of my own")
    assert "Hi, Bob!" in words(owner.log_in("bob", password="a password of my own"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"disabled_at": utc_now()}, "This account is disabled. Enable it first."),
        ({"deletes_at": utc_now()}, "This account will be deleted."),
    ],
)
def test_no_link_goes_to_a_locked_account(
    app: Flask, admin: Visitor, bob: int, state: dict[str, object], said: str
) -> None:
    change(app, bob, **state)
    assert "reset link…" not in words(admin.get(f"/admin/users/{bob}"))
    assert said in words(admin.submit(f"/admin/users/{bob}/reset"))
    assert rows(app) == []
    assert events(app, bob) == []


def test_a_queued_link_is_not_sent_to_a_disabled_account(
    app: Flask, admin: Visitor, bob: int, smtp: ScriptedServer
) -> None:
    admin.submit(f"/admin/users/{bob}/reset")
    Visitor(app).ask_for_reset("bob@example.com")
    admin.submit(f"/admin/users/{bob}/disable")
    deliver_from(app)
    assert smtp.received == []
    assert [row.status for row in rows(app)] == [Status.DISCARDED] * 2


# Helpers


def test_the_pages_take_a_fixed_number_of_statements(app: Flask, admin: Visitor, bob: int) -> None:
    addresses = ("/admin/users", f"/admin/users/{bob}")
    before = [statements(app, admin, address) for address in addresses]
    for number in range(10):
        make_user(app, f"user{number}")
        admin.submit(f"/admin/users/{bob}/reset")
        logged_in(app, "bob")
    assert [statements(app, admin, address) for address in addresses] == before
    # Three of them count what is new: notifications, messages and reports.
    assert max(before) <= 13


def statements(app: Flask, admin: Visitor, address: str) -> int:
    with app.app_context():
        engine = db.engine
    with recorded(engine) as found:
        assert admin.get(address).status_code == 200
    return len([statement for statement in found if statement.startswith("SELECT")])


def named_in(html: str) -> list[str]:
    return re.findall(r'<a class="name" href="/admin/users/\d+"><bdi>([^<]+)</bdi>', html)


def user(app: Flask, number: int) -> User:
    with app.app_context():
        return db.session.get_one(User, number)


def change(app: Flask, number: int, **values: object) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(**values))


def events(app: Flask, number: int) -> list[tuple[str, dict[str, str]]]:
    with app.app_context():
        found = db.session.scalars(
            select(SecurityEvent)
            .where(SecurityEvent.user_id == number, SecurityEvent.kind.not_like("logged%"))
            .order_by(SecurityEvent.id)
        )
        return [(event.kind, event.details) for event in found]
