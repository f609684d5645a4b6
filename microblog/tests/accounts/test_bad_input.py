"""Whatever is sent to a form, its answer is its own: an error beside the field, or a page."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import pytest
from flask import Flask
from sqlalchemy import select, union
from werkzeug.test import TestResponse

from microblog.accounts.models import EmailChange, User
from microblog.database import db
from tests.bounded import TOWER, nothing_long_is_composed
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    make_user,
    reset_link_for,
    value_in,
    words,
)

pytestmark = pytest.mark.slow

NEW = "a brand new password"
WRONG_LOGIN = "Wrong username or password."
ASKED = "Check your email for the instructions to reset your password"
MADE = "Welcome to Microblog. We sent a link to"
LOGGED_IN = "Hi, susan!"

FORMS: dict[str, tuple[str, dict[str, str]]] = {
    "login": ("/login", {"username": "susan", "password": PASSWORD, "remember_me": "y"}),
    "register": (
        "/register",
        {"username": "bob", "email": "bob@example.com", "password": NEW, "password2": NEW},
    ),
    "request": ("/reset_password_request", {"email": "susan@example.com"}),
    "choose": ("/reset_password/choose", {"password": NEW, "password2": NEW}),
    "address": (
        "/settings/email",
        {"email": "susans@example.com", "current_password": PASSWORD},
    ),
    "password": (
        "/settings/password",
        {"current_password": PASSWORD, "password": NEW, "password2": NEW},
    ),
    "delete": ("/settings/delete", {"current_password": PASSWORD}),
}

FIELDS = [(form, field) for form, (_, fields) in FORMS.items() for field in fields]

MEGABYTE = "x" * 1024 * 1024

TOO_LONG = {"a megabyte", "a tower of marks", "an address under a tower of marks"}

PERHAPS_AN_ADDRESS = {
    "an address within",
    "bytes that are no text",
}

Encode = Callable[[str, str], str]
"""From a field's name and its good value to what is sent in its place."""


def plain(value: str) -> Encode:
    return lambda name, _good: f"{name}={quote_plus(value)}"


BAD: dict[str, Encode] = {
    "missing": lambda _name, _good: "",
    "empty": plain(""),
    "blanks": plain("     "),
    "a megabyte": plain(MEGABYTE),
    "a tower of marks": plain(TOWER),
    "an address under a tower of marks": plain(f"{TOWER}@example.com"),
    "doubled, the good one first": lambda name, good: (
        f"{name}={quote_plus(good)}&{name}=evil%40example.org"
    ),
    "in the style of an array": lambda name, good: f"{name}[]={quote_plus(good)}",
    "a header behind it": lambda name, good: (
        f"{name}={quote_plus(good)}%0d%0aBcc:%20evil%40example.org"
    ),
    "NUL behind it": lambda name, good: f"{name}={quote_plus(good)}%00",
    "NUL alone": plain("\0"),
    "a lone surrogate": lambda name, good: f"{name}={quote_plus(good)}%ed%a0%80",
    "bytes that are no text": lambda name, good: f"{name}=%ff%fe{quote_plus(good)}",
    "a look-alike": lambda name, good: f"{name}={quote_plus(good.replace('s', 'ѕ'))}",
    "the other direction": lambda name, good: f"{name}=%e2%80%ae{quote_plus(good)}",
    "two addresses": lambda name, good: f"{name}={quote_plus(good)},evil%40example.org",
    "an address within": lambda name, good: f"{name}={quote_plus(good)}%20%3Cevil%40example.org%3E",
    "markup": plain('"><script>alert(1)</script>'),
    "a template": plain("{{ config }} %(username)s {username}"),
}

ALWAYS_REQUIRED = {
    "missing",
    "empty",
    "in the style of an array",
}


CASES = [("sqlite", form, field, bad) for form, field in FIELDS for bad in BAD]
# PostgreSQL has letters that it does not take, and columns that end where they are said to end.
CASES += [
    ("postgresql", form, field, bad)
    for form, field in FIELDS
    if field in {"username", "email"}
    for bad in (
        "a megabyte",
        "NUL behind it",
        "NUL alone",
        "a lone surrogate",
        "bytes that are no text",
        "a look-alike",
        "the other direction",
    )
]


