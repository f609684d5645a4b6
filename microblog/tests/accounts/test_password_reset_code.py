"""The code beside the link in the mail: for whom it is good, how often, and how long."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from flask_outbox.outbox.models import OutboxMessage
from microblog.accounts.actions.password_reset_code import (
    KEPT,
    LENGTH,
    TRIES,
    make_code,
    prune_requests,
    read_code,
)
from microblog.accounts.models import LoginThrottle, PasswordResetRequest, User
from microblog.accounts.sessions.login_throttle import FREE_FAILURES
from microblog.accounts.typed_codes import ALPHABET
from microblog.database import db, transaction, utc_now
from tests.answers import comparable
from tests.constants import Make
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import (
    Visitor,
    deliver_from,
    error_beside,
    mailed_link,
    make_user,
    path_of,
    post_new_password,
    words,
)

SUSAN, NOBODY = "susan@example.com", "nobody@example.com"
CODE = "/reset_password_code"
CHOOSE = "/reset_password/choose"
NEW = "a brand new password"
WRONG = "Wrong or expired code."
NONE_LEFT = "No tries left. Open the link in the email, or send it again."
ENDED = "This link no longer works"
DONE = "Your password has been reset."
NEVER = "ZZZZ ZZZZ"
"""A code that is right once in 850 thousand million times."""


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def code(app: Flask, visitor: Visitor, susan: int, smtp: ScriptedServer) -> str:
    """The code that came by mail for this visitor's browser."""
    visitor.ask_for_reset(SUSAN)
    return mailed_code(app, smtp)


def mailed_code(app: Flask, smtp: ScriptedServer) -> str:
    deliver_from(app)
    found = re.search(r"^\w{4} \w{4}$", smtp.received[-1].text(), re.MULTILINE)
    assert found, "the mail holds no code on a line of its own"
    return found[0]


def type_code(visitor: Visitor, code: str, *, token: str | None = None) -> TestResponse:
    token = visitor.csrf_token("/login") if token is None else token
    return visitor.submit(CODE, {"code": code}, token=token)


def choose(visitor: Visitor) -> str:
    return words(visitor.submit(CHOOSE, {"password": NEW, "password2": NEW}))


def is_right(page: TestResponse) -> bool:
    right = page.request.path == CHOOSE and "<h1>Reset Your Password</h1>" in page.text
    assert right or error_beside(page, "code")
    return right


def set_sent(app: Flask, *, ago: timedelta) -> None:
    with app.app_context(), transaction() as writing:
        then = utc_now() - ago
        writing.execute(update(OutboxMessage).values(settled_at=then.timestamp()))


def test_the_code_leads_to_the_page_behind_the_link(
    app: Flask, visitor: Visitor, code: str
) -> None:
    page = type_code(visitor, code)
    assert is_right(page)
    assert "Account: susan" in words(page)
    assert DONE in choose(visitor)
    assert "Hi, susan!" in words(visitor.log_in("susan", password=NEW))


def test_the_code_is_in_both_parts_of_the_mail_and_in_no_table(
    app: Flask, visitor: Visitor, code: str, smtp: ScriptedServer
) -> None:
    assert code in smtp.received[-1].text("html")
    type_code(visitor, NEVER)
    with app.app_context():
        (request,) = db.session.scalars(select(PasswordResetRequest)).all()
        stored = [repr(vars(row)) for row in (request, *rows(app))]
    with visitor.client.session_transaction() as cookie:
        nonce = cookie["password_reset"]["nonce"]
    for secret in (code, code.replace(" ", ""), nonce):
        assert not [one for one in stored if secret in one]
    assert len(request.digest) == 32


@pytest.mark.parametrize(
    "typed",
    ["{0}{1}", "  {0} {1} ", "{0}-{1}", "{0}–{1}", "{0}\u00a0{1}", "{0}\u3000{1}"],
    ids=ascii,
)
@pytest.mark.parametrize("case", [str.upper, str.lower])
def test_blanks_hyphens_and_case_are_all_the_same(typed: str, case: type[str]) -> None:
    assert read_code(case(typed.format("AB2C", "D9XY"))) == "AB2CD9XY"


def test_a_code_with_blanks_and_in_lower_case_is_right(visitor: Visitor, code: str) -> None:
    assert is_right(type_code(visitor, f"  {'-'.join(code.replace(' ', '').lower())} "))


