"""Passkeys: alone, as a second step and before changes; and answers that are none."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from microblog.accounts.models import LoginSession, Passkey, UsedChallenge
from microblog.accounts.second_factors.relying_party import relying_party
from microblog.database import db, transaction, utc_now
from tests.accounts.authenticator_app import prove
from tests.accounts.passkey_device import PasskeyDevice, options_in, packed
from tests.accounts.test_second_step import HELLO, OVERVIEW, SECOND_STEP, halfway, opened
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, error_beside, make_user, words

ADD = "/settings/two_step/passkeys"
OPTIONS, SIGN_IN = "/login/passkey/options", "/login/passkey"
REFUSED = "That passkey wasn't accepted."


@pytest.fixture
def device(owner: Visitor) -> PasskeyDevice:
    return add_passkey(owner, PasskeyDevice())


def add_passkey(visitor: Visitor, device: PasskeyDevice, name: str = "Phone") -> PasskeyDevice:
    prove(visitor)
    answer = device.create(options_in(visitor.get(ADD).get_data(as_text=True)))
    page = visitor.submit(ADD, {"name": name, "passkey": answer})
    assert "The passkey was added." in words(page)
    return device


def sign_in_options(visitor: Visitor) -> dict[str, Any]:
    options: dict[str, Any] = json.loads(visitor.get(OPTIONS).get_data())
    return options


def sign_in_page(visitor: Visitor, answer: str) -> str:
    token = visitor.csrf_token("/login")
    return words(visitor.submit(SIGN_IN, {"passkey": answer}, token=token))


def second_step_page(visitor: Visitor, answer: str) -> str:
    token = visitor.csrf_token(SECOND_STEP)
    return words(visitor.submit(SECOND_STEP, {"passkey": answer}, token=token))


def second_step_options(visitor: Visitor) -> dict[str, Any]:
    return options_in(visitor.get(SECOND_STEP).get_data(as_text=True))


@pytest.mark.parametrize(
    ("synced", "methods"), [(False, "hwk user"), (True, "swk user")], ids=["device", "synced"]
)
def test_a_passkey_alone_opens_the_account(
    app: Flask, owner: Visitor, synced: bool, methods: str
) -> None:
    device = add_passkey(owner, PasskeyDevice(synced=synced, counts=not synced))
    for _ in range(2):
        visitor = Visitor(app)
        assert HELLO in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    assert opened(app) == ["pwd", methods, methods]


def test_the_options_to_sign_in_name_nobody(app: Flask, device: PasskeyDevice) -> None:
    options = sign_in_options(Visitor(app))
    assert options["allowCredentials"] == []
    assert options["userVerification"] == "required"
    assert options["rpId"] == "localhost"
    answer = Visitor(app).get(OPTIONS)
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_passkey_that_checked_nobody_does_not_sign_in_alone(
    app: Flask, device: PasskeyDevice
) -> None:
    device.verifies = False
    visitor = Visitor(app)
    assert REFUSED in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    visitor = halfway(app)
    assert HELLO in second_step_page(visitor, device.get(second_step_options(visitor)))
    assert opened(app) == ["pwd", "pwd hwk"]


def test_a_passkey_is_a_second_step(app: Flask, device: PasskeyDevice) -> None:
    visitor = halfway(app)
    options = second_step_options(visitor)
    assert [one["id"] for one in options["allowCredentials"]] == [packed(device.credential_id)]
    assert HELLO in second_step_page(visitor, device.get(options))
    assert opened(app) == ["pwd", "pwd hwk user"]


def test_a_changed_form_does_not_turn_a_passkey_into_a_code(
    app: Flask, device: PasskeyDevice
) -> None:
    visitor = halfway(app)
    forms: list[dict[str, object]]
    forms = [{"code": "000000"}, {"code": "000000", "passkey": ""}, {"code": " "}]
    for fields in forms:
        page = words(visitor.submit(SECOND_STEP, fields))
        assert HELLO not in page
    assert opened(app) == ["pwd"]


def test_a_challenge_works_once(app: Flask, device: PasskeyDevice) -> None:
    visitor = Visitor(app)
    answer = device.get(sign_in_options(visitor))
    assert HELLO in sign_in_page(visitor, answer)
    assert REFUSED in sign_in_page(Visitor(app), answer)
    with app.app_context():
        assert len(db.session.scalars(select(UsedChallenge)).all()) == 2


def test_a_challenge_works_for_its_purpose_alone(app: Flask, device: PasskeyDevice) -> None:
    visitor = halfway(app)
    assert REFUSED in second_step_page(visitor, device.get(sign_in_options(Visitor(app))))
    answer = device.get(second_step_options(visitor))
    assert REFUSED in sign_in_page(Visitor(app), answer)
    assert opened(app) == ["pwd"]


def test_a_challenge_ends_after_five_minutes(
    app: Flask, device: PasskeyDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor = Visitor(app)
    with monkeypatch.context() as patched:
        where = "microblog.accounts.second_factors.challenges.LIFETIME"
        patched.setattr(where, utc_now() - utc_now())
        answer = device.get(sign_in_options(visitor))
    assert REFUSED in sign_in_page(visitor, answer)


@pytest.mark.parametrize(
    "change",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:1"},
        {"site": "evil.example"},
        {"handle": b"somebody else"},
        {"credential_id": b"unknown"},
        {"key": PasskeyDevice().key},
    ],
    ids=lambda change: next(iter(change)),
)
def test_passkeys_of_others_are_refused(
    app: Flask, device: PasskeyDevice, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(device, name, value)
    visitor = Visitor(app)
    assert REFUSED in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    visitor = halfway(app)
    assert REFUSED in second_step_page(visitor, device.get(second_step_options(visitor)))
    assert opened(app) == ["pwd"]


def test_another_account_s_passkey_is_no_second_step(app: Flask, device: PasskeyDevice) -> None:
    make_user(app, "mallory")
    other = Visitor(app)
    other.log_in("mallory")
    theirs = add_passkey(other, PasskeyDevice())
    visitor = halfway(app)
    assert REFUSED in second_step_page(visitor, theirs.get(second_step_options(visitor)))
    assert opened(app) == ["pwd", "pwd"]


def test_a_copied_passkey_is_refused_and_its_owner_told(
    app: Flask, device: PasskeyDevice, smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    device.count = 5
    assert HELLO in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    device.count = 3
    visitor = Visitor(app)
    assert REFUSED in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    visitor = halfway(app)
    device.count = 5
    assert REFUSED in second_step_page(visitor, device.get(second_step_options(visitor)))
    deliver_from(app)
    assert [one.message["Subject"] for one in smtp.received].count(
        "A passkey may have been copied"
    ) == 2
    device.count = 6
    visitor = Visitor(app)
    assert HELLO in sign_in_page(visitor, device.get(sign_in_options(visitor)))


def test_several_passkeys_are_listed_by_name_and_removed_one_by_one(
    app: Flask, owner: Visitor, device: PasskeyDevice
) -> None:
    second = add_passkey(owner, PasskeyDevice(), name="Blue key")
    page = owner.get(OVERVIEW)
    assert "Phone" in words(page)
    assert "Blue key" in words(page)
    paths = re.findall(r'action="([^"]*/passkeys/\d+/remove)"', page.get_data(as_text=True))
    page = owner.submit(paths[0], token=owner.csrf_token(OVERVIEW))
    assert "The passkey “Phone” no longer works." in words(page)
    assert "already removed" in words(owner.submit(paths[0], token=owner.csrf_token(OVERVIEW)))
    visitor = Visitor(app)
    assert REFUSED in sign_in_page(visitor, device.get(sign_in_options(visitor)))
    assert HELLO in sign_in_page(visitor, second.get(sign_in_options(visitor)))


def test_another_account_s_passkey_is_not_removed(
    app: Flask, owner: Visitor, device: PasskeyDevice
) -> None:
    make_user(app, "mallory")
    other = Visitor(app)
    other.log_in("mallory")
    prove(other)
    paths = re.findall(r'action="([^"]*/\d+/remove)"', owner.get(OVERVIEW).get_data(as_text=True))
    token = other.csrf_token("/settings/sessions")
    assert "already removed" in words(other.submit(paths[0], token=token))
    huge = re.sub(r"\d+", "9" * 30, paths[0])
    assert "already removed" in words(other.submit(huge, token=token))
    with app.app_context():
        assert len(db.session.scalars(select(Passkey)).all()) == 1


def test_one_passkey_is_added_once(owner: Visitor, device: PasskeyDevice) -> None:
    answer = device.create(options_in(owner.get(ADD).get_data(as_text=True)))
    page = owner.submit(ADD, {"name": "Again", "passkey": answer})
    assert "This passkey was already added." in error_beside(page, "name")


def test_a_used_registration_cannot_be_sent_again(
    app: Flask, owner: Visitor, device: PasskeyDevice
) -> None:
    options = options_in(owner.get(ADD).get_data(as_text=True))
    assert "was added." in words(
        owner.submit(ADD, {"name": "B", "passkey": PasskeyDevice().create(options)})
    )
    page = owner.submit(ADD, {"name": "C", "passkey": PasskeyDevice().create(options)})
    assert "The passkey couldn't be added." in error_beside(page, "name")


def test_a_passkey_is_a_proof_before_changes(app: Flask, device: PasskeyDevice) -> None:
    visitor = Visitor(app)
    sign_in_page(visitor, device.get(sign_in_options(visitor)))
    page = visitor.get(ADD)
    assert page.request.path == "/settings/confirm"
    answer = device.get(options_in(page.get_data(as_text=True)))
    page = visitor.submit(f"/settings/confirm?next={ADD}", {"passkey": answer})
    assert page.request.path == ADD
    other = Visitor(app)
    sign_in_page(other, device.get(sign_in_options(other)))
    assert REFUSED in words(other.submit("/settings/confirm", {"passkey": answer}))


def test_disabled_accounts_have_no_passkeys_that_work(app: Flask, device: PasskeyDevice) -> None:
    with app.app_context(), transaction() as writing:
        owner = writing.scalars(select(LoginSession)).one().user
        owner.disabled_at = utc_now()
    visitor = Visitor(app)
    assert REFUSED in sign_in_page(visitor, device.get(sign_in_options(visitor)))


@ON_SQLITE
@pytest.mark.parametrize("name", ["", " ", "x" * 65, "a\u200bb\u202e", "\u202e"])
def test_names_that_cannot_be_shown_are_refused(
    owner: Visitor, name: str, device: PasskeyDevice
) -> None:
    answer = PasskeyDevice().create(options_in(owner.get(ADD).get_data(as_text=True)))
    page = owner.submit(ADD, {"name": name, "passkey": answer})
    assert error_beside(page, "name") or name == "a\u200bb\u202e"


@ON_SQLITE
@pytest.mark.parametrize(
    "answer",
    [
        "",
        "x",
        "[]",
        "{}",
        "null",
        "7",
        "[" * 5000,
        '{"id": 7}',
        '{"id": "é", "response": {"clientDataJSON": "é"}}',
        '{"id": "eA", "response": []}',
        '{"id": "eA", "response": {"clientDataJSON": "eA"}}',
        '{"id": "eA", "response": {"clientDataJSON": "e30"}}',
        "x" * 30_000,
        "\ud83d",
    ],
)
def test_what_is_no_answer_gets_the_ordinary_message(
    app: Flask, owner: Visitor, device: PasskeyDevice, answer: str
) -> None:
    sent = answer.encode("utf-8", "surrogatepass")
    visitor = Visitor(app)
    token = visitor.csrf_token("/login")
    page = visitor.submit(SIGN_IN, {"passkey": sent}, token=token)
    assert page.status_code in {200, 400}
    assert page.status_code == 400 or REFUSED in words(page)
    page = owner.submit(ADD, {"name": "x", "passkey": sent})
    assert page.status_code in {200, 400}
    assert "was added" not in words(page)


@ON_SQLITE
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damaged_answer_fails_or_opens(
    app: Flask, device: PasskeyDevice, data: st.DataObject
) -> None:
    visitor = Visitor(app)
    answer = json.loads(device.get(sign_in_options(visitor)))
    part = data.draw(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]))
    whole = answer["response"][part]
    place = data.draw(st.integers(0, 60)) % (len(whole) - 1)
    new = data.draw(st.sampled_from("AQgw_-0=~"))
    answer["response"][part] = whole[:place] + new * (whole[place] != new) + whole[place + 1 :]
    if answer["response"][part] != whole:
        assert REFUSED in sign_in_page(visitor, json.dumps(answer))


@pytest.mark.parametrize(
    ("url", "site"),
    [
        ("https://example.com", ("example.com", "https://example.com")),
        ("https://example.com:8443/community", ("example.com", "https://example.com:8443")),
        ("http://localhost:5000", ("localhost", "http://localhost:5000")),
        ("http://example.com", None),
        ("https://192.0.2.1", None),
        ("https://[2001:db8::1]", None),
        (None, None),
    ],
)
def test_browsers_allow_passkeys_under_a_name_with_https(
    url: str | None, site: tuple[str, str] | None
) -> None:
    found = relying_party(url, name="Microblog")
    assert (found and (found.id, found.origin)) == site
