"""Reading what comes back: which mail a report is about, and what it says of whom."""

from __future__ import annotations

import json

import pytest

from flask_outbox.feedback.reports import RecipientReport, Report, ReportKind, read_report
from flask_outbox.message.addresses import parse_address
from flask_outbox.message.return_path import ReturnPath
from tests.feedback.written_reports import (
    RETURNED_HEADER,
    block,
    notification,
    with_parts,
    written,
)

UNKNOWN_USER = "550 5.1.1 <susan@example.com>: Recipient address rejected: User unknown"


def test_a_notification_is_read_field_by_field() -> None:
    report = read_report(
        notification(
            "Final-Recipient: rfc822; susan@other.example\n"
            "Original-Recipient: rfc822;susan@example.com\n"
            "Action: Failed\n"
            "Status: 5.1.1 (no such user)\n"
            "Diagnostic-Code: smtp; 550 5.1.1 <susan@other.example>:\n"
            "    User unknown\n",
            text="I'm sorry to have to inform you.",
        )
    )

    assert report.kind is ReportKind.DELIVERY
    assert report.recipients == (
        RecipientReport(
            "susan@other.example",
            "susan@example.com",
            "failed",
            "5.1.1",
            "550 5.1.1 <susan@other.example>: User unknown",
        ),
    )
    assert report.message_ids == ("<one@app.example>",)
    assert report.own_id == "<report@mx.example>"
    assert report.envelope_sender == ""
    assert report.text == "I'm sorry to have to inform you.\n"


def test_each_recipient_has_its_own_action() -> None:
    report = read_report(
        notification(
            block("susan@example.com", "5.1.1", UNKNOWN_USER),
            block("david@example.com", "4.4.1", action="delayed"),
            block("john@example.com", "2.0.0", action="relayed"),
        )
    )

    assert [(one.address, one.action) for one in report.recipients] == [
        ("susan@example.com", "failed"),
        ("david@example.com", "delayed"),
        ("john@example.com", "relayed"),
    ]


def test_a_notification_in_utf_8_is_read_whole() -> None:
    """The parser of the standard library reads its first block, or nothing of it in base64."""
    report = read_report(
        notification(
            "Final-Recipient: utf-8; süsan@example.com\nAction: failed\nStatus: 5.1.1\n",
            r"Final-Recipient: utf-8; d\x{E4}vid@example.com"
            "\nAction: failed\nStatus: 5.1.1\n",
            kind="global-delivery-status",
            in_base64=True,
        )
    )

    assert [one.address for one in report.recipients] == ["süsan@example.com", "dävid@example.com"]


@pytest.mark.parametrize(
    ("field", "address"),
    [
        ("rfc822;susan@example.com", "susan@example.com"),
        ("RFC822; <susan@example.com>", "susan@example.com"),
        ("<susan@example.com>", "susan@example.com"),
        ("susan@example.com", "susan@example.com"),
        ("rfc822;@relay.example:susan@example.com", "susan@example.com"),
        ("rfc822; susan@example.com (Susan)", "susan@example.com"),
        (r"utf-8; susan\x{D800}\x{110000}@example.com", "susan@example.com"),
        ("rfc822;" + "s" * 5000, "s" * 320),
    ],
)
def test_addresses_have_many_spellings(field: str, address: str) -> None:
    report = read_report(notification(f"Final-Recipient: {field}\nAction: failed\nStatus: 5.0.0\n"))

    assert [one.address for one in report.recipients] == [address]


def test_a_recipient_may_be_named_by_its_original_address_only() -> None:
    report = read_report(notification("Original-Recipient: <susan@example.com>\nAction: failed\n"))

    assert [one.address for one in report.recipients] == ["susan@example.com"]


def test_a_comment_in_the_status_is_what_the_server_says() -> None:
    """Some say nothing else."""
    report = read_report(
        notification(
            "Final-Recipient: rfc822; susan@example.com\nStatus: 4.2.2 (Over quota)\n"
            "Action: failed\n"
        )
    )

    assert [(one.status, one.diagnostic) for one in report.recipients] == [("4.2.2", "Over quota")]


def test_the_status_may_stand_among_the_words() -> None:
    report = read_report(
        written(f"An error occurred.\n\nReporting-MTA: dns; x\n{block('susan@example.com')}")
    )

    assert [(one.address, one.status) for one in report.recipients] == [
        ("susan@example.com", "5.1.1")
    ]