def test_full_width_letters_of_an_input_method_are_right() -> None:
    assert read_code("ＡＢ２Ｃ　ｄ９ｘｙ") == "AB2CD9XY"


@pytest.mark.parametrize(
    "typed", ["", "AB2CD9X", "AB2CD9XYZ", "AB2CD9X0", "OB2CD9XY", "lB2CD9XY", "ÄB2CD9XY", "\0" * 8]
)
def test_what_cannot_be_a_code_is_not_counted_as_a_try(
    app: Flask, visitor: Visitor, code: str, typed: str
) -> None:
    said = error_beside(type_code(visitor, typed), "code")
    assert said in {
        "This field is required.",
        "Enter 8 letters and digits. 0, 1, I, L and O are never used.",
    }
    with app.app_context():
        assert db.session.scalar(select(PasswordResetRequest.tries)) == 0


def test_codes_use_the_whole_alphabet_and_hang_on_each_part() -> None:
    parts = [
        ("key", bytes(32), 1, ("hash", "a@b")),
        ("kex", bytes(32), 1, ("hash", "a@b")),
        ("key", bytes(31) + b"\1", 1, ("hash", "a@b")),
        ("key", bytes(32), 2, ("hash", "a@b")),
        ("key", bytes(32), 1, ("hasx", "a@b")),
        ("key", bytes(32), 1, ("hash", "x@b")),
    ]
    codes = [make_code(*one) for one in parts]
    assert len(set(codes)) == len(parts)
    assert {len(one) for one in codes} == {LENGTH}
    many = "".join(make_code("key", bytes(32), number, ("", "")) for number in range(200))
    assert set(many) == set(ALPHABET)
    assert len(ALPHABET) == 31
    assert not set(ALPHABET) & set("01ILO")


def test_the_code_is_refused_in_another_browser(app: Flask, code: str) -> None:
    stranger = Visitor(app)
    page = type_code(stranger, code)
    assert page.request.path == "/reset_password_request"
    assert "A code works only in the browser that requested it." in words(page)
    stranger.ask_for_reset(SUSAN)
    assert not is_right(type_code(stranger, code))


def test_the_sixth_try_is_refused_even_if_it_is_right(visitor: Visitor, code: str) -> None:
    said = [error_beside(type_code(visitor, NEVER), "code") for _ in range(TRIES)]
    assert said == [
        f"{WRONG} 4 tries left.",
        f"{WRONG} 3 tries left.",
        f"{WRONG} 2 tries left.",
        f"{WRONG} 1 try left.",
        NONE_LEFT,
    ]
    assert error_beside(type_code(visitor, code), "code") == NONE_LEFT


def test_a_cookie_from_before_does_not_give_the_tries_back(
    app: Flask, visitor: Visitor, code: str
) -> None:
    with visitor.client.session_transaction() as cookie:
        before = dict(cookie)
    for _ in range(TRIES):
        type_code(visitor, NEVER)
    with visitor.client.session_transaction() as cookie:
        cookie.clear()
        cookie.update(before)
    assert error_beside(type_code(visitor, code), "code") == NONE_LEFT


def test_the_code_is_dead_after_the_link_was_used(
    app: Flask, visitor: Visitor, code: str, smtp: ScriptedServer
) -> None:
    elsewhere = Visitor(app)
    assert DONE in post_new_password(elsewhere, path_of(mailed_link(smtp)))
    assert error_beside(type_code(visitor, code), "code").startswith(WRONG)


def test_the_link_is_dead_after_the_code_was_used(
    app: Flask, visitor: Visitor, code: str, smtp: ScriptedServer
) -> None:
    type_code(visitor, code)
    assert DONE in choose(visitor)
    assert ENDED in words(Visitor(app).get(path_of(mailed_link(smtp))))


def test_the_code_is_used_once(app: Flask, visitor: Visitor, code: str) -> None:
    with visitor.client.session_transaction() as cookie:
        before = dict(cookie)
    type_code(visitor, code)
    assert DONE in choose(visitor)
    with visitor.client.session_transaction() as cookie:
        cookie.update(before)
    assert error_beside(type_code(visitor, code), "code").startswith(WRONG)


