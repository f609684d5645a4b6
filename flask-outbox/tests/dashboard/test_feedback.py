"""The pages about what came back, and addresses that an operator suppresses."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import insert, update

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.outbox.models import MailEvent, MailReport
from flask_outbox.outbox.suppressions import suppression
from tests.application import db, transaction
from tests.dashboard.conftest import NOW, SUSAN, Operator, error_beside, words, write
from tests.databases import ON_SQLITE

pytestmark = ON_SQLITE


def happened(app: Flask, meaning: str, *, trusted: bool = True) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(
            insert(MailEvent),
            {
                "source": "ses", "event_id": meaning, "recipient_key": SUSAN, "at": NOW,
                "outbox_id": 1, "domain": "example.com", "meaning": meaning, "code": "5.1.1",
                "words": "550 5.1.1 <b>unknown</b>", "trusted": trusted,
            },
        )  # fmt: skip


def report(app: Flask, content: bytes, source: str = "imap") -> None:
    with app.app_context(), transaction() as writing:
        writing.add(
            MailReport(
                source=source, event_id="1", received_at=NOW, due_at=NOW, content=content,
                note="Nobody knows.",
            )
        )  # fmt: skip


@pytest.mark.parametrize("meaning", Meaning)
def test_a_message_shows_what_came_back(app: Flask, operator: Operator, meaning: Meaning) -> None:
    write(app, {"status": "bounced"})
    happened(app, meaning)
    page = operator.get("/mail/1")
    assert "Bounced" in words(page)
    assert "550 5.1.1 &lt;b&gt;unknown&lt;/b&gt;" in page.text
    assert "without a token" not in page.text


def test_what_is_not_believed_is_marked(app: Flask, operator: Operator) -> None:
    write(app, {})
    happened(app, "dead", trusted=False)
    assert "without a token, so it changed nothing" in words(operator.get("/mail/1"))


def test_rates_are_shown_by_domain(app: Flask, operator: Operator) -> None:
    now = {"settled_at": 4e9, "created_at": 4e9}
    write(app, *[{"status": "bounced", **now}] * 6, *[now] * 94)
    page = words(operator.get("/mail/feedback"))
    assert "example.com 100 0 6 (6.0%) 0 (0.00%) Too many" in page
    assert "Everything was understood." in page


def test_an_outbox_without_mail_has_no_rates(operator: Operator) -> None:
    assert "No messages yet." in words(operator.get("/mail/feedback"))


def test_a_report_is_shown_without_secrets_and_deleted(app: Flask, operator: Operator) -> None:
    report(
        app,
        b"From: eve@example.org\nSubject: Hm\n\nI got https://example.com/reset/secret <b>here</b>",
    )
    assert "Report 1" in words(operator.get("/mail/feedback"))
    page = operator.get("/mail/feedback/1")
    assert "Nobody knows." in page.text
    assert "From: eve@example.org" in page.text
    assert "I got https://example.com… &lt;b&gt;here" in page.text
    assert "secret" not in page.text
    assert "Report deleted." in words(operator.submit("/mail/feedback/1"))
    assert operator.get("/mail/feedback/1").status_code == 404


def test_a_returned_mail_is_not_shown_whatever_its_line_ends(
    app: Flask, operator: Operator
) -> None:
    returned = b"Return-Path: <a@b.c>\rReceived: x\rSubject: Hm\r\rThe code is 123456.\r"
    report(app, b"From: mailer-daemon@mx.test\r\rIt failed.\r\r" + returned)
    page = operator.get("/mail/feedback/1")
    assert "It failed." in page.text
    assert "123456" not in page.text


@pytest.mark.parametrize("link", ["https:\\/\\/example.com\\/reset\\/secret", "HTTPS://a/secret"])
def test_links_are_cut_however_they_are_written(app: Flask, operator: Operator, link: str) -> None:
    report(app, f'{{"Content": "{link}"}}'.encode(), source="postmark")
    page = operator.get("/mail/feedback/1").text
    assert "…" in page
    assert "secret" not in page


def test_a_report_that_waits_is_not_shown(app: Flask, operator: Operator) -> None:
    report(app, b"x")
    with app.app_context(), transaction() as writing:
        writing.execute(update(MailReport).values(note=None))
    assert operator.get("/mail/feedback/1").status_code == 404
    assert operator.get(f"/mail/feedback/{2**70}").status_code == 404


def test_what_an_operator_suppressed_is_not_said_to_be_a_servers_word(
    app: Flask, operator: Operator
) -> None:
    write(app, {"status": "dead", "recipient": SUSAN, "recipient_key": SUSAN})
    operator.submit("/mail/suppressed/add", {"address": SUSAN, "reason": "She asked us."})
    for address in ("/mail/1", f"/mail/suppressed/lift?address={SUSAN}"):
        page = words(operator.get(address))
        assert "She asked us. added by an administrator" in page
        assert "server said" not in page


def test_an_address_is_suppressed_by_hand(app: Flask, operator: Operator) -> None:
    fields = {"address": "Susan@Example.com", "reason": "She asked us."}
    page = words(operator.submit("/mail/suppressed/add", fields))
    assert "Nothing more is sent to susan@example.com." in page
    assert "She asked us. added by an administrator" in page
    with app.app_context():
        found = suppression(db.session, SUSAN)
    assert found is not None
    assert (found.source, found.until) == ("operator", None)


def test_what_is_no_address_is_not_suppressed(operator: Operator) -> None:
    page = operator.submit("/mail/suppressed/add", {"address": "susan", "reason": "x"})
    assert error_beside(page, "address") == "Enter an address like someone@example.com."
    assert 'value="susan"' in page.text
