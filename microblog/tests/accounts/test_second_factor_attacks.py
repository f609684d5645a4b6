"""Attacks on two-step sign-in, and what two people do at the same moment.

Tried elsewhere, since they are part of how it works at all:

- the same code in another spelling: test_a_code_works_once_however_it_is_spelt
- a reset that drops the factor: test_a_reset_keeps_the_second_factor_and_ends_the_first_step
- a remember cookie that skips it: test_a_remember_cookie_needs_the_second_step_too
- the passkey of another site, origin, account or device: test_passkeys_of_others_are_refused
- a challenge again, for another purpose, or late: test_a_challenge_works_once and those after it
- a changed form: test_a_changed_form_does_not_turn_a_passkey_into_a_code
- backup codes after their renewal: test_new_recovery_codes_end_the_former
- the second step without the first: test_nothing_opens_without_the_first_step
- an administrator's button without a proof:
  test_an_administrator_removes_it_at_once_after_a_proof_of_their_own
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from html import unescape
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from microblog.accounts.actions import second_factor_recovery as recovery
from microblog.accounts.audit.security_log import SecurityEventType
from microblog.accounts.keys import token_keys
from microblog.accounts.models import (
    Authenticator,
    LoginSession,
    Passkey,
    RecoveryCode,
    SecurityEvent,
    User,
)
from microblog.accounts.pages.browser_cookie import COOKIE
from microblog.accounts.secrets import secret_digest
from microblog.database import db, transaction, utc_now
from tests.accounts.authenticator_app import ADD, CONFIRM, AuthenticatorApp, prove, set_up_app
from tests.accounts.passkey_device import PasskeyDevice, options_in
from tests.accounts.test_passkeys import ADD as ADD_PASSKEY
from tests.accounts.test_passkeys import OPTIONS, REFUSED, SIGN_IN, add_passkey, sign_in_options
from tests.accounts.test_second_factor_recovery import LOST, time_passes
from tests.accounts.test_second_step import (
    ASKS,
    HELLO,
    OVERVIEW,
    SECOND_STEP,
    WRONG,
    code_page,
    halfway,
    opened,
)
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    make_user,
    post_new_password,
    reset_link_for,
    words,
)

KEY = re.compile(r'<code class="secret">([A-Z2-7 ]+)</code>')
CODES = re.compile(r"<li><code>(.*?)</code>")
SESSION = "microblog"

Result = TypeVar("Result")


def susan(app: Flask) -> User:
    with app.app_context():
        return db.session.scalars(select(User).where(User.username == "Susan")).one()


# An intruder prepares what the owner uses.


def key_shown_to(visitor: Visitor) -> str:
    found = KEY.search(visitor.get(ADD).get_data(as_text=True))
    assert found
    return found[1].replace(" ", "")


def test_no_other_session_saw_the_key_that_the_owner_gets(app: Flask, owner: Visitor) -> None:
    intruder = Visitor(app)
    intruder.log_in("Susan")
    prove(intruder)
    known = AuthenticatorApp(key_shown_to(intruder))
    prove(owner)
    assert key_shown_to(owner) != known.secret
    assert "Wrong code." in words(owner.submit(ADD, {"code": known.code()}))
    assert HELLO in words(Visitor(app).log_in("Susan"))


def test_a_factor_of_somebody_who_claimed_the_address_ends_when_its_owner_resets(
    app: Flask,
) -> None:
    make_user(app, "Susan", verified=False)
    claimant = Visitor(app)
    claimant.log_in("Susan")
    device = add_passkey(claimant, PasskeyDevice())
    post_new_password(Visitor(app), reset_link_for(app, "Susan@example.com"))
    visitor = Visitor(app)
    answer = device.get(sign_in_options(visitor))
    token = visitor.csrf_token("/login")
    assert REFUSED in words(visitor.submit(SIGN_IN, {"passkey": answer}, token=token))
    assert HELLO in words(Visitor(app).log_in("Susan", password="a brand new password"))


def test_trust_is_not_for_whoever_knew_the_browser_s_secret(
    app: Flask, phone: AuthenticatorApp
) -> None:
    """The secret may have been planted: an intruder got it when the password was enough."""
    visitor = halfway(app)
    before = visitor.client.get_cookie(COOKIE)
    assert HELLO in code_page(visitor, phone.unused_code(), trust="y")
    intruder = Visitor(app, new_browser=True)
    assert before
    intruder.client.set_cookie(COOKIE, before.value)
    assert ASKS in words(intruder.log_in("Susan"))
    visitor.log_out()
    assert HELLO in words(visitor.log_in("Susan"))


def test_resets_buy_no_tries(app: Flask, phone: AuthenticatorApp) -> None:
    """Whoever reads the mail can reset the password any number of times."""
    intruder = Visitor(app, new_browser=True)
    password = PASSWORD
    for number in range(2):
        password = f"a brand new password {number}"
        post_new_password(intruder, reset_link_for(app, "Susan@example.com"), password)
        assert ASKS in words(intruder.log_in("Susan", password=password))
        for _ in range(5):
            code_page(intruder, "000000")
    assert intruder.submit(SECOND_STEP, {"code": "000000"}).status_code == 429
    assert HELLO in code_page(intruder, phone.recovery_codes[0]), "the owner is not shut out"


def test_a_registration_that_is_sent_again_does_not_skip_the_second_step(app: Flask) -> None:
    first = Visitor(app)
    first.register("Susan")
    set_up_app(first)
    again = Visitor(app)
    page = again.register("Susan")
    assert (page.status_code, page.request.path) == (200, "/register")
    assert HELLO not in words(page)
    assert "Sign in" in words(again.get("/settings/sessions"))


@ON_SQLITE
def test_a_key_that_is_copied_into_another_account_s_row_opens_nothing(
    app: Flask, phone: AuthenticatorApp
) -> None:
    """Somebody who can write to the database, but not read SECRET_KEY, knows their own codes."""
    make_user(app, "mallory")
    mallory = Visitor(app)
    mallory.log_in("mallory")
    known = set_up_app(mallory)
    with app.app_context(), transaction() as writing:
        rows = writing.scalars(select(Authenticator).order_by(Authenticator.user_id)).all()
        rows[0].secret, rows[0].last_step = rows[1].secret, 0
    assert WRONG in code_page(halfway(app), known.unused_code())
    assert HELLO in code_page(halfway(app), phone.recovery_codes[0])


# Cookies, forms and pages of others.


def test_the_cookie_of_the_first_step_opens_nothing_after_the_second(
    app: Flask, phone: AuthenticatorApp
) -> None:
    visitor = halfway(app)
    before = visitor.client.get_cookie(SESSION)
    assert HELLO in code_page(visitor, phone.unused_code())
    other = Visitor(app)
    assert before
    other.client.set_cookie(SESSION, before.value)
    assert "Sign in" in words(other.get("/settings/sessions"))
    other.client.set_cookie(SESSION, before.value)
    assert ASKS in words(other.get(SECOND_STEP)), "it says no more than that the password was right"


def test_a_planted_first_step_of_another_account_takes_no_code_of_the_owner(
    app: Flask, phone: AuthenticatorApp
) -> None:
    make_user(app, "mallory")
    mallory = Visitor(app)
    mallory.log_in("mallory")
    set_up_app(mallory)
    mallory = Visitor(app)
    mallory.log_in("mallory")
    planted = mallory.client.get_cookie(SESSION)
    victim = Visitor(app)
    assert planted
    victim.client.set_cookie(SESSION, planted.value)
    assert "One more step to sign in as mallory" in words(victim.get(SECOND_STEP))
    code = phone.unused_code()
    assert WRONG in code_page(victim, code)
    assert HELLO in code_page(halfway(app), code), "the code was not used up"


@pytest.mark.parametrize(
    "how", [{}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://x.example"}]
)
@pytest.mark.parametrize("path", [SIGN_IN, SECOND_STEP])
@ON_SQLITE
def test_no_other_site_signs_a_browser_in(
    app: Flask, owner: Visitor, path: str, how: dict[str, str]
) -> None:
    """The attacker's own passkey is good: the visitor would post in the attacker's account."""
    device = add_passkey(owner, PasskeyDevice())
    victim = halfway(app) if path == SECOND_STEP else Visitor(app)
    page = victim.get(SECOND_STEP).get_data(as_text=True)
    options = options_in(page) if path == SECOND_STEP else sign_in_options(victim)
    token = victim.csrf_token("/login") if how else ""
    answer = victim.submit(path, {"passkey": device.get(options)}, token=token, headers=how)
    assert answer.status_code == 400
    assert opened(app) == ["pwd"]


@pytest.mark.parametrize(
    "path",
    [
        ADD,
        CONFIRM,
        LOST,
        f"{OVERVIEW}/app/remove",
        f"{OVERVIEW}/codes",
        f"{OVERVIEW}/keep",
        f"{OVERVIEW}/passkeys/1/remove",
        ADD_PASSKEY,
    ],
)
@ON_SQLITE
def test_every_form_needs_its_token(app: Flask, owner: Visitor, path: str) -> None:
    prove(owner)
    assert owner.submit(path, {"code": "000000", "passkey": "{}"}, token="").status_code == 400


@ON_SQLITE
@pytest.mark.parametrize("where", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_no_step_leads_to_another_site(app: Flask, owner: Visitor, where: str) -> None:
    device = add_passkey(owner, PasskeyDevice())
    next_page = {"query_string": {"next": where}}

    def leads_to(visitor: Visitor, path: str, fields: dict[str, str]) -> str:
        token = visitor.csrf_token("/settings/sessions")
        answer = visitor.client.post(path, data={"csrf_token": token, **fields}, **next_page)
        assert answer.status_code == 302
        return str(answer.headers["Location"])

    visitor = Visitor(app)
    answer = device.get(sign_in_options(visitor))
    assert leads_to(visitor, SIGN_IN, {"passkey": answer}) == "/"
    assert leads_to(owner, CONFIRM, {"current_password": PASSWORD}) == "/"
    visitor = Visitor(app)
    login = {"username": "Susan", "password": PASSWORD}
    assert leads_to(visitor, "/login", login) == SECOND_STEP
    options = options_in(visitor.get(SECOND_STEP).get_data(as_text=True))
    page = visitor.submit(SECOND_STEP, {"passkey": device.get(options)}, follow=False)
    assert page.headers["Location"] == "/"


@ON_SQLITE
def test_an_answer_for_one_session_is_no_proof_in_another(app: Flask, owner: Visitor) -> None:
    device = add_passkey(owner, PasskeyDevice())
    options = options_in(owner.get(CONFIRM).get_data(as_text=True))
    stolen = Visitor(app)
    token = stolen.csrf_token("/login")
    stolen.submit(SIGN_IN, {"passkey": device.get(sign_in_options(stolen))}, token=token)
    answer = device.get(options)
    assert REFUSED in words(stolen.submit(CONFIRM, {"passkey": answer}))
    assert stolen.get(ADD).request.path == CONFIRM


@ON_SQLITE
def test_no_cache_keeps_what_the_steps_show(app: Flask, owner: Visitor) -> None:
    prove(owner)
    picture = owner.get(ADD)
    phone = AuthenticatorApp(key_shown_to(owner))
    codes = owner.submit(ADD, {"code": phone.unused_code()})
    assert CODES.search(codes.get_data(as_text=True))
    add_passkey(owner, PasskeyDevice())
    visitor = halfway(app)
    shown = [picture, codes, owner.get(ADD_PASSKEY), owner.get(CONFIRM), visitor.get(SECOND_STEP)]
    shown += [visitor.get(LOST), visitor.submit(SECOND_STEP, {"code": "0"}), visitor.get(OPTIONS)]
    for page in shown:
        assert page.headers["Cache-Control"] == "no-store", page.request.path
        assert page.headers["Referrer-Policy"] in {"same-origin", "no-referrer"}


@ON_SQLITE
def test_no_log_has_a_secret_of_a_step_that_failed(
    app: Flask,
    phone: AuthenticatorApp,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    visitor = halfway(app)
    monkeypatch.setattr("microblog.accounts.pages.second_step._open", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)
    code = phone.unused_code()
    with caplog.at_level(logging.DEBUG):
        for typed in (code, phone.recovery_codes[0]):
            assert visitor.submit(SECOND_STEP, {"code": typed}).status_code == 500
    assert "a fault of ours" in caplog.text
    assert not any(secret in caplog.text for secret in (code, phone.secret, *phone.recovery_codes))
    monkeypatch.undo()
    assert HELLO in code_page(visitor, code), "what failed used nothing up"


# Before the password was right, and accounts that are closed.


@ON_SQLITE
def test_a_wrong_password_tells_nothing_of_second_factors(
    app: Flask, phone: AuthenticatorApp
) -> None:
    make_user(app, "peter")
    pages = [
        re.sub(r"[\w.-]{40,}", "", words(Visitor(app).log_in(name, password="wrong")))
        for name in ("Susan", "peter", "nobody")
    ]
    assert pages[0] == pages[1] == pages[2]


@pytest.mark.parametrize("closed", ["disabled_at", "deletes_at"])
def test_a_closed_account_is_not_opened_between_the_steps(
    app: Flask, phone: AuthenticatorApp, closed: str
) -> None:
    visitor = halfway(app)
    token = visitor.csrf_token(SECOND_STEP)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values({closed: utc_now() + timedelta(days=1)}))
    page = visitor.submit(SECOND_STEP, {"code": phone.unused_code()}, token=token)
    assert page.request.path == "/login"
    assert opened(app)[1:] == []


@ON_SQLITE
def test_a_password_floods_no_mailbox(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    visitor = halfway(app)
    for _ in range(10):
        assert "Check your email" in words(visitor.submit(LOST))
    assert "You can send it again at" in words(visitor.submit(LOST))
    deliver_from(app)
    subjects = [one.message["Subject"] for one in smtp.received]
    assert subjects.count(subjects[-1]) == 10


@ON_SQLITE
def test_an_address_that_was_never_verified_removes_no_second_factor(
    app: Flask, phone: AuthenticatorApp, smtp: ScriptedServer
) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(email_verified_at=None))
    deliver_from(app)
    before = len(smtp.received)
    assert "If the account's address is confirmed" in words(halfway(app).submit(LOST))
    deliver_from(app)
    assert len(smtp.received) == before


@ON_SQLITE
def test_a_password_keeps_an_account_and_opens_nothing(app: Flask, phone: AuthenticatorApp) -> None:
    """It undoes a deletion, as a link in the mail does; the second step is asked for afterwards."""
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(deletes_at=utc_now() + timedelta(days=1)))
    visitor = Visitor(app)
    page = visitor.log_in("Susan")
    assert page.request.path.startswith("/keep_account/")
    assert "Your account is kept." in words(visitor.submit(page.request.path))
    assert ASKS in words(visitor.log_in("Susan"))
    assert susan(app).deletes_at is None


# Two at the same moment.


def at_once(*works: Callable[[], Result]) -> list[Result]:
    """Do all of it at the same moment; return what each returned."""
    barrier = threading.Barrier(len(works))

    def do(work: Callable[[], Result]) -> Result:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(do, works))


def codes_in(page: TestResponse) -> list[str]:
    return [unescape(code) for code in CODES.findall(page.get_data(as_text=True))]


def events(app: Flask, kind: SecurityEventType) -> int:
    with app.app_context():
        own = SecurityEvent.kind == kind.value
        return db.session.scalar(select(func.count()).select_from(SecurityEvent).where(own)) or 0


@pytest.mark.slow
@pytest.mark.parametrize("recovery_code", [False, True], ids=["app", "recovery"])
def test_of_two_sessions_with_one_code_one_gets_in(
    app: Flask, phone: AuthenticatorApp, recovery_code: bool
) -> None:
    visitors = [halfway(app), halfway(app)]
    cookies = [one.client.get_cookie(SESSION) for one in visitors]
    tokens = [one.csrf_token(SECOND_STEP) for one in visitors]
    code = phone.recovery_codes[0] if recovery_code else phone.unused_code()
    for _ in range(20):
        with app.app_context(), transaction() as writing:
            writing.execute(update(Authenticator).values(last_step=0))
            writing.execute(update(RecoveryCode).values(used_at=None))
        before = len(opened(app))
        for visitor, cookie in zip(visitors, cookies, strict=True):
            assert cookie
            visitor.client.set_cookie(SESSION, cookie.value)
        pairs = zip(visitors, tokens, strict=True)
        at_once(
            *(
                partial(one.submit, SECOND_STEP, {"code": code}, token=token, follow=False)
                for one, token in pairs
            )
        )
        assert len(opened(app)) == before + 1


@pytest.mark.slow
def test_a_passkey_that_is_removed_while_it_signs_in_is_not_called_a_copy(
    app: Flask, owner: Visitor
) -> None:
    for _ in range(8):
        device = add_passkey(owner, PasskeyDevice())
        found = re.search(
            r'action="([^"]*/\d+/remove)"', owner.get(OVERVIEW).get_data(as_text=True)
        )
        assert found
        visitor, remove = Visitor(app), found[1]
        answer = device.get(sign_in_options(visitor))
        tokens = visitor.csrf_token("/login"), owner.csrf_token(OVERVIEW)
        pages = at_once(
            partial(visitor.submit, SIGN_IN, {"passkey": answer}, token=tokens[0]),
            partial(owner.submit, remove, token=tokens[1]),
        )
        assert [page.status_code for page in pages] == [200, 200]
    assert events(app, SecurityEventType.PASSKEY_COPIED) == 0
    with app.app_context():
        assert db.session.scalars(select(Passkey)).all() == []


@pytest.mark.slow
def test_two_first_factors_at_once_get_one_set_of_recovery_codes(app: Flask) -> None:
    for number in range(6):
        name = f"person{number}"
        make_user(app, name)
        one, other = Visitor(app), Visitor(app)
        for visitor in (one, other):
            visitor.log_in(name)
            prove(visitor)
        phone = AuthenticatorApp(key_shown_to(one))
        answer = PasskeyDevice().create(options_in(other.get(ADD_PASSKEY).get_data(as_text=True)))
        tokens = one.csrf_token(ADD), other.csrf_token(ADD_PASSKEY)
        fields: dict[str, object] = {"name": "x", "passkey": answer}
        pages = at_once(
            partial(one.submit, ADD, {"code": phone.code()}, token=tokens[0]),
            partial(other.submit, ADD_PASSKEY, fields, token=tokens[1]),
        )
        shown = [code for page in pages for code in codes_in(page)]
        with app.app_context():
            own = select(RecoveryCode.digest).join(User, User.id == RecoveryCode.user_id)
            stored = set(db.session.scalars(own.where(User.username == name)))
        assert stored == {secret_digest(code.replace("-", "")) for code in shown}
        assert len(shown) == 10


@pytest.mark.slow
def test_the_first_page_with_a_key_is_opened_twice_at_once(app: Flask, owner: Visitor) -> None:
    for _ in range(6):
        prove(owner)
        with app.app_context(), transaction() as writing:
            writing.execute(Authenticator.__table__.delete())  # type: ignore[attr-defined]
        cookie = owner.client.get_cookie(SESSION)
        tabs = [Visitor(app), Visitor(app)]
        for tab in tabs:
            assert cookie
            tab.client.set_cookie(SESSION, cookie.value)
        one, other = at_once(*(partial(key_shown_to, tab) for tab in tabs))
        assert one == other


@pytest.mark.slow
def test_codes_that_are_renewed_while_one_is_used_are_ten(
    app: Flask, owner: Visitor, phone: AuthenticatorApp
) -> None:
    codes = phone.recovery_codes
    for _ in range(6):
        visitor = halfway(app)
        tokens = visitor.csrf_token(SECOND_STEP), owner.csrf_token(OVERVIEW)
        used, page = at_once(
            partial(visitor.submit, SECOND_STEP, {"code": codes[0]}, token=tokens[0]),
            partial(owner.submit, f"{OVERVIEW}/codes", token=tokens[1]),
        )
        assert used.status_code == 200
        codes = codes_in(page)
        with app.app_context():
            left = db.session.scalars(
                select(RecoveryCode.digest).where(RecoveryCode.used_at.is_(None))
            ).all()
        assert set(left) == {secret_digest(code.replace("-", "")) for code in codes}


@pytest.mark.slow
def test_a_proof_at_the_moment_when_a_removal_begins_leaves_one_or_the_other(
    app: Flask, owner: Visitor, phone: AuthenticatorApp
) -> None:
    for code in phone.recovery_codes[:6]:
        with app.app_context():
            user = db.session.scalars(select(User)).one()
            path = (
                f"/remove_second_factor/{recovery.removal_token(token_keys(), user, now=utc_now())}"
            )
        reader, visitor = Visitor(app), halfway(app)
        page = reader.get(path).request.path
        tokens = reader.csrf_token(page), visitor.csrf_token(SECOND_STEP)
        begun = events(app, SecurityEventType.SECOND_FACTOR_REMOVAL_ASKED)
        stopped = events(app, SecurityEventType.SECOND_FACTOR_REMOVAL_STOPPED)
        at_once(
            partial(reader.submit, page, token=tokens[0]),
            partial(visitor.submit, SECOND_STEP, {"code": code}, token=tokens[1]),
        )
        assert events(app, SecurityEventType.SECOND_FACTOR_REMOVAL_ASKED) == begun + 1
        was_stopped = events(app, SecurityEventType.SECOND_FACTOR_REMOVAL_STOPPED) - stopped
        assert (susan(app).second_factor_ends_at is None) == bool(was_stopped)
        owner.submit(f"{OVERVIEW}/keep", token=owner.csrf_token("/"))


@pytest.mark.slow
def test_a_removal_that_is_due_is_finished_once(app: Flask, phone: AuthenticatorApp) -> None:
    for number in range(6):
        with app.app_context(), transaction() as writing:
            writing.execute(update(User).values(second_factor_ends_at=utc_now()))
            if number:
                writing.add(Passkey(**passkey_of(susan(app).id)))
        at_once(*[partial(time_passes, app, 1)] * 3)
        assert events(app, SecurityEventType.SECOND_FACTOR_REMOVED) == number + 1


def passkey_of(user_id: int) -> dict[str, object]:
    return {
        "user_id": user_id,
        "credential_id": b"x",
        "public_key": b"x",
        "sign_count": 0,
        "name": "x",
    }


@pytest.mark.slow
def test_a_factor_that_is_removed_while_it_signs_in_opens_at_most_one_session(
    app: Flask, owner: Visitor, phone: AuthenticatorApp
) -> None:
    visitor = halfway(app)
    tokens = visitor.csrf_token(SECOND_STEP), owner.csrf_token(OVERVIEW)
    code = phone.unused_code()
    at_once(
        partial(visitor.submit, SECOND_STEP, {"code": code}, token=tokens[0]),
        partial(owner.submit, f"{OVERVIEW}/app/remove", token=tokens[1]),
    )
    with app.app_context():
        assert db.session.scalars(select(Authenticator)).all() == []
        assert db.session.scalars(select(RecoveryCode)).all() == []
        assert len(db.session.scalars(select(LoginSession)).all()) <= 2
