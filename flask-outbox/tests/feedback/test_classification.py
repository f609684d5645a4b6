"""What a report means for an address: each reason as servers write it."""

from __future__ import annotations

import pytest

from flask_outbox.feedback.classification import classify
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.reports import RecipientReport, read_report
from tests.feedback.test_reports import QMAIL
from tests.feedback.written_reports import RETURNED_HEADER, block, notification, written

AT_RECIPIENT = "<susan@example.com>: host mx.example said: it (in reply to RCPT TO command)"
AT_CONTENT = "<susan@example.com>: host mx.example said: it (in reply to end of DATA command)"
AT_SENDER = "<susan@example.com>: host mx.example said: it (in reply to MAIL FROM command)"


def meaning(status: str, words: str, text: str = "", action: str = "failed") -> Meaning:
    return classify(RecipientReport("susan@example.com", "", action, status, words), text).meaning


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("delivered", Meaning.DELIVERED),
        ("relayed", Meaning.DELIVERED),
        ("expanded", Meaning.DELIVERED),
        ("delayed", Meaning.DELAYED),
        ("failed", Meaning.DEAD),
        ("error", Meaning.DEAD),
        ("", Meaning.DEAD),
    ],
)
def test_an_action_says_it_all_but_for_failures(action: str, expected: Meaning) -> None:
    assert meaning("5.1.1", "550 5.1.1 User unknown", action=action) is expected


