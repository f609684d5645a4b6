"""Two-step sign-in with an app's codes and with recovery codes."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from microblog.accounts.models import Authenticator, KnownBrowser, LoginSession, RecoveryCode
from microblog.database import db, transaction
from tests.accounts.authenticator_app import ADD, AuthenticatorApp, prove
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    Visitor,
    deliver_from,
    error_beside,
    post_new_password,
    reset_link_for,
    words,
)

SECOND_STEP = "/login/second_step"
OVERVIEW = "/settings/two_step"
HELLO = "Hi, Susan!"
ASKS = "One more step to sign in as Susan ."
WRONG = "Wrong code, or one that was already used."


def halfway(app: Flask, *, remember: bool = False, new_browser: bool = False) -> Visitor:
    """Somebody who gave the right password."""
    visitor = Visitor(app, new_browser=new_browser)
    page = visitor.log_in("Susan", remember=remember)
    assert ASKS in words(page)
    assert page.request.path == SECOND_STEP
    return visitor


def code_page(visitor: Visitor, code: str, **fields: object) -> str:
    return words(visitor.submit(SECOND_STEP, {"code": code, **fields}))


def opened(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(LoginSession.methods).order_by(LoginSession.id)))


def test_a_password_and_a_code_open_the_account(app: Flask, phone: AuthenticatorApp) -> None:
    visitor = halfway(app)
    assert "Sign in" in words(visitor.get("/settings/sessions"))
    assert HELLO in code_page(visitor, phone.unused_code())
    assert opened(app) == ["pwd", "pwd otp"]


def test_a_code_works_once_however_it_is_spelt(app: Flask, phone: AuthenticatorApp) -> None:
    code = phone.unused_code()
    assert HELLO in code_page(halfway(app), f" {code[:3]} {code[3:]} ")
    spellings = [code, f"{code} ", f"{code[:3]}-{code[3:]}", f"\u00a0{code}"]
    spellings.append("".join(chr(0x660 + int(digit)) for digit in code))
    spellings.append("".join(chr(0xFF10 + int(digit)) for digit in code))
    for spelling in spellings:
        assert WRONG in code_page(halfway(app), spelling), spelling
    assert opened(app) == ["pwd", "pwd otp"]


def test_digits_of_any_script_and_between_blanks_are_a_code(
    app: Flask, phone: AuthenticatorApp
) -> None:
    code = phone.unused_code()
    assert HELLO in code_page(halfway(app), "".join(chr(0x966 + int(digit)) for digit in code))


def test_an_older_code_than_the_last_is_refused(app: Flask, phone: AuthenticatorApp) -> None:
    assert HELLO in code_page(halfway(app), phone.code(steps=1))
    for steps in (1, 0, -1):
        assert WRONG in code_page(halfway(app), phone.code(steps=steps))


@pytest.mark.parametrize("steps", [-30, -3, 3, 30])
def test_codes_of_other_times_are_wrong(app: Flask, phone: AuthenticatorApp, steps: int) -> None:
    assert WRONG in code_page(halfway(app), phone.code(steps=steps))


@pytest.mark.parametrize(
    "typed",
    ["0", "12345", "1234567", "abcdef", "½½½½½½", "000000\0", "x" * 5000, "ⅥⅥⅥⅥⅥⅥ", "²²²²²²"],
)
def test_what_is_no_code_is_wrong_in_the_same_words(
    app: Flask, phone: AuthenticatorApp, typed: str
) -> None:
    assert WRONG in code_page(halfway(app), typed)


def test_recovery_codes_work_once_each(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    assert len(set(phone.recovery_codes)) == 10
    code = phone.recovery_codes[3]
    assert HELLO in code_page(halfway(app), f"  {code.lower().replace('-', ' ')}")
    assert WRONG in code_page(halfway(app), code)
    assert WRONG in code_page(halfway(app), code.replace("-", ""))
    deliver_from(app)
    told = [one.text() for one in smtp.received if "recovery code was used" in one.text()]
    assert len(told) == 1
    assert "9 recovery codes are left." in told[0]
    assert opened(app) == ["pwd", "pwd recovery"]


def test_with_few_codes_left_the_mail_says_so(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    for code in phone.recovery_codes[:7]:
        code_page(halfway(app), code)
    deliver_from(app)
    assert "3 recovery codes are left. Make new ones" in smtp.received[-1].text()


def test_new_recovery_codes_end_the_former(
    app: Flask, owner: Visitor, phone: AuthenticatorApp
) -> None:
    token = owner.csrf_token(OVERVIEW)
    page = owner.submit(f"{OVERVIEW}/codes", token=token).get_data(as_text=True)
    assert "Your recovery codes" in page
    assert phone.recovery_codes[0] not in page
    assert WRONG in code_page(halfway(app), phone.recovery_codes[0])
    with app.app_context():
        assert len(db.session.scalars(select(RecoveryCode)).all()) == 10


def test_no_secret_and_no_code_is_stored_as_it_is(app: Flask, phone: AuthenticatorApp) -> None:
    with app.app_context():
        stored = db.session.scalars(select(Authenticator)).one().secret
        digests = [one.digest for one in db.session.scalars(select(RecoveryCode))]
    assert phone.secret.encode() not in stored
    assert all(code.replace("-", "").encode() not in digests for code in phone.recovery_codes)


def test_nothing_opens_without_the_first_step(app: Flask, phone: AuthenticatorApp) -> None:
    stranger = Visitor(app)
    assert stranger.get(SECOND_STEP).request.path == "/login"
    page = stranger.submit(
        SECOND_STEP, {"code": phone.unused_code()}, token=stranger.csrf_token("/login")
    )
    assert page.request.path == "/login"
    assert opened(app) == ["pwd"]


def test_the_first_step_is_good_for_ten_minutes(
    app: Flask, phone: AuthenticatorApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = halfway(app)
    monkeypatch.setattr("microblog.accounts.actions.second_step.LIFETIME", timedelta(seconds=-1))
    assert "Sign in again." in words(Visitor(app).log_in("Susan"))
    assert HELLO in code_page(visitor, phone.unused_code())


def test_a_reset_keeps_the_second_factor_and_ends_the_first_step(
    app: Flask, phone: AuthenticatorApp
) -> None:
    before = halfway(app)
    token = before.csrf_token(SECOND_STEP)
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    page = before.submit(SECOND_STEP, {"code": phone.unused_code()}, token=token)
    assert page.request.path == "/login"
    visitor = Visitor(app)
    assert ASKS in words(visitor.log_in("Susan", password="a brand new password"))
    assert HELLO in code_page(visitor, phone.unused_code())


def test_a_remember_cookie_needs_the_second_step_too(app: Flask, phone: AuthenticatorApp) -> None:
    visitor = halfway(app, remember=True)
    assert visitor.client.get_cookie("microblog_remember") is None
    assert HELLO in code_page(visitor, phone.unused_code())
    assert visitor.client.get_cookie("microblog_remember") is not None


def test_a_trusted_browser_is_asked_again_after_30_days(
    app: Flask, phone: AuthenticatorApp
) -> None:
    visitor = halfway(app)
    assert HELLO in code_page(visitor, phone.unused_code(), trust="y")
    visitor.log_out()
    assert HELLO in words(visitor.log_in("Susan"))
    visitor.log_out()
    with app.app_context(), transaction() as writing:
        browser = writing.scalars(select(KnownBrowser)).one()
        assert browser.trusted_until is not None
        browser.trusted_until -= timedelta(days=30)
    assert ASKS in words(visitor.log_in("Susan"))


def test_trust_ends_with_a_new_password(app: Flask, phone: AuthenticatorApp) -> None:
    visitor = halfway(app)
    code_page(visitor, phone.unused_code(), trust="y")
    visitor.log_out()
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    assert ASKS in words(visitor.log_in("Susan", password="a brand new password"))


def test_wrong_codes_have_to_wait_and_recovery_codes_do_not(
    app: Flask, phone: AuthenticatorApp
) -> None:
    stranger = halfway(app, new_browser=True)
    for _ in range(10):
        assert WRONG in code_page(stranger, "000000")
    page = stranger.submit(SECOND_STEP, {"code": phone.unused_code()})
    assert page.status_code == 429
    assert "Wait 1 minute, or use a passkey or a recovery code." in error_beside(page, "code")
    # The owner's own browser is counted apart.
    assert HELLO in code_page(halfway(app), phone.unused_code())
    assert HELLO in code_page(stranger, phone.recovery_codes[0])


def test_turning_the_app_off_ends_its_codes_and_the_recovery_codes(
    app: Flask, owner: Visitor, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    page = owner.submit(f"{OVERVIEW}/app/remove", token=owner.csrf_token(OVERVIEW))
    assert "no longer works for your account" in words(page)
    assert HELLO in words(Visitor(app).log_in("Susan"))
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []
    deliver_from(app)
    assert [one.message["Subject"] for one in smtp.received] == [
        "An authenticator app was added",
        "An authenticator app was removed",
    ]


def test_changes_ask_who_one_is_first(app: Flask, owner: Visitor) -> None:
    page = owner.get(ADD)
    assert page.request.path == "/settings/confirm"
    page = owner.submit("/settings/confirm", {"current_password": "wrong"})
    assert "This isn't your current password." in error_beside(page, "current_password")
    assert owner.get(ADD).request.path == "/settings/confirm"
    prove(owner)
    assert owner.get(ADD).request.path == ADD


def test_an_app_counts_once_a_code_confirmed_it(app: Flask, owner: Visitor) -> None:
    prove(owner)
    drawn = [re.findall(r"<svg.*?</svg>", owner.get(ADD).get_data(as_text=True)) for _ in range(2)]
    assert drawn[0] == drawn[1], "one QR code, however often the page is opened"
    assert len(max(drawn[0], key=len)) > 1000
    page = owner.submit(ADD, {"code": "000000"})
    assert "Wrong code." in error_beside(page, "code")
    assert "Enter the 6 digits" in error_beside(owner.submit(ADD, {"code": "x"}), "code")
    assert HELLO in words(Visitor(app).log_in("Susan"))


def test_a_proof_of_a_moment_ago_spares_the_password(app: Flask, owner: Visitor) -> None:
    assert "Current password" in words(owner.get("/settings/export"))
    prove(owner)
    for page in ("/settings/export", "/settings/delete", "/settings/email"):
        assert "Current password" not in words(owner.get(page)), page
    answer = owner.submit("/settings/export")
    assert answer.get_json()["account"]["username"] == "Susan"
    assert "We sent a link" in words(owner.submit("/settings/email", {"email": "new@example.com"}))
    assert "Current password" in words(owner.get("/settings/password")), "a new one replaces it"
    with app.app_context(), transaction() as writing:
        session = writing.scalars(select(LoginSession)).one()
        assert session.proved_at is not None
        session.proved_at -= timedelta(minutes=5)
    assert "Current password" in words(owner.get("/settings/export"))
