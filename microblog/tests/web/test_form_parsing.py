"""Forms that are costly to parse are refused before any page sees them."""

from __future__ import annotations

import io

import pytest
from flask import Flask
from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from microblog.people.profile_views import UPLOAD_HEAD_MAXIMUM_BYTES, UPLOAD_PARTS_MAXIMUM
from microblog.web.form_parsing import (
    BOUNDARY_MAXIMUM,
    ESCAPES_MAXIMUM,
    FIELDS_MAXIMUM,
    MULTIPART_MAXIMUM_BYTES,
    FormParser,
)
from tests.visitor import ON_SQLITE, Visitor, make_user, words

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary="
NAMED = b"--b\r\nContent-Disposition: form-data; name=a"
PART = NAMED + b"\r\n\r\nx\r\n"
LONG = "b" * (BOUNDARY_MAXIMUM + 1)

BEYOND = [
    (FORM, b"a&" * FIELDS_MAXIMUM, 413),
    (FORM, b"a&" * 1_000_000, 413),
    (FORM, b"a=" + b"%FF" * (ESCAPES_MAXIMUM + 1), 413),
    (FORM, b"a=" + b"%" * 2_000_000, 413),
    (PARTS + "b", NAMED + b"; a=1" * 400_000 + b"\r\n\r\nx\r\n--b--\r\n", 413),
    (PARTS + "b", PART * (MULTIPART_MAXIMUM_BYTES // len(PART) + 1) + b"--b--\r\n", 413),
    (PARTS + LONG, b"-" * 100_000, 400),
]
IDS = ["fields", "2 MB of fields", "escapes", "2 MB of %", "a head", "parts", "a boundary"]
SAID = {400: "Your browser sent something", 413: "What you sent is too large."}


@ON_SQLITE
@pytest.mark.parametrize(("kind", "body", "code"), BEYOND, ids=IDS)
def test_no_form_of_the_site_costs_more_than_its_limits(
    app: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, kind: str, body: bytes, code: int
) -> None:
    """Even if nobody is logged in, and if the address has no form."""
    monkeypatch.setattr(FormDataParser, "_parse_urlencoded", forbidden)
    for path in ("/login", "/edit_profile/picture", "/nowhere", "/settings/password"):
        answer = visitor.client.post(path, data=body, content_type=kind)
        assert answer.status_code in {code, 404}, path
        if answer.status_code == code:
            assert SAID[code] in words(answer)


def forbidden(*_given: object) -> None:
    raise AssertionError("the form is taken apart")


@ON_SQLITE
@pytest.mark.parametrize(
    "body",
    [
        NAMED + b"; a=1" * (UPLOAD_HEAD_MAXIMUM_BYTES // 5 + 1) + b"\r\n\r\nx\r\n--b--\r\n",
        PART * (UPLOAD_PARTS_MAXIMUM + 1) + b"--b--\r\n",
    ],
    ids=["a head", "parts"],
)
def test_an_upload_has_few_and_short_headers(app: Flask, body: bytes) -> None:
    make_user(app, "susan")
    susan = Visitor(app)
    susan.log_in("susan")
    answer = susan.client.post("/edit_profile/picture", data=body, content_type=PARTS + "b")
    assert answer.status_code == 413
    assert SAID[413] in words(answer)


@pytest.mark.parametrize(
    ("kind", "body", "refused"),
    [
        (FORM, b"a&" * (FIELDS_MAXIMUM - 1), None),
        (FORM, b"a&" * FIELDS_MAXIMUM, RequestEntityTooLarge),
        (FORM, b"a=" + b"%FF" * ESCAPES_MAXIMUM, None),
        (FORM, b"a=" + b"%FF" * ESCAPES_MAXIMUM + b"%", RequestEntityTooLarge),
        (PARTS + "b" * BOUNDARY_MAXIMUM, b"", None),
        (PARTS + LONG, b"", BadRequest),
    ],
)
def test_each_limit_is_exact(kind: str, body: bytes, refused: type[HTTPException] | None) -> None:
    mimetype, _, boundary = kind.partition("; boundary=")
    options = {"boundary": boundary} if boundary else {}
    parser = FormParser()
    if refused is None:
        parser.parse(io.BytesIO(body), mimetype, len(body), options)
    else:
        with pytest.raises(refused):
            parser.parse(io.BytesIO(body), mimetype, len(body), options)
