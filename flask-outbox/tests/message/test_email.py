"""An Email is made of what applications write, and refuses the rest when it is made."""

from __future__ import annotations

import email.policy
import pickle
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import flask_mail
import pytest
from flask_babel import lazy_gettext

from flask_outbox import (
    Address,
    AddressError,
    Attachment,
    BadHeaderError,
    Email,
    EmailError,
    parse_address,
)
from flask_outbox.message.mime import render

SUSAN, BOB = parse_address("susan@example.com"), parse_address("bob@example.com")
NAMED = Address("Susan", "susan", "example.com")
PICTURE = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ((), ()),
        ("susan@example.com", (SUSAN,)),
        ("Susan <susan@example.com>", (NAMED,)),
        (("Susan", "susan@example.com"), (NAMED,)),
        (SUSAN, (SUSAN,)),
        (("susan@example.com",), (SUSAN,)),
        (["susan@example.com", BOB], (SUSAN, BOB)),
        (("susan@example.com", "bob@example.com"), (SUSAN, BOB)),
        ([("Susan", "susan@example.com"), "bob@example.com"], (NAMED, BOB)),
        ({"susan@example.com"}, (SUSAN,)),
    ],
    ids=str,
)
@pytest.mark.parametrize("part", ["to", "cc", "bcc", "reply_to"])
def test_addresses_are_parsed_however_they_are_written(
    part: str, written: Any, parsed: tuple[Address, ...]
) -> None:
    made = Email("Hello", "text", **{part: written})
    assert getattr(made, part) == parsed
    assert made.recipients == (() if part == "reply_to" else parsed)


@pytest.mark.parametrize(
    ("written", "parsed"),
    [
        ("susan@example.com", SUSAN),
        ("Susan <susan@example.com>", NAMED),
        (("Susan", "susan@example.com"), NAMED),
        (SUSAN, SUSAN),
        (None, None),
    ],
)
def test_a_sender_is_parsed(written: Any, parsed: Address | None) -> None:
    assert Email("Hello", "text", sender=written).sender == parsed


def test_a_reply_to_may_have_several_addresses_with_commas_between() -> None:
    made = Email("Hello", "text", reply_to="susan@example.com, bob@example.com")
    assert made.reply_to == (SUSAN, BOB)


@pytest.mark.parametrize("part", ["to", "cc", "bcc", "reply_to", "sender"])
@pytest.mark.parametrize(
    "value", ["susan", ["susan@example.com", ""], [None], 7, [7], "a@example.com\nBcc: b@c.de"]
)
def test_a_wrong_address_is_refused_when_the_value_is_made(part: str, value: Any) -> None:
    with pytest.raises(AddressError):
        Email("Hello", "text", **{part: value})


@pytest.mark.parametrize("part", ["to", "cc", "bcc"])
def test_an_empty_address_is_no_empty_list(part: str) -> None:
    values: dict[str, Any] = {part: ""}
    with pytest.raises(AddressError):
        Email("Hello", "text", **values)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"subject": None}, "subject of an email is a text"),
        ({"text": None}, "text of an email is a text, and not NoneType"),
        ({"text": b"text"}, "and not bytes"),
        ({"html": b"<p>"}, "HTML of an email"),
        ({"attachments": [3]}, "An attachment is an Attachment, or"),
        ({"attachments": ["a.txt"]}, "An attachment is an Attachment, or"),
        ({"attachments": [("a.txt", b"")]}, "An attachment is an Attachment, or"),
        ({"attachments": [("a.txt", None, 3)]}, "neither bytes nor text"),
        ({"attachments": Attachment.of("a.txt", b"")}, "also where there is only one"),
        ({"attachments": "a.txt"}, "also where there is only one"),
    ],
)
def test_what_is_no_text_and_no_attachment_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(EmailError, match=words):
        Email(**{"subject": "Hello", "text": "text", **values})


def test_a_lazy_translation_is_a_text() -> None:
    lazy: Any = lazy_gettext("Hello")
    made = Email(lazy, lazy, html=lazy)
    assert (made.subject, made.text, made.html) == ("Hello", "Hello", "Hello")
    assert type(made.subject) is str


def test_attachments_may_be_triples() -> None:
    theirs = flask_mail.Attachment("c.txt", "text/plain", "three")
    made = Email(
        "Hello",
        "text",
        attachments=[("a.pdf", None, b"one"), (None, "text/csv", "a;b"), theirs],
    )
    assert [(one.filename, one.content_type, one.data) for one in made.attachments] == [
        ("a.pdf", "application/pdf", b"one"),
        (None, 'text/csv; charset="utf-8"', b"a;b"),
        ("c.txt", 'text/plain; charset="utf-8"', b"three"),
    ]


def test_a_copy_with_changes_is_checked_too() -> None:
    made = Email("Hello", "text", to=SUSAN)
    assert replace(made, cc=(BOB,)).recipients == (SUSAN, BOB)
    assert replace(made) == made == pickle.loads(pickle.dumps(made))
    with pytest.raises(BadHeaderError):
        replace(made, subject="Hello\nBcc: x")
    with pytest.raises(AttributeError):
        made.subject = "other"  # type: ignore[misc]


def test_an_inline_picture_is_found_by_the_html() -> None:
    made = Email(
        "Hello",
        "text",
        html='<img src="cid:logo" alt="Shop">',
        attachments=[
            Attachment.inline("logo.png", PICTURE, content_id="logo"),
            ("terms.pdf", None, b"%PDF"),
        ],
    )
    message = parsed(made)
    assert message.get_content_type() == "multipart/mixed"
    related = next(one for one in message.walk() if one.get_content_type() == "multipart/related")
    html, picture = related.iter_parts()
    assert html.get_content().strip() == '<img src="cid:logo" alt="Shop">'
    assert (picture["Content-ID"], picture.get_content_type()) == ("<logo>", "image/png")
    assert (picture.get_content_disposition(), picture.get_filename()) == ("inline", "logo.png")
    assert picture.get_content() == PICTURE
    assert [one.get_filename() for one in message.iter_attachments()] == ["terms.pdf"]
    body = message.get_body(("related", "html"))
    assert body is not None
    assert body.get_content_type() == "multipart/related"


@pytest.mark.parametrize("content_id", ["", "a b", "<a>", "a@b c", "ä", "a\n"])
def test_a_content_id_must_be_one(content_id: str) -> None:
    with pytest.raises(BadHeaderError, match="cannot be the Content-ID"):
        Attachment.inline("a.png", PICTURE, content_id=content_id)


INVITATION = "BEGIN:VCALENDAR\nMETHOD:REQUEST\nSUMMARY:Frühstück\nEND:VCALENDAR\n"


def test_an_invitation_is_an_alternative_with_its_method() -> None:
    """RFC 6047, section 2.4."""
    made = Email(
        "Breakfast",
        "Come!",
        html="<p>Come!</p>",
        alternatives={"calendar; method=REQUEST": INVITATION},
    )
    message = parsed(made)
    assert message.get_content_type() == "multipart/alternative"
    (part,) = [one for one in message.walk() if one.get_content_type() == "text/calendar"]
    assert (part.get_param("method"), part.get_param("charset")) == ("REQUEST", "utf-8")
    assert part.get_content().replace("\r\n", "\n") == INVITATION


def parsed(made: Email) -> EmailMessage:
    content = render(made, message_id="<1@example.com>", date=0.0, sender=BOB)
    return BytesParser(EmailMessage, policy=email.policy.default).parsebytes(content)
