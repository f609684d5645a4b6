"""Tokens that the site did not make for this account and this purpose are refused in words."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from flask import Flask
from sqlalchemy import select

from microblog.accounts.models import User
from microblog.database import db
from tests.constants import SECRET
from tests.visitor import (
    ON_SQLITE,
    Visitor,
    make_user,
    payload_of,
    post_new_password,
    reset_link_for,
    token_of,
    words,
)

REFUSED = "This link no longer works"


def part(content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def resigned(payload: dict[str, Any], key: str = SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(payload, key, algorithm=algorithm)


def unsigned(payload: dict[str, Any], algorithm: str = "none") -> str:
    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(payload)}."


def with_payload(token: str, payload: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(payload)}.{signature}"


Forge = Callable[[str, dict[str, Any]], str]

FORGERIES: dict[str, Forge] = {
    "without its last letter": lambda token, _: token[:-1],
    "half of it": lambda token, _: token[: len(token) // 2],
    "without its signature": lambda token, _: token.rpartition(".")[0],
    "with an empty signature": lambda token, _: token.rpartition(".")[0] + ".",
    "with something behind it": lambda token, _: token + "A",
    "with a full stop behind it": lambda token, _: token + ".",
    "with a changed signature": lambda token, _: token[:-5] + "AAAAA",
    "with another's number": lambda token, says: with_payload(token, says | {"reset_password": 2}),
    "with more time": lambda token, says: with_payload(token, says | {"exp": says["exp"] + 3600}),
    "signed with another key": lambda _, says: resigned(says, "k" * 40),
    "signed with no key": lambda _, says: unsigned(says),
    "signed with no key, in capitals": lambda _, says: unsigned(says, "NONE"),
    "signed in another way": lambda _, says: resigned(says, SECRET * 2, "HS512"),
    "for another purpose": lambda _, says: resigned(
        {"verify_email": says["reset_password"], "exp": says["exp"], "f": says["f"]}
    ),
    "for nobody": lambda _, says: resigned(says | {"reset_password": 4711}),
    "for somebody else": lambda _, says: resigned(says | {"reset_password": 2}),
    "for a negative number": lambda _, says: resigned(says | {"reset_password": -1}),
    "for a text": lambda _, says: resigned(says | {"reset_password": "1"}),
    "for true": lambda _, says: resigned(says | {"reset_password": True}),
    "for a name": lambda _, says: resigned(says | {"reset_password": "susan"}),
    "for a list": lambda _, says: resigned(says | {"reset_password": [1]}),
    "without a fingerprint": lambda _, says: resigned(
        {"reset_password": says["reset_password"], "exp": says["exp"]}
    ),
    "with an empty fingerprint": lambda _, says: resigned(says | {"f": ""}),
    "with another fingerprint": lambda _, says: resigned(says | {"f": "A" * 16}),
    "with a fingerprint beyond ASCII": lambda _, says: resigned(says | {"f": "ä" * 16}),
    "with a number as fingerprint": lambda _, says: resigned(says | {"f": 1}),
    "without an end": lambda _, says: resigned(
        {"reset_password": says["reset_password"], "f": says["f"]}
    ),
    "with a text as end": lambda _, says: resigned(says | {"exp": "never"}),
    "with nothing as end": lambda _, says: resigned(says | {"exp": None}),
    "with a foreign audience": lambda _, says: resigned(says | {"aud": "elsewhere"}),
    "not valid before tomorrow": lambda _, says: resigned(says | {"nbf": says["exp"] + 86400}),
    "one letter": lambda _token, _says: "a",
    "two dots": lambda _token, _says: "..",
    "a list": lambda _token, _says: f"{part([])}.{part([])}.AAAA",
    "a user name": lambda _token, _says: "susan",
    "a word beyond ASCII": lambda _token, _says: "pässwort.ist.hier",
    "bytes that are no text": lambda _token, _says: "%ff%fe.%00.%ed%a0%80",
    "NUL": lambda token, _: token + "%00",
    "the word of our own address": lambda _token, _says: "choose",
    "a hundred thousand letters": lambda token, _: token + "A" * 100_000,
}


@ON_SQLITE
@pytest.mark.parametrize("forge", FORGERIES.values(), ids=list(FORGERIES))
def test_a_token_that_is_not_ours_is_refused_in_words(
    app: Flask, visitor: Visitor, forge: Forge
) -> None:
    make_user(app, "susan")
    make_user(app, "bob")
    before = password_hashes(app)
    link = reset_link_for(app, "susan@example.com")
    forged = f"/reset_password/{forge(token_of(link), payload_of(link))}"
    page = visitor.get(forged)
    assert page.status_code == 200
    assert REFUSED in words(page)
    is_signed = forge in (FORGERIES["for somebody else"], FORGERIES["with another fingerprint"])
    offered = 'action="/reset_password_again"' if is_signed else 'href="/reset_password_request"'
    assert re.search(rf"(?s)<(a|form)[^>]*{offered}.*>Request a new link</(a|button)>", page.text)
    assert REFUSED in post_new_password(visitor, forged)
    assert password_hashes(app) == before
    assert REFUSED not in words(visitor.get(link))


def password_hashes(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(User.password_hash).order_by(User.id)))