@pytest.mark.parametrize(("database_url", "form", "field", "bad"), CASES, indirect=["database_url"])
def test_the_answer_is_the_forms_own(
    app: Flask, smtp: ScriptedServer, form: str, field: str, bad: str
) -> None:
    make_user(app, "susan")
    visitor = Visitor(app)
    path, fields = FORMS[form]
    if form == "choose":
        visitor.get(reset_link_for(app, "susan@example.com"))
    if path.startswith("/settings/"):
        visitor.log_in("susan")
    sent = [f"csrf_token={quote_plus(visitor.csrf_token(path))}"]
    sent += [
        BAD[bad](name, good) if name == field else f"{name}={quote_plus(good)}"
        for name, good in fields.items()
    ]
    with nothing_long_is_composed():
        page = visitor.client.post(
            path,
            data="&".join(sent).encode(),
            content_type="application/x-www-form-urlencoded",
            follow_redirects=True,
        )
    assert page.status_code == 200
    assert_ordinary(page, form, field, bad)
    assert_kept(page, path, field, sent)
    assert_only_for(app, smtp, addresses_of_accounts(app))


def assert_ordinary(page: TestResponse, form: str, field: str, bad: str) -> None:
    """Either the error beside the field, or what the form says when all is well."""
    said, error = words(page), error_beside(page, field)
    if field == "remember_me":
        assert LOGGED_IN in said
    elif bad in ALWAYS_REQUIRED:
        assert error == "This field is required."
    elif bad == "doubled, the good one first":
        assert said_when_well(form) in said
    elif form == "login":
        assert WRONG_LOGIN in said or (error and bad in TOO_LONG) or "blanks" in bad
    elif field == "current_password":
        assert error == "This isn't your current password."
    elif field in {"password", "password2"}:
        # One of the two was changed, so they differ, if nothing else is wrong with them.
        assert error or error_beside(page, "password2")
    elif bad == "a look-alike":
        assert said_when_well(form) in said
    elif field == "email" and bad in PERHAPS_AN_ADDRESS:
        assert error or said_when_well(form) in said
    else:
        assert error, said


def said_when_well(form: str) -> str:
    return {
        "login": LOGGED_IN,
        "register": MADE,
        "request": ASKED,
        "choose": "Your password has been reset.",
        "address": "We sent a link to the new address.",
        "password": "Your password was changed. All other devices were signed out.",
        "delete": "Your account will be deleted on",
    }[form]


def assert_kept(page: TestResponse, path: str, field: str, sent: list[str]) -> None:
    """A form that is shown again holds what was typed, passwords excepted."""
    html = page.get_data(as_text=True)
    assert NEW not in html
    assert PASSWORD not in html
    assert "<script>alert" not in html
    is_done = any(said_when_well(form) in words(page) for form in FORMS)
    if page.request.path != path or "<form" not in html or is_done:
        return
    for name, good in FORMS_BY_PATH[path].items():
        if "password" in name:
            assert value_in(page, name) == ""
        elif name not in {field, "remember_me"}:
            assert value_in(page, name) == good
    typed = next((one.partition("=")[2] for one in sent if one.startswith(f"{field}=")), "")
    for long in (MEGABYTE, TOWER):
        if field in {"username", "email"} and typed == quote_plus(long):
            assert value_in(page, field) == long


FORMS_BY_PATH = dict(FORMS.values())


def addresses_of_accounts(app: Flask) -> set[str]:
    """Those that accounts have, or asked for as they are stored."""
    with app.app_context():
        addresses = union(select(User.email), select(EmailChange.new_email))
        return set(db.session.scalars(addresses))


def assert_only_for(app: Flask, smtp: ScriptedServer, allowed: set[str]) -> None:
    deliver_from(app)
    for received in smtp.received:
        assert len(received.recipients) == 1
        assert set(received.recipients) <= allowed
        assert [received.message["To"]] == received.recipients
        assert received.message["Bcc"] is None
        assert received.message["Cc"] is None


def opened(app: Flask, form: str) -> tuple[Visitor, str]:
    """A visitor who has the form before them, and its CSRF token."""
    make_user(app, "susan")
    visitor = Visitor(app)
    if form == "choose":
        visitor.get(reset_link_for(app, "susan@example.com"))
    if FORMS[form][0].startswith("/settings/"):
        visitor.log_in("susan")
    return visitor, visitor.csrf_token(FORMS[form][0])


JSON: dict[str, Any] = {
    "numbers": 5,
    "true": True,
    "nothing": None,
    "lists": ["a", "b"],
    "an empty list": [],
    "objects": {"a": "b"},
    "a lone surrogate": "\ud800susan\ud800",
    "NUL": "susan\0",
}


@ON_SQLITE
@pytest.mark.parametrize("value", JSON.values(), ids=list(JSON))
@pytest.mark.parametrize("form", FORMS)
def test_json_is_not_a_form(app: Flask, smtp: ScriptedServer, form: str, value: Any) -> None:
    visitor, token = opened(app, form)
    path, fields = FORMS[form]
    assert_refused(send_json(visitor, path, token, json.dumps(dict.fromkeys(fields, value))))
    assert_only_for(app, smtp, set())