def test_parts_are_found_where_the_header_lacks_the_boundary() -> None:
    report = read_report(
        written(
            "This is a MIME-encapsulated message\n\n"
            "--x/mx.example\n\nIt failed.\n\n"
            f"--x/mx.example\nContent-Type: message/delivery-status\n\n{block('s@example.com')}\n"
            "--x/mx.example--\n",
            Content_Type="",
        )
    )

    assert [one.address for one in report.recipients] == ["s@example.com"]


def test_parts_in_the_returned_mail_are_none_of_the_report() -> None:
    report = read_report(
        written(
            "A message that you sent could not be delivered.\n\n  susan@example.com\n"
            f"    {UNKNOWN_USER}\n\n------ This is a copy of the message ------\n\n"
            f"{RETURNED_HEADER}"
            "Content-Type: multipart/mixed; boundary=x\n\n"
            "--x\nContent-Type: text/plain\n\nInvisible\n--x--\n"
        )
    )

    assert "User unknown" in report.text
    assert "Invisible" not in report.text
    assert "This is a copy" not in report.text
    assert report.message_ids == ("<one@app.example>",)


QMAIL = """\
Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<susan@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <susan@example.com>... User Unknown
Giving up on 192.0.2.1.

<david@example.com>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.2.2 <david@example.com>... Mailbox Full
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

"""


def test_words_are_divided_by_the_addresses_in_them() -> None:
    report = read_report(written(QMAIL + RETURNED_HEADER))

    susan, david = report.recipients
    assert (susan.address, david.address) == ("susan@example.com", "david@example.com")
    assert "User Unknown" in susan.diagnostic
    assert "Full" not in susan.diagnostic
    assert "Mailbox Full" in david.diagnostic
    assert "User Unknown" not in david.diagnostic
    assert report.message_ids == ("<one@app.example>",)


def test_addresses_of_the_sender_and_of_servers_are_no_recipients() -> None:
    report = read_report(
        written(
            "Hello bounces+sent@app.example, for help write to postmaster@mx.example.\n"
            "Your mail from app@app.example to susan@example.com was not delivered.\n\n"
            + RETURNED_HEADER
        )
    )

    assert [one.address for one in report.recipients] == ["susan@example.com"]


def test_whom_the_mail_was_addressed_to_is_no_recipient_where_one_is_named() -> None:
    quoted = "Your message\n\n  To: list@example.org\n\ndid not reach the following:\n\n"
    named = read_report(written(f"{quoted}susan@example.com on Monday\n  Unknown Recipient\n"))
    unnamed = read_report(written(quoted))

    assert [one.address for one in named.recipients] == ["susan@example.com"]
    assert [one.address for one in unnamed.recipients] == ["list@example.org"]


def test_a_recipient_may_be_named_in_the_header() -> None:
    report = read_report(
        written(
            "help@example.org wrote:\n550 No such user\n",
            X_Failed_Recipients="susan@example.com",
        )
    )

    assert [one.address for one in report.recipients] == ["susan@example.com"]


def test_a_report_from_a_sender_of_any_name_is_known_by_what_it_returns() -> None:
    report = read_report(
        with_parts(
            "Content-Type: text/plain\n\nCould not be delivered to: <susan@example.com>\n"
            "As their mailbox is full.\n",
            f"Content-Type: message/rfc822\n\n{RETURNED_HEADER}",
            kind="mixed",
            From="no-reply@carrier.example",
        )
    )

    assert report.kind is ReportKind.DELIVERY
    assert [one.address for one in report.recipients] == ["susan@example.com"]


def test_utf_7_is_read() -> None:
    """Outlook writes it."""
    report = read_report(written("No+AKA-such+AKA-user", Content_Type="text/plain; charset=utf-7"))

    assert report.text == "No\xa0such\xa0user"


@pytest.mark.parametrize(
    "charset", ["klingon", "idna", "punycode", "zlib", "utf-16", '"', "x" * 99]
)
def test_an_unknown_charset_is_read_as_far_as_it_goes(charset: str) -> None:
    report = read_report(
        written("550 5.1.1 unknown\n", Content_Type=f"text/plain; charset={charset}")
    )

    assert report.kind is ReportKind.DELIVERY
    assert isinstance(report.text, str)