@pytest.mark.parametrize(("seconds", "works"), [(590, True), (600, False), (3600, False)])
def test_the_code_lives_as_long_as_the_link_from_the_sending_on(
    app: Flask, visitor: Visitor, code: str, seconds: int, works: bool
) -> None:
    set_sent(app, ago=timedelta(seconds=seconds))
    assert is_right(type_code(visitor, code)) is works


def test_its_life_begins_when_the_mail_leaves_and_not_when_it_was_asked_for(
    app: Flask, visitor: Visitor, code: str
) -> None:
    with app.app_context(), transaction() as writing:
        earlier = OutboxMessage.created_at - 7200
        writing.execute(update(OutboxMessage).values(created_at=earlier))
    assert is_right(type_code(visitor, code))


def test_a_page_that_the_code_led_to_ends_when_the_link_does(
    app: Flask, visitor: Visitor, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    type_code(visitor, code)
    token = visitor.csrf_token(CHOOSE)
    sent = rows(app)[-1].settled_at
    assert sent is not None
    set_clock(monkeypatch, datetime.fromtimestamp(sent + 600, UTC))
    fields: dict[str, object] = {"password": NEW, "password2": NEW}
    assert ENDED in words(visitor.submit(CHOOSE, fields, token=token))


def test_a_mail_that_was_never_settled_as_sent_counts_from_its_request(
    app: Flask, visitor: Visitor, code: str
) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(status="deferred", settled_at=None))
    assert is_right(type_code(visitor, code))
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(created_at=OutboxMessage.created_at - 600))
    assert not is_right(type_code(visitor, code))


def test_a_new_request_makes_the_old_code_useless(
    app: Flask, visitor: Visitor, code: str, smtp: ScriptedServer
) -> None:
    with visitor.client.session_transaction() as cookie:
        before = dict(cookie)
    visitor.ask_for_reset(SUSAN)
    assert error_beside(type_code(visitor, code), "code").startswith(WRONG)
    newer = mailed_code(app, smtp)
    assert is_right(type_code(visitor, newer))
    # Not even a copy of the former cookie brings it back.
    with visitor.client.session_transaction() as cookie:
        cookie.update(before)
    assert error_beside(type_code(visitor, code), "code") == NONE_LEFT


def test_a_request_of_somebody_else_leaves_the_code_alone(
    app: Flask, visitor: Visitor, code: str
) -> None:
    Visitor(app).ask_for_reset(SUSAN)
    assert is_right(type_code(visitor, code))


def test_a_new_password_or_address_makes_the_code_useless(
    app: Flask, visitor: Visitor, code: str, susan: int
) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == susan).values(password_hash="another"))
    assert not is_right(type_code(visitor, code))


def test_a_disabled_account_takes_no_code(app: Flask, visitor: Visitor, code: str) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(disabled_at=utc_now()))
    assert not is_right(type_code(visitor, code))


def test_a_former_key_is_still_good_for_codes_that_were_mailed(
    make_app: Make, smtp: ScriptedServer
) -> None:
    old, new = "the old key, which was a good one, too", "the new key, which is as good as that"
    before = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=old)
    make_user(before, "susan")
    visitor = Visitor(before)
    visitor.ask_for_reset(SUSAN)
    code = mailed_code(before, smtp)
    after = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=new, SECRET_KEY_FALLBACKS=[old])
    with visitor.client.session_transaction() as cookie:
        kept = dict(cookie)
    returning = Visitor(after)
    with returning.client.session_transaction() as cookie:
        cookie.update(kept)
    assert is_right(type_code(returning, code))


def test_of_twenty_tries_at_once_five_are_looked_at(
    app: Flask, visitor: Visitor, code: str
) -> None:
    with visitor.client.session_transaction() as cookie:
        kept = dict(cookie)
    browsers = [Visitor(app) for _ in range(20)]
    tokens = []
    for one in browsers:
        with one.client.session_transaction() as cookie:
            cookie.update(kept)
        tokens.append(one.csrf_token("/login"))
    starting = threading.Barrier(len(browsers))
    said: list[str] = []

    def attempt(number: int) -> None:
        starting.wait(timeout=30)
        page = type_code(browsers[number], NEVER, token=tokens[number])
        said.append(error_beside(page, "code"))

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    looked_at = [one for one in said if one.startswith(WRONG)]
    assert (len(looked_at), said.count(NONE_LEFT)) == (TRIES - 1, 20 - (TRIES - 1))
    with app.app_context():
        assert db.session.scalar(select(PasswordResetRequest.tries)) == TRIES
        assert db.session.scalar(select(LoginThrottle.failures)) == TRIES
    assert error_beside(type_code(visitor, code), "code") == NONE_LEFT