@ON_SQLITE
@pytest.mark.parametrize("body", ["[1, 2]", '"text"', "5", "null", "{", "", '{"a":' * 1000])
@pytest.mark.parametrize("form", ["login", "request"])
def test_json_that_is_no_object_is_not_a_form_either(
    app: Flask, smtp: ScriptedServer, form: str, body: str
) -> None:
    visitor, token = opened(app, form)
    assert_refused(send_json(visitor, FORMS[form][0], token, body))
    assert_only_for(app, smtp, set())


def send_json(visitor: Visitor, path: str, token: str, body: str) -> TestResponse:
    return visitor.client.post(
        path,
        data=body,
        content_type="application/json",
        headers={"X-CSRFToken": token},
        follow_redirects=True,
    )


def assert_refused(page: TestResponse) -> None:
    """The form with its errors, or the page that says that this cannot be understood."""
    if page.status_code == 400:
        assert "Bad request" in words(page)
    else:
        assert page.status_code == 200
        assert "This field is required." in words(page)


@ON_SQLITE
@pytest.mark.parametrize("form", FORMS)
def test_without_its_token_json_is_refused_in_words(app: Flask, form: str) -> None:
    visitor, _ = opened(app, form)
    page = visitor.client.post(FORMS[form][0], json=FORMS[form][1])
    assert page.status_code == 400
    assert "This form has expired" in words(page)


@ON_SQLITE
@pytest.mark.parametrize(
    ("form", "field"), [(form, field) for form, field in FIELDS if field != "remember_me"]
)
def test_a_file_is_not_text(app: Flask, smtp: ScriptedServer, form: str, field: str) -> None:
    visitor, token = opened(app, form)
    path, fields = FORMS[form]
    parts: dict[str, Any] = {**fields, "csrf_token": token}
    parts[field] = (io.BytesIO(b"susan@example.com"), "susan@example.com")
    page = visitor.client.post(
        path, data=parts, content_type="multipart/form-data", follow_redirects=True
    )
    assert page.status_code == 200
    assert error_beside(page, field) == "This field is required."
    assert "FileStorage" not in page.get_data(as_text=True)
    assert_only_for(app, smtp, set())


@ON_SQLITE
@pytest.mark.parametrize("form", FORMS)
def test_a_form_in_parts_is_as_good_as_one_in_a_line(app: Flask, form: str) -> None:
    visitor, token = opened(app, form)
    path, fields = FORMS[form]
    page = visitor.client.post(
        path,
        data={**fields, "csrf_token": token},
        content_type="multipart/form-data",
        follow_redirects=True,
    )
    assert said_when_well(form) in words(page)


@ON_SQLITE
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=a"),
        ("multipart/form-data; boundary=" + "x" * 300, b"--" + b"x" * 300),
        ("application/x-www-form-urlencoded; charset=utf-16", b"\xff\xfee\0m\0a\0i\0l\0=\0x\0"),
        ("application/x-www-form-urlencoded", b"&&&===&&&"),
        ("text/plain", b"email=susan@example.com"),
        ("", b"email=susan@example.com"),
        ("application/xml", b"<email>susan@example.com</email>"),
    ],
)
def test_a_body_that_is_no_form_is_refused_in_words(
    app: Flask, smtp: ScriptedServer, content_type: str, body: bytes
) -> None:
    visitor, token = opened(app, "request")
    page = visitor.client.post(
        "/reset_password_request",
        data=body,
        content_type=content_type,
        headers={"X-CSRFToken": token},
    )
    assert_refused(page)
    assert_only_for(app, smtp, set())


@ON_SQLITE
def test_a_thousand_fields_too_many_are_no_trouble(app: Flask) -> None:
    visitor, token = opened(app, "request")
    body = f"csrf_token={quote_plus(token)}&email=susan%40example.com" + "&a=b" * 100_000
    page = visitor.client.post(
        "/reset_password_request",
        data=body,
        content_type="application/x-www-form-urlencoded",
        follow_redirects=True,
    )
    assert page.status_code in {200, 413}
    assert ASKED in words(page) or "Too large" in words(page)


@ON_SQLITE
@pytest.mark.parametrize("form", FORMS)
def test_more_than_a_form_can_hold_is_refused_in_words(app: Flask, form: str) -> None:
    visitor, token = opened(app, form)
    path, fields = FORMS[form]
    page = visitor.client.post(
        path, data={**fields, "csrf_token": token, "more": "x" * 3 * 1024 * 1024}
    )
    assert page.status_code == 413
    assert "Too large" in words(page)