@pytest.mark.parametrize("code", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_a_code_alone_says_that_there_is_no_such_address(code: str) -> None:
    assert meaning(code, "") is Meaning.DEAD


DEAD_IN_WORDS = [
    # Exim writes 5.0.0 over everything.
    ("5.0.0", "550 5.1.1 <susan@example.com>: User unknown", ""),
    ("5.0.0", "550 No such user here", AT_RECIPIENT),
    ("5.2.1", "550 5.2.1 <susan@example.com>... User unknown", AT_RECIPIENT),
    ("5.0.0", "554 delivery error: dd This user doesn't have a yahoo.com account", AT_CONTENT),
    ("5.0.0", "552 1 Requested mail action aborted, mailbox not found", ""),
    ("5.1.1", "550-5.1.1 The email account that you tried to reach does not exist.", ""),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", AT_CONTENT),
    ("5.4.1", "550 5.4.1 <s@example.com>: Recipient address rejected: Access denied. AS(1)", ""),
    ("5.4.4", "Host or domain name not found. Name service error for name=no.example type=A", ""),
    ("5.0.0", "550 Host unknown", ""),
    ("5.0.0", "No such domain.", ""),
    # What servers say of their own directories and routes.
    ("5.0.0", "User Susan (susan@example.com) not listed in Domino Directory", ""),
    ("", "Unrouteable address", ""),
    ("5.0.0", "all relevant MX records point to non-existent hosts", ""),
    ("5.4.4", "Sorry, I couldn't find a mail exchanger or IP address. (#5.4.4)", ""),
    ("5.1.1", "Sorry, no mailbox here by that name. (#5.1.1)", ""),
    ("5.0.0", "550 invalid mailbox. Local mailbox s@x.ru is unavailable: user not found", ""),
    ("5.0.0", "550 <susan@example.com>: Recipient address rejected: User unknown", ""),
    # RFC 5321's text of 550 says nothing beside a code.
    ("5.1.1", "550 5.1.1 Requested action not taken: mailbox unavailable", ""),
]


@pytest.mark.parametrize(("status", "words", "text"), DEAD_IN_WORDS)
def test_words_may_say_it_too(status: str, words: str, text: str) -> None:
    assert meaning(status, words, text) is Meaning.DEAD


LIVING = [
    # A full mailbox, whatever the code.
    (Meaning.FULL, "5.2.2", "552 5.2.2 Mailbox full", ""),
    (Meaning.FULL, "5.0.0", "452 4.2.2 The email account is over quota", ""),
    (Meaning.FULL, "5.7.1", "550-5.7.1 Email quota exceeded", ""),
    (Meaning.FULL, "5.1.1", "550 5.1.1 user unknown: mailbox is full", ""),
    (Meaning.FULL, "", "It could not be delivered because the user's mailfolder is full.", ""),
    (Meaning.FULL, "5.1.1", "", "<susan@example.com>: maildir over quota"),
    # The sender.
    (Meaning.POLICY, "5.7.26", "550-5.7.26 Unauthenticated email is not accepted", ""),
    (Meaning.POLICY, "5.1.1", "550 5.7.1 IP address blacklisted by recipient", ""),
    (Meaning.POLICY, "5.1.1", "550 5.1.1 Refused due to recipient preferences", ""),
    (Meaning.POLICY, "5.0.0", "550 Ip frequency limited", ""),
    (Meaning.POLICY, "5.1.8", "553 5.1.8 Domain of sender address app@x does not exist", ""),
    (Meaning.POLICY, "5.1.7", "550 5.1.7 Bad sender's mailbox address", ""),
    (Meaning.POLICY, "5.4.5", "550-5.4.5 Daily user sending limit exceeded", ""),
    (Meaning.POLICY, "5.7.1", "550 5.7.1 <susan@example.com>: User unknown", AT_RECIPIENT),
    (Meaning.POLICY, "5.0.0", "554 [TSS04] Messages from 192.0.2.1 deferred: complaints", ""),
    # This message.
    (Meaning.MESSAGE, "5.3.4", "552 5.3.4 Message size exceeds fixed limit", ""),
    (Meaning.MESSAGE, "5.2.3", "", ""),
    (Meaning.MESSAGE, "5.6.0", "552 5.6.0 Headers too large", ""),
    (Meaning.MESSAGE, "5.0.0", "550 message too large", ""),
    # The way.
    (Meaning.PATH, "4.4.1", "connect to mx.example[192.0.2.1]:25: Connection timed out", ""),
    (Meaning.PATH, "5.4.6", "554 5.4.6 Too many hops", ""),
    (Meaning.PATH, "4.4.7", "", ""),
    (Meaning.PATH, "4.0.0", "DNS Error: DNS type 'mx' lookup responded with code NXDOMAIN", ""),
    # Nobody knows.
    (Meaning.AMBIGUOUS, "5.2.1", "550 5.2.1 <susan@example.com>... User unknown", ""),
    (Meaning.AMBIGUOUS, "5.2.1", "550 5.2.1 The account is disabled", AT_RECIPIENT),
    (Meaning.AMBIGUOUS, "5.0.0", "550 Unknown user susan@example.com", AT_CONTENT),
    (Meaning.AMBIGUOUS, "5.0.0", "550 Unknown user susan@example.com", ""),
    (Meaning.AMBIGUOUS, "", "This user doesn't have an account", ""),
    (Meaning.AMBIGUOUS, "5.0.0", "550 Recipient address rejected: User unknown", AT_CONTENT),
    (Meaning.AMBIGUOUS, "5.0.0", "553 app.example does not exist", AT_CONTENT),
    (Meaning.POLICY, "5.0.0", "550 This domain does not accept mail from you", ""),
    (Meaning.AMBIGUOUS, "4.1.1", "450 4.1.1 User unknown in virtual alias table", ""),
    (Meaning.AMBIGUOUS, "5.1.1", "550 5.1.1 User unknown", AT_SENDER),
    (Meaning.AMBIGUOUS, "5.0.0", "550 Requested action not taken: mailbox unavailable", ""),
    (Meaning.AMBIGUOUS, "5.1.1", "550 5.1.1 This account has been disabled or discontinued", ""),
    (Meaning.AMBIGUOUS, "5.0.0", "", ""),
    (Meaning.UNKNOWN, "", "Sorry.", ""),
    # A code that contradicts it.
    (Meaning.AMBIGUOUS, "5.1.1", "550 5.1.1 unknown (#5.2.1)", ""),
]


@pytest.mark.parametrize(("expected", "status", "words", "text"), LIVING)
def test_other_reasons_spare_the_address(
    expected: Meaning, status: str, words: str, text: str
) -> None:
    assert meaning(status, words, text) is expected


@pytest.mark.parametrize(
    "words",
    [
        "550 5.1.1 <spam@blocked.example>: User unknown",
        "550 5.1.1 User unknown, see https://quota.example/spam?p=blocked",
        "550 5.1.1 quota.policy.example: User unknown",
    ],
)
def test_names_may_spell_any_reason(words: str) -> None:
    assert meaning("5.1.1", words) is Meaning.DEAD


@pytest.mark.parametrize(
    "words", ["550 No such user: user-unknown@example.com", "550 spam from nouser@example.com"]
)
def test_names_may_spell_that_there_is_no_address(words: str) -> None:
    assert meaning("5.0.0", words, AT_CONTENT) is not Meaning.DEAD


def test_of_two_in_one_report_each_has_its_meaning() -> None:
    report = read_report(written(QMAIL + RETURNED_HEADER))

    found = [classify(one, report.text) for one in report.recipients]
    assert [one.meaning for one in found] == [Meaning.DEAD, Meaning.FULL]
    assert [one.code for one in found] == ["5.1.1", "5.2.2"]


def test_a_reason_that_comes_late_is_found() -> None:
    report = read_report(written(f"susan@example.com\n\n{'Lorem ipsum. ' * 400}\n\n550 5.2.2 Full"))

    assert [classify(one, report.text).meaning for one in report.recipients] == [Meaning.FULL]


def test_words_are_the_servers_from_its_code_on() -> None:
    report = read_report(written(QMAIL + RETURNED_HEADER))

    found = classify(report.recipients[0], report.text)
    assert found.words.startswith("Remote host said: 550 5.1.1 <susan@example.com>... User Unknown")
    assert "qmail-send" not in found.words


def test_a_warning_is_no_failure() -> None:
    """Where no action says so, words do."""
    report = read_report(
        written(
            "A message that you sent has not yet been delivered to susan@example.com.\n"
            "550 5.1.1 User unknown\nDelivery attempts will continue for some time."
        )
    )

    assert [classify(one, report.text).meaning for one in report.recipients] == [Meaning.DELAYED]


@pytest.mark.parametrize(
    ("status", "words", "code"),
    [
        ("5.1.1", "550 5.7.1 No", "5.7.1"),
        ("5.1.1", "550 5.0.0 No", "5.1.1"),
        ("5.0.0", "550 No", "5.0.0"),
        ("", "550 No", "5.0.0"),
        ("", "host mx.example said: 550-No", "5.0.0"),
        ("5.0.0", "452 Later", "4.0.0"),
        ("5.1.1", "450 4.7.1 Later", "4.7.1"),
        ("4.4.7", "550 5.1.1 No", "5.1.1"),
        ("", "Exim 4.96.2 at 5.1.1.1 on 2026-11-30", ""),
        ("", "", ""),
    ],
)
def test_the_code_that_says_most_counts(status: str, words: str, code: str) -> None:
    assert classify(RecipientReport("", "", "failed", status, words), "").code == code


QUOTED = """\
Your message

  To:      susan@example.com
  Subject: User unknown, mailbox full, spam

did not reach the following recipient(s):

susan@example.com: Lorem 2.0.12 ipsum
"""


def test_a_quoted_subject_says_nothing_either() -> None:
    """Nor does a number in words that would be a code of success."""
    report = read_report(written(QUOTED))

    (found,) = (classify(one, report.text) for one in report.recipients)
    assert (found.meaning, found.code) == (Meaning.UNKNOWN, "")
    assert "Subject" not in report.text


def test_the_subject_says_nothing() -> None:
    report = read_report(
        notification(
            block("susan@example.com", "5.2.2", "552 5.2.2 Over quota"), Subject="User unknown"
        )
    )

    assert [classify(one, report.text).meaning for one in report.recipients] == [Meaning.FULL]


def test_without_a_code_the_words_begin_at_the_address() -> None:
    report = read_report(
        written(
            "This message was created automatically.\n\n  susan@example.com\n"
            "    host mx.example: Connection refused\n"
        )
    )

    (found,) = (classify(one, report.text) for one in report.recipients)
    assert found.meaning is Meaning.PATH
    assert found.words == "susan@example.com host mx.example: Connection refused"