def test_tries_are_counted_by_address_over_requests_and_the_link_stays_good(
    app: Flask, susan: int, smtp: ScriptedServer
) -> None:
    for number in range(FREE_FAILURES // TRIES):
        stranger = Visitor(app)
        stranger.ask_for_reset(SUSAN if number else "Susan@EXAMPLE.com")
        for _ in range(TRIES):
            type_code(stranger, NEVER)
    owner = Visitor(app)
    owner.ask_for_reset(SUSAN)
    code = mailed_code(app, smtp)
    page = type_code(owner, code)
    assert page.status_code == 429
    assert 0 < int(page.headers["Retry-After"]) <= 60
    said = error_beside(page, "code")
    assert said.startswith("Too many tries for this address.")
    with app.app_context():
        newest = PasswordResetRequest.requested_at.desc()
        tries = select(PasswordResetRequest.tries).order_by(newest).limit(1)
        assert db.session.scalar(tries) == 0
    assert DONE in post_new_password(owner, path_of(mailed_link(smtp)))
    with app.app_context():
        assert db.session.scalars(select(LoginThrottle)).all() == []


def test_an_address_without_an_account_is_counted_and_answered_in_the_same_way(
    app: Flask, susan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_clock(monkeypatch, utc_now())
    answers = {}
    for address in (SUSAN, NOBODY):
        found = []
        for _ in range(FREE_FAILURES // TRIES + 1):
            visitor = Visitor(app)
            visitor.ask_for_reset(address)
            deliver_from(app)
            found += [comparable(type_code(visitor, NEVER), address) for _ in range(TRIES + 1)]
        answers[address] = found
    assert answers[SUSAN] == answers[NOBODY]
    assert [one[0] for one in answers[SUSAN]][-1] == "429 TOO MANY REQUESTS"


def test_a_code_costs_the_same_statements_for_any_address(app: Flask, susan: int) -> None:
    statements = {}
    for address in (SUSAN, NOBODY):
        visitor = Visitor(app)
        visitor.ask_for_reset(address)
        deliver_from(app)
        token = visitor.csrf_token("/login")
        with app.app_context():
            engine = db.engine
        with recorded(engine) as made:
            visitor.submit(CODE, {"code": NEVER}, token=token)
        statements[address] = list(made)
    assert statements[SUSAN] == statements[NOBODY]


def test_no_answer_holds_the_stored_spelling_or_the_name_before_the_code_is_right(
    app: Flask, visitor: Visitor, smtp: ScriptedServer
) -> None:
    make_user(app, "wilhelmina", email="Susan.Strong@Example.COM")
    typed = "SUSAN.strong@example.com"
    pages = [visitor.ask_for_reset(typed), visitor.get("/login")]
    code = mailed_code(app, smtp)
    pages.append(type_code(visitor, NEVER))
    for page in pages:
        everything = page.text + str(page.headers)
        assert "Susan.Strong" not in everything
        assert "wilhelmina" not in everything
    assert is_right(type_code(visitor, code))


def test_a_mail_from_before_codes_has_none(app: Flask, susan: int, smtp: ScriptedServer) -> None:
    with app.app_context(), transaction() as writing:
        app_outbox = app.extensions["flask_outbox"].outbox
        app_outbox.enqueue(writing, "accounts.reset_password", SUSAN, locale="en")
    deliver_from(app)
    text = smtp.received[-1].text()
    assert "/reset_password/" in text
    assert not re.search(r"^\w{4} \w{4}$", text, re.MULTILINE)


def test_old_requests_are_removed(app: Flask, visitor: Visitor, code: str) -> None:
    now = utc_now()
    with app.app_context(), transaction() as writing:
        assert not prune_requests(writing, now + KEPT / 2)
        assert writing.scalar(select(PasswordResetRequest.tries)) == 0
        assert not prune_requests(writing, now + KEPT * 2)
        assert writing.scalar(select(PasswordResetRequest.tries)) is None
    assert error_beside(type_code(visitor, code), "code") == NONE_LEFT