def test_html_is_read_where_there_is_nothing_else() -> None:
    report = read_report(
        written(
            "<html><head><title>No</title></head><style>p {}</style><p>Mail to susan@example.com"
            f"<br>wasn&#39;t delivered.</p>&#{'9' * 5000};</html>",
            Content_Type="text/html; charset=utf-8",
        )
    )

    assert "susan@example.com\nwasn't delivered." in report.text
    assert "title" not in report.text
    assert [one.address for one in report.recipients] == ["susan@example.com"]


def complaint(kind: str = "abuse", **fields: str) -> bytes:
    return with_parts(
        "Content-Type: text/plain\n\nThis is an email abuse report.\n",
        f"Content-Type: message/feedback-report\n\nFeedback-Type: {kind}\nVersion: 1\n"
        "User-Agent: Loop/1\nOriginal-Rcpt-To: <susan@example.com>\n",
        f"Content-Type: message/rfc822\n\n{RETURNED_HEADER}\nHello\n",
        From="feedback@provider.example",
        Return_Path="<feedback@provider.example>",
        **fields,
    )


@pytest.mark.parametrize("kind", ["abuse", "Fraud", "virus", "other", "opt-out"])
def test_a_complaint_tells_whose_mail_it_is(kind: str) -> None:
    report = read_report(complaint(kind))

    assert report.kind is ReportKind.COMPLAINT
    assert [one.address for one in report.recipients] == ["susan@example.com"]
    assert report.message_ids == ("<one@app.example>",)
    assert report.envelope_sender == "feedback@provider.example"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "dmarc", ""])
def test_other_feedback_is_no_complaint(kind: str) -> None:
    report = read_report(complaint(kind))

    assert report.kind is ReportKind.UNKNOWN
    assert report.recipients == ()


def test_a_complaint_may_hide_its_author() -> None:
    content = complaint().replace(b"Original-Rcpt-To: <susan@example.com>\n", b"")

    assert [one.address for one in read_report(content).recipients] == [""]


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto-Submitted": "auto-replied"},
        {"Precedence": "auto_reply"},
        {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
        {"X-Autoreply": "yes", "Return-Path": "<susan@example.com>"},
    ],
)
def test_an_automatic_reply_is_left_alone(fields: dict[str, str]) -> None:
    report = read_report(
        written(
            "I'm out of the office. For help write to john@example.com, room 5.1.1 or so.",
            **{"From": "Susan <susan@example.com>", **fields},
        )
    )

    assert report.kind is ReportKind.AUTO_REPLY
    assert report.recipients == ()


def test_what_has_an_empty_sender_and_says_nothing_known_is_not_understood() -> None:
    """It may be a report in words that nobody here knows, so operators see it."""
    report = read_report(written("Het is niet gelukt.", From="Post <post@mx.example>"))

    assert report.kind is ReportKind.UNKNOWN


def test_a_reply_by_a_person_is_not_understood() -> None:
    report = read_report(
        written(
            "Why do I get this?\n\n> Dear Susan\n",
            From="Susan <susan@example.com>",
            Return_Path="<susan@example.com>",
        )
    )

    assert report.kind is ReportKind.UNKNOWN
    assert report.recipients == ()


def test_a_bounce_is_no_automatic_reply_though_it_says_so() -> None:
    report = read_report(
        notification(block("susan@example.com"), Auto_Submitted="auto-replied", Subject="Vacation")
    )

    assert report.kind is ReportKind.DELIVERY


@pytest.mark.parametrize(
    ("noted", "sender"),
    [
        ("<>", ""),
        ("<MAILER-DAEMON@mx.example>", ""),
        ("<MAILER-DAEMON>", ""),
        ("<susan@example.com>", "susan@example.com"),
        (None, None),
    ],
)
def test_the_envelope_sender_is_the_noted_one(noted: str | None, sender: str | None) -> None:
    report = read_report(notification(block("susan@example.com"), Return_Path=noted or ""))

    assert report.envelope_sender == sender


def test_the_mail_may_be_named_by_what_the_report_answers() -> None:
    report = read_report(
        notification(
            block("susan@example.com"),
            returned="",
            In_Reply_To="<one@app.example>",
            References="<zero@app.example> <one@app.example>",
        )
    )

    assert report.message_ids == ("<one@app.example>", "<zero@app.example>")


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\0", b"From ", b"\xff\xfe", b"a: b", b": :\n\n:"]
)
def test_what_is_no_message_is_not_understood(content: bytes) -> None:
    assert read_report(content).kind is ReportKind.UNKNOWN


