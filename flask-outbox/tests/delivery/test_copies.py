"""With a return path, each recipient gets a copy of their own, and a report tells whose it is."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from flask.ctx import AppContext

from flask_outbox import EmailType, current_outbox, return_path, send_email
from flask_outbox.delivery import copies
from flask_outbox.feedback.providers import EVENTS
from flask_outbox.message.addresses import parse_address
from flask_outbox.message.dkim import DkimSigner
from flask_outbox.message.return_path import TOKEN_HEADER, ReturnPath, find_tokens
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.prerendered import PRERENDERED
from tests.databases import ON_SQLITE
from tests.feedback.test_postmark import BOUNCE
from tests.outbox_rows import rows
from tests.smtp_server import DROP, Received, ScriptedServer

pytestmark = ON_SQLITE

SUSAN, BOB, ANN = "susan@example.com", "bob@example.com", "ann@example.com"
PATH = ReturnPath(parse_address("bounces@example.com"), (b"a key",))
Deliver = Callable[[], int]


@pytest.fixture(autouse=True)
def _return_path(app_context: AppContext) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, return_path=PATH)


def only_row(app: Flask) -> OutboxMessage:
    (row,) = rows(app)
    return row


def proves(received: Received, row: OutboxMessage, recipient: str) -> bool:
    """Whether the envelope and the header have one token, and it is that of this recipient."""
    (token,) = find_tokens(received.sender)
    assert received.message[TOKEN_HEADER] == token
    found = PATH.read(token, [recipient], row.created_at)
    return found is not None and found.row == row.id


def never_twice() -> None:
    """From now on, finished messages are not repeated if a server may have accepted them."""
    types = current_outbox().email_types
    kept: EmailType = types[PRERENDERED]
    types[PRERENDERED] = replace(kept, repeat_unknown=False)


def test_each_recipient_gets_a_copy_with_their_own_token(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    send_email("Hello", None, [SUSAN], "text", cc=[BOB], bcc=[ANN])
    deliver()
    row = only_row(app)
    assert [one.recipients for one in smtp.received] == [[SUSAN], [BOB], [ANN]]
    for received in smtp.received:
        assert proves(received, row, received.recipients[0])
        assert not proves(received, row, "somebody@example.com")
        assert received.message["From"] == "admin@example.com"
        assert (received.message["To"], received.message["Cc"]) == (SUSAN, BOB)
        assert ANN not in received.content.decode()
        assert received.message["Message-ID"] == row.message_id
    assert (row.status, row.answer) == (Status.SENT, "250 2.0.0 Taken (the first of 3 copies)")


def test_without_the_setting_nothing_changes(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, return_path=None)
    smtp.features.append("DSN")
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    (received,) = smtp.received
    assert (received.sender, received.recipients) == ("admin@example.com", [SUSAN, BOB])
    assert TOKEN_HEADER not in received.message
    assert only_row(app).answer == "250 2.0.0 Taken"
    assert not any("NOTIFY" in one or "ENVID" in one for one in smtp.commands)


def test_mail_that_is_redirected_has_no_token(smtp: ScriptedServer, deliver: Deliver) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, redirect_to=(parse_address("qa@example.com"),))
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    (received,) = smtp.received
    assert (received.sender, received.recipients) == ("admin@example.com", ["qa@example.com"])
    assert TOKEN_HEADER not in received.message


def test_each_copy_is_signed_with_its_token(smtp: ScriptedServer, deliver: Deliver) -> None:
    key = Ed25519PrivateKey.generate()
    signer = DkimSigner(base64.b64encode(key.private_bytes_raw()), "s1", "example.com")
    public = base64.b64encode(key.public_key().public_bytes_raw())
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, sign=signer)
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    tokens = {str(one.message[TOKEN_HEADER]).encode() for one in smtp.received}
    assert len(tokens) == 2
    for received in smtp.received:
        record = b"v=DKIM1; k=ed25519; p=" + public
        (own,) = (one for one in tokens if one in received.content)
        (other,) = tokens - {own}
        for content, is_good in [
            (received.content, True),
            (received.content.replace(own, other), False),
            (received.content.replace(b"X-Outbox", b"X-Inbox"), False),
        ]:
            verified = dkim.verify(content, dnsfunc=lambda *_, record=record, **_more: record)
            assert verified is is_good


# Partial success


def test_who_is_refused_for_good_is_suppressed_and_the_others_have_it(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {f"rcpt:{SUSAN}": "550 5.1.1 No such user"}
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    assert [one.recipients for one in smtp.received] == [[BOB]]
    row = only_row(app)
    assert row.status == Status.SENT
    assert str(row.answer).startswith(f"250 2.0.0 Taken; {SUSAN} was refused (")
    with current_outbox().sessions() as session:
        assert suppressions.suppression(session, SUSAN)


def test_who_is_refused_for_now_alone_is_tried_again(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {f"rcpt:{BOB}": ["450 4.2.0 Later"], "content": [None, "451 4.3.0 Not this one"]}
    send_email("Hello", None, [SUSAN, BOB, ANN], "text")
    deliver()
    row = only_row(app)
    assert (row.status, row.recipients) == (Status.DEFERRED, [BOB, ANN])
    now = row.due_at + 1
    current_outbox().clock = lambda: now
    deliver()
    assert [one.recipients for one in smtp.received] == [[SUSAN], [BOB], [ANN]]
    assert only_row(app).status == Status.SENT


def test_a_copy_whose_content_is_refused_says_nothing_of_the_others(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {"content": ["554 5.7.1 Not for her"]}
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    assert [one.recipients for one in smtp.received] == [[BOB]]
    row = only_row(app)
    assert row.status == Status.SENT
    assert f"{SUSAN} was refused (acceptance: 554 5.7.1 Not for her)" in str(row.answer)


def test_a_message_of_which_each_copy_is_refused_is_dead(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {"content": "554 5.7.1 Spam"}
    send_email("Hello", None, [SUSAN, BOB], "text")
    deliver()
    row = only_row(app)
    assert (smtp.received, row.status) == ([], Status.DEAD)


@pytest.mark.parametrize("step", ["mail", "content"])
def test_a_message_to_one_ends_as_without_a_return_path(
    step: str, app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {step: "554 5.7.1 Spam"}
    send_email("Hello", None, [SUSAN], "text")
    deliver()
    named = {"mail": "sender", "content": "acceptance"}[step]
    row = only_row(app)
    assert (row.status, row.answer) == (Status.DEAD, f"{named}: 554 5.7.1 Spam")


@pytest.mark.parametrize("lost", ["mail", "data", "content"])
def test_nobody_who_has_it_gets_it_again_when_the_connection_is_lost(
    lost: str, app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.script = {lost: [None, DROP]}
    send_email("Hello", None, [SUSAN, BOB, ANN], "text")
    deliver()
    row = only_row(app)
    assert (row.status, row.recipients) == (Status.DEFERRED, [BOB, ANN])
    now = row.due_at + 120
    current_outbox().clock = lambda: now
    deliver()
    assert [one.recipients for one in smtp.received] == [[SUSAN], [BOB], [ANN]]
    assert only_row(app).status == Status.SENT


def test_what_must_not_be_repeated_ends_as_unknown_with_those_who_may_lack_it(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    never_twice()
    smtp.script = {"content": [None, DROP]}
    send_email("Hello", None, [SUSAN, BOB, ANN], "text")
    deliver()
    row = only_row(app)
    assert (row.status, row.recipients) == (Status.UNKNOWN, [BOB, ANN])
    assert [one.recipients for one in smtp.received] == [[SUSAN]]


def test_what_breaks_in_one_copy_leaves_those_that_left_alone(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    signed: list[bytes] = []

    def sign(content: bytes) -> bytes:
        signed.append(content)
        if len(signed) == 2:
            raise ValueError("no key")
        return content

    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, sign=sign)
    send_email("Hello", None, [SUSAN, BOB, ANN], "text")
    deliver()
    row = only_row(app)
    assert (row.status, row.recipients) == (Status.DEFERRED, [BOB, ANN])
    assert "no key" in str(row.answer)


def test_so_many_leave_before_the_row_is_settled(
    app: Flask, smtp: ScriptedServer, deliver: Deliver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "COPIES_AT_ONCE", 2)
    many = [f"user{number}@example.com" for number in range(5)]
    smtp.script = {f"rcpt:{many[0]}": ["450 4.2.0 Later"]}
    send_email("Hello", None, many, "text")
    deliver()
    row = only_row(app)
    assert [one.recipients[0] for one in smtp.received] == [*many[1:], many[0]]
    assert (row.status, row.failures, len(row.history)) == (Status.SENT, 1, 3)


# Reports are asked for where a server offers it (RFC 3461)


def test_reports_are_asked_for_where_they_are_offered(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.features.append("DSN")
    send_email("Hello", None, ["susan+news@example.com"], "text")
    deliver()
    (received,) = smtp.received
    (token,) = find_tokens(received.sender)
    assert {"RET=HDRS", f"ENVID={token}"} <= {*received.mail_options}
    (asked,) = (one for one in smtp.commands if one.startswith("RCPT"))
    assert asked == (
        "RCPT TO:<susan+news@example.com> NOTIFY=FAILURE,DELAY"
        " ORCPT=rfc822;susan+2Bnews@example.com"
    )
    assert only_row(app).status == Status.SENT


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("step", ["mail", "rcpt"])
def test_a_server_that_refuses_what_it_offers_gets_the_message_without(
    step: str, pipelining: bool, app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.features += ["DSN", *(["PIPELINING"] if pipelining else [])]
    smtp.script = {step: ["555 5.5.4 Unsupported option"]}
    send_email("Hello", None, [SUSAN], "text")
    deliver()
    (received,) = smtp.received
    assert find_tokens(received.sender)
    assert not any(one.startswith("ENVID") for one in received.mail_options)
    assert any(one.startswith("SIZE=") for one in received.mail_options)
    assert only_row(app).status == Status.SENT


def test_an_address_that_is_refused_with_and_without_is_refused(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    smtp.features.append("DSN")
    smtp.script = {"rcpt": "501 5.1.3 Bad recipient address syntax"}
    send_email("Hello", None, [SUSAN], "text")
    deliver()
    row = only_row(app)
    assert row.status == Status.DEAD
    assert "501 5.1.3" in str(row.answer)


def test_postmark_gets_the_token_in_a_header_of_its_own(
    app: Flask, smtp: ScriptedServer, deliver: Deliver
) -> None:
    outbox = current_outbox()
    given = {"MAIL_RETURN_PATH": "bounces@example.com", "SECRET_KEY": "a key"}
    without = return_path(given)
    with_login = return_path({**given, "MAIL_WEBHOOK_POSTMARK_LOGIN": "postmark:secret"})
    assert without is not None
    assert with_login is not None
    assert without.headers == (TOKEN_HEADER,)
    outbox.delivery = replace(outbox.delivery, return_path=with_login)
    send_email("Hello", None, [SUSAN], "text")
    deliver()

    (received,) = smtp.received
    bounce = {**BOUNCE, "Metadata": {"outbox": received.message["X-PM-Metadata-outbox"]}}
    (event,) = EVENTS["postmark"](json.dumps(bounce).encode())
    assert event.token == received.message[TOKEN_HEADER]
    assert with_login.read(event.token, [SUSAN], only_row(app).created_at)
