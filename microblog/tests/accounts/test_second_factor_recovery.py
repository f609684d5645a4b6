"""A lost second factor: 72 hours in which the owner can object, or an administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from flask_outbox.application import state_of
from microblog.accounts.models import Authenticator, Passkey, RecoveryCode, User
from microblog.database import db, transaction, utc_now
from tests.accounts.authenticator_app import AuthenticatorApp, prove
from tests.accounts.passkey_device import PasskeyDevice
from tests.accounts.test_passkeys import add_passkey
from tests.accounts.test_second_step import ASKS, HELLO, code_page, halfway
from tests.smtp_server import ScriptedServer
from tests.visitor import (
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

LOST = "/login/second_step/lost"
WAITS = "Two-step sign-in will be turned off"
STAYS = "Two-step sign-in stays on."
BAD = "This link no longer works"


@pytest.fixture
def begin(app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer) -> Callable[[], str]:
    """Begins the 72 hours as somebody who knows the password and reads the mail would."""

    def begun() -> str:
        visitor = halfway(app)
        assert "Check your email" in words(visitor.submit(LOST))
        deliver_from(app)
        page = visitor.get(path_of(mailed_link(smtp)))
        return words(visitor.submit(page.request.path))

    return begun


def time_passes(app: Flask, hours: float) -> None:
    """Let whoever delivers do what is due after so many hours."""
    task = state_of(app).outbox.periodic_tasks["accounts.second_factor_removals"]
    with app.app_context(), transaction() as writing:
        task(writing, (utc_now() + timedelta(hours=hours)).timestamp())


def has_factor(app: Flask) -> bool:
    with app.app_context():
        return bool(db.session.scalars(select(Authenticator.user_id)).all())


def test_after_72_hours_the_password_is_enough(
    app: Flask, begin: Callable[[], str], smtp: ScriptedServer
) -> None:
    assert "if nobody objects" in begin()
    time_passes(app, 71.9)
    assert ASKS in words(Visitor(app).log_in("Susan"))
    time_passes(app, 72.1)
    assert HELLO in words(Visitor(app).log_in("Susan"))
    deliver_from(app)
    assert smtp.received[-1].message["Subject"] == "Two-step sign-in was turned off"
    assert "Done from" not in smtp.received[-1].text()
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []


def test_whoever_signs_in_after_the_end_need_not_wait_for_the_hour(
    app: Flask, begin: Callable[[], str]
) -> None:
    begin()
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(second_factor_ends_at=utc_now()))
    assert HELLO in words(Visitor(app).log_in("Susan"))
    assert not has_factor(app)


def test_every_signed_in_page_says_so_and_stops_it(
    app: Flask, owner: Visitor, begin: Callable[[], str]
) -> None:
    begin()
    for page in ("/", "/settings/email", "/explore"):
        assert WAITS in words(owner.get(page))
    assert STAYS in words(owner.submit("/settings/two_step/keep", token=owner.csrf_token("/")))
    assert WAITS not in words(owner.get("/"))
    time_passes(app, 100)
    assert has_factor(app)


def test_the_mail_says_so_and_its_link_stops_it(
    app: Flask, begin: Callable[[], str], smtp: ScriptedServer
) -> None:
    begin()
    deliver_from(app)
    assert smtp.received[-1].message["Subject"] == WAITS
    link = path_of(mailed_link(smtp))
    reader = Visitor(app)
    page = reader.get(link)
    assert STAYS in words(reader.submit(page.request.path))
    time_passes(app, 100)
    assert has_factor(app)


def test_opening_the_link_changes_nothing_and_pressing_stops_it_once(
    app: Flask, begin: Callable[[], str], smtp: ScriptedServer
) -> None:
    begin()
    deliver_from(app)
    link = path_of(mailed_link(smtp))
    reader = Visitor(app)
    page = reader.get(link)
    assert "Keep it on" in words(page)
    with app.app_context():
        assert db.session.scalars(select(User.second_factor_ends_at)).one() is not None
    assert STAYS in words(reader.submit(page.request.path))
    assert BAD in words(Visitor(app).get(link))
    assert begin()
    assert BAD in words(Visitor(app).get(link)), "it stops the removal that it was about"


def by_code(app: Flask, phone: AuthenticatorApp) -> None:
    assert HELLO in code_page(halfway(app), phone.unused_code())


def by_recovery_code(app: Flask, phone: AuthenticatorApp) -> None:
    assert HELLO in code_page(halfway(app), phone.recovery_codes[0])


def by_reset(app: Flask, phone: AuthenticatorApp) -> None:
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))


@pytest.mark.parametrize("prove_or_secure", [by_code, by_recovery_code, by_reset])
def test_a_proof_and_a_new_password_stop_it(
    app: Flask,
    phone: AuthenticatorApp,
    begin: Callable[[], str],
    prove_or_secure: Callable[[Flask, AuthenticatorApp], None],
) -> None:
    begin()
    prove_or_secure(app, phone)
    time_passes(app, 100)
    assert has_factor(app)


def test_a_new_factor_stops_it(app: Flask, owner: Visitor, begin: Callable[[], str]) -> None:
    begin()
    add_passkey(owner, PasskeyDevice())
    time_passes(app, 100)
    assert has_factor(app)


def test_the_link_needs_the_password_first_and_a_new_one_ends_it(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    assert Visitor(app).get(LOST).request.path == "/login"
    halfway(app).submit(LOST)
    deliver_from(app)
    link = path_of(mailed_link(smtp))
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    assert BAD in words(Visitor(app).get(link))


def test_this_was_not_me_ends_the_factors_of_the_last_72_hours_alone(
    app: Flask, owner: Visitor, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    with app.app_context(), transaction() as writing:
        old = utc_now() - timedelta(hours=73)
        writing.execute(update(Authenticator).values(confirmed_at=old))
        writing.execute(update(RecoveryCode).values(created_at=old))
    intruder = PasskeyDevice()
    add_passkey(owner, intruder)
    deliver_from(app)
    reader = Visitor(app)
    page = reader.get(path_of(mailed_link(smtp)))
    reader.submit(page.request.path)
    with app.app_context():
        assert db.session.scalars(select(Passkey)).all() == []
        assert len(db.session.scalars(select(RecoveryCode)).all()) == 10
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    visitor = Visitor(app)
    assert ASKS in words(visitor.log_in("Susan", password="a brand new password"))
    assert HELLO in code_page(visitor, phone.unused_code())


def test_an_intruder_s_first_factor_does_not_keep_the_owner_out(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    deliver_from(app)
    reader = Visitor(app)
    page = reader.get(path_of(mailed_link(smtp)))
    reader.submit(page.request.path)
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    assert HELLO in words(Visitor(app).log_in("Susan", password="a brand new password"))


def test_an_administrator_removes_it_at_once_after_a_proof_of_their_own(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    number = make_user(app, "root")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(is_admin=True))
        susan = writing.scalar(select(User.id).where(User.username == "Susan"))
    root = Visitor(app)
    root.log_in("root")
    path = f"/admin/users/{susan}/second_factor"
    assert root.get(path).request.path == "/settings/confirm"
    assert root.submit(path, token=root.csrf_token("/")).request.path == "/settings/confirm"
    assert has_factor(app)
    prove(root, PASSWORD)
    assert "the owner was told" in words(root.submit(path))
    assert not has_factor(app)
    deliver_from(app)
    assert "The site's admins turned off" in smtp.received[-1].text()
    assert HELLO in words(Visitor(app).log_in("Susan"))
    log = words(root.get(f"/admin/users/{susan}"))
    assert "Two-step sign-in was turned off." in log
    assert "by root" in log
