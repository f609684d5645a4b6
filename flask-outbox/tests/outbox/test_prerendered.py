"""Pre-rendered messages, and the names of caught files."""

from __future__ import annotations

import base64
from typing import Any

import flask_mail
import pytest

from flask_outbox import Attachment, Email, OutboxError, parse_address, parse_addresses
from flask_outbox.dev.catcher import CaughtMessage
from flask_outbox.outbox.email_types import ComposeContext
from flask_outbox.outbox.prerendered import (
    finished_email,
    prerendered_arguments,
    prerendered_type,
)

NAME = base64.b64encode("\u202egnp.exe".encode()).decode()


def test_the_name_of_a_caught_file_keeps_its_direction() -> None:
    source = (
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n"
        f'Content-Disposition: attachment; filename="=?utf-8?b?{NAME}?="\r\n\r\nx\r\n--b--\r\n'
    ).encode()
    assert CaughtMessage("1", 0, source).attachments == ["gnp.exe"]


def test_a_waiting_message_is_read_from_its_row() -> None:
    """Even rows of a former version, with one Reply-To address or none."""
    answers = parse_addresses(["Susan <susan@example.com>", "john@example.com"])
    sender = parse_address("noreply@example.com")
    written = Email(
        "Hello", "x", answers, sender=sender, reply_to=answers,
        attachments=(Attachment.of("a.csv", "é"),),
    )  # fmt: skip
    kept = prerendered_arguments(written)

    def again(reply_to: object) -> Email:
        context = ComposeContext(
            parse_address("susan@example.com"), "en", kept | {"reply_to": reply_to}, 0, 1
        )
        composed = prerendered_type().compose(None, context)  # type: ignore[arg-type]  # asks no database
        assert isinstance(composed, Email)
        return composed

    assert again(kept["reply_to"]) == written
    assert again(["Susan", "susan", "example.com"]).reply_to == answers[:1]
    assert again(None).reply_to == ()


def test_flask_mails_attachments_and_names_are_understood() -> None:
    theirs = flask_mail.Attachment("a.txt", "text/plain", "x", "inline", {"Content-ID": "<a>"})
    email = finished_email(
        "Hello",
        None,
        ["susan@example.com"],
        **NOTHING | {"attachments": [theirs, ("b.txt", None, b"y"), Attachment.of("c", b"z")]},
        body="text",
        html="<p>text</p>",
        extra_headers={"X-Order": "7"},
        alts={"calendar": "BEGIN"},
    )
    assert (email.text, email.html) == ("text", "<p>text</p>")
    assert (email.headers, email.alternatives) == ({"X-Order": "7"}, {"calendar": "BEGIN"})
    assert [one.filename for one in email.attachments] == ["a.txt", "b.txt", "c"]
    assert email.attachments[0].has_content_id


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"html_body": "<p>text</p>"}, OutboxError, "give text_body"),
        ({"text_body": "a", "body": "b"}, OutboxError, "takes text_body or body"),
        ({"text_body": "a", "sync": True}, TypeError, "needs no sync"),
        ({"text_body": "a", "priority": 1}, TypeError, "no argument 'priority'"),
    ],
)
def test_what_send_email_does_not_take_is_refused_in_words(
    given: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        finished_email("Hello", None, ["susan@example.com"], **NOTHING | given)


NOTHING: dict[str, Any] = dict.fromkeys(
    ["text_body", "html_body", "cc", "bcc", "reply_to", "attachments", "headers", "alternatives"]
)