RETURN_PATH = ReturnPath(parse_address("bounces@app.example"), (b"a key of these tests",))


def token(row: int) -> str:
    return RETURN_PATH.token(row, "susan@example.com", 1_800_000_000.0)


def test_tokens_are_found_where_servers_return_them() -> None:
    report = read_report(
        notification(
            f"{block('susan@example.com')}X-Postfix-Sender: rfc822; b+{token(4)}@app.example\n",
            text=f"Your mail with the header X-Outbox: {token(5).upper()} failed.",
            returned=f"X-Outbox: {token(1)}\nReturn-Path: <b+{token(2)}@app.example>\n",
            To=f"bounces+{token(3)}@app.example",
        )
    )

    assert report.tokens == tuple(token(row) for row in (1, 2, 3, 4, 5))


@pytest.mark.parametrize("field", ["Delivered-To", "X-Original-To", "Envelope-To"])
def test_a_token_may_be_in_the_address_that_it_was_delivered_to(field: str) -> None:
    header = {"To": "undisclosed-recipients:;", field: f"bounces+{token(1)}@app.example"}

    assert read_report(written("550 5.1.1 No", **header)).tokens == (token(1),)


def test_a_token_may_be_in_the_header_that_a_text_quotes() -> None:
    report = read_report(written(QMAIL + RETURNED_HEADER + f"X-Outbox: {token(1)}\n"))

    assert report.tokens == (token(1),)


def noticed(kind: str, **about: object) -> str:
    mail = {"commonHeaders": {"messageId": "<one@app.example>"}, "headers": [{"value": token(1)}]}
    return json.dumps({"notificationType": kind, "mail": mail, **about})


def bounced(kind: str) -> str:
    recipient = {
        "emailAddress": "susan@example.com",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
    }
    return noticed("Bounce", bounce={"bounceType": kind, "bouncedRecipients": [recipient, None]})


def by_sns(text: str) -> Report:
    return read_report(
        written(text, From="no-reply@sns.amazonaws.com", Return_Path="<0101@amazonses.com>")
    )


@pytest.mark.parametrize("is_wrapped", [True, False])
def test_what_ses_says_by_mail_is_read(is_wrapped: bool) -> None:
    text = bounced("Permanent")
    report = by_sns((json.dumps({"Message": text}) if is_wrapped else text) + "\n--\nUnsubscribe?")

    assert report.kind is ReportKind.DELIVERY
    assert report.recipients[0] == RecipientReport(
        "susan@example.com", "", "failed", "5.1.1", "550 5.1.1 user unknown"
    )
    assert report.message_ids[0] == "<one@app.example>"
    assert report.tokens == (token(1),)
    assert report.envelope_sender is None


def test_what_ses_says_is_read_where_its_lines_were_too_long() -> None:
    text = bounced("Permanent")
    report = by_sns(f"{text[:60]}!\n {text[60:]}")

    assert report.recipients[0].address == "susan@example.com"


def test_what_ses_would_try_again_is_not_final() -> None:
    assert by_sns(bounced("Transient")).recipients[0].status == "4.1.1"


def test_ses_tells_of_complaints_and_deliveries() -> None:
    complained = {"complainedRecipients": [{"emailAddress": "susan@example.com"}]}
    delivered = {"recipients": ["susan@example.com"], "smtpResponse": "250 2.0.0 OK"}
    complaint = by_sns(noticed("Complaint", complaint=complained))
    delivery = by_sns(noticed("Delivery", delivery=delivered))

    assert complaint.kind is ReportKind.COMPLAINT
    assert [one.address for one in complaint.recipients] == ["susan@example.com"]
    assert delivery.kind is ReportKind.DELIVERY
    assert [one.action for one in delivery.recipients] == ["delivered"]


def test_what_json_can_spell_and_no_database_keeps_is_left_out() -> None:
    recipient = {
        "emailAddress": "susan\0@example.com\ud800",
        "status": "\x1b[2J",
        "diagnosticCode": "550\0 unknown",
    }
    text = noticed("Bounce", bounce={"bounceType": "Permanent", "bouncedRecipients": [recipient]})

    assert by_sns(text).recipients == (
        RecipientReport("susan@example.com", "", "failed", "", "550 unknown"),
    )


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"Message": "["}', '{"notificationType": "Click"}', '{"a":' * 20_000]
)
def test_other_json_is_not_understood(text: str) -> None:
    assert by_sns(text).kind is ReportKind.UNKNOWN
