"""What came in is worked off: each event once, whatever its order, and nothing is lost."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage

import pytest
from flask import Flask
from sqlalchemy import text

from flask_outbox import MessageEvent, Status, current_outbox, parse_address
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.feedback import matching
from flask_outbox.feedback.findings import Finding
from flask_outbox.feedback.matching import NAMED_TRIED, TOKENS_TRIED, match
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.working import AT_ONCE, WAITS_FOR_MESSAGE, WORK_OFF, work_off
from flask_outbox.message import return_path
from flask_outbox.message.addresses import address_digest, address_key
from flask_outbox.operations.feedback import KEPT_AT_LEAST, prune_events
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import MailReport, OutboxMessage
from flask_outbox.signals import (
    SubscriptionEvent,
    message_bounced,
    message_complained,
    message_delivered,
    unsubscribed,
)
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.feedback.coming_back import (
    DIGEST,
    NOW,
    RETURN_PATH,
    SUSAN,
    ComingBack,
    delivery_status,
    known_provider,
)
from tests.feedback.written_reports import with_parts

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def back(app: Flask) -> Iterator[ComingBack]:
    with known_provider():
        yield ComingBack(app)


def test_an_event_counts_once_however_often_it_comes(back: ComingBack) -> None:
    number = back.sent()
    for _ in range(3):
        assert back.happens(number, Meaning.DEAD, event_id="1") == Status.BOUNCED
        back.now += DAY
    assert len(back.events()) == 1
    assert back.reports() == []


def test_one_event_may_be_about_several(back: ComingBack) -> None:
    number = back.sent()
    back.happens(number, Meaning.DEAD, event_id="1")
    back.happens(number, Meaning.FULL, event_id="1", to="bob@example.org")
    assert [one.recipient_key for one in back.events()] == [SUSAN, "bob@example.org"]


def test_an_event_of_a_message_that_is_not_there_waits_an_hour(back: ComingBack) -> None:
    back.told(10**6, Meaning.DEAD)
    waited = []
    while back.reports():
        assert back.work_off() <= 1
        assert back.work_off() == 0
        for one in back.reports():
            waited.append(one.due_at - back.now)
            back.now = one.due_at
    assert sum(waited) == WAITS_FOR_MESSAGE
    assert len(waited) < 10
    (event,) = back.events()
    assert (event.outbox_id, event.recipient_key, event.trusted) == (None, "", False)
    assert event.domain == "example.com"
    assert not back.is_suppressed()


@pytest.mark.parametrize("status", [Status.QUEUED, Status.DEFERRED])
def test_an_event_of_a_message_that_is_not_settled_waits(back: ComingBack, status: Status) -> None:
    number = back.sent(status=status, settled_at=None)
    back.told(number, Meaning.DEAD)
    back.work_off()
    assert back.events() == []
    with transaction() as writing:
        writing.execute(text("UPDATE outbox SET status = 'sent', settled_at = 1"))
    back.now += 60
    back.work_off()
    assert back.status(number) == Status.BOUNCED


def test_what_nobody_understands_is_kept_with_a_note(back: ComingBack) -> None:
    back.webhook({"no": "list"})
    assert back.work_off() == 1
    assert back.work_off() == 0
    (report,) = back.reports()
    assert report.note == "It is no list."
    assert back.events() == []


def test_a_report_that_breaks_its_reader_does_not_stop_others(
    back: ComingBack, caplog: pytest.LogCaptureFixture
) -> None:
    back.webhook([{"meaning": "no such meaning"}])
    number = back.sent()
    assert back.happens(number, Meaning.DEAD) == Status.BOUNCED
    (report,) = back.reports()
    assert report.note == "It cannot be read: ValueError."
    assert "cannot be read" in caplog.text


def test_a_report_whose_consequences_fail_does_not_stop_others(
    back: ComingBack, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = matching.match

    def fails(session: object, path: object, findings: object, *, at: float) -> object:
        if "breaks" in str(findings):
            raise ZeroDivisionError
        return real(session, path, findings, at=at)  # type: ignore[arg-type]

    monkeypatch.setattr("flask_outbox.feedback.working.match", fails)
    one, other = back.sent(), back.sent()
    back.told(one, Meaning.DEAD, words="breaks")
    assert back.happens(other, Meaning.FULL) == Status.BOUNCED
    assert back.status(one) == Status.SENT
    assert [report.note for report in back.reports()] == ["It failed: ZeroDivisionError."]
    assert "could not be worked off" in caplog.text


def test_many_reports_are_worked_off_in_batches(back: ComingBack) -> None:
    number = back.sent()
    for _ in range(AT_ONCE + 1):
        back.told(number, Meaning.DELAYED)
    assert back.work_off() == AT_ONCE + 1
    assert len(back.events()) == AT_ONCE + 1
    assert back.reports() == []


def test_several_processes_at_once_work_each_off_once(back: ComingBack) -> None:
    number = back.sent()
    for n in range(AT_ONCE):
        back.told(number, Meaning.FULL, event_id=str(n % 5))
    told: list[MessageEvent] = []
    outbox, start = current_outbox(), threading.Barrier(3)

    def work() -> None:
        start.wait()
        work_off(outbox, now=back.now)

    def note(_sender: object, *, event: MessageEvent) -> None:
        told.append(event)

    with message_bounced.connected_to(note):
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(back.events()) == len(told) == 5
    assert back.reports() == []


def test_signals_tell_what_came_back(back: ComingBack) -> None:
    told: list[MessageEvent] = []
    number = back.sent()

    def note(_sender: object, *, event: MessageEvent) -> None:
        assert back.events(), "it is committed"
        told.append(event)

    for signal in (message_delivered, message_bounced, message_complained):
        signal.connect(note)
    for meaning in (Meaning.DELIVERED, Meaning.DELAYED, Meaning.FULL, Meaning.DELIVERED):
        back.happens(number, meaning, words=str(meaning))
    back.happens(number, Meaning.COMPLAINT)
    assert [event.status for event in told] == ["delivered", "bounced", "complained"]
    event = told[1]
    assert (event.id, event.type, event.recipient) == (number, "tests.receipt", SUSAN)
    assert event.answer == "full"


@ON_SQLITE
def test_who_unsubscribes_at_their_provider_is_told_of_too(back: ComingBack) -> None:
    told: list[SubscriptionEvent] = []

    def note(_sender: object, *, event: SubscriptionEvent) -> None:
        assert back.opt_outs(), "it is committed"
        told.append(event)

    with unsubscribed.connected_to(note):
        back.happens(back.sent(), Meaning.UNSUBSCRIBED)
        back.happens(back.sent(kind=DIGEST), Meaning.UNSUBSCRIBED)
    assert told == [SubscriptionEvent(SUSAN, "digest")]


@ON_SQLITE
def test_an_unsubscribing_waits_for_a_process_that_knows_the_list(back: ComingBack) -> None:
    number = back.sent(kind=DIGEST)
    known = current_outbox().email_types.pop(DIGEST)
    back.happens(number, Meaning.UNSUBSCRIBED)
    assert back.opt_outs() == []
    current_outbox().register(known)
    back.now += 60
    back.work_off()
    assert back.opt_outs() == [("digest", "unsubscribed", None)]


@ON_SQLITE
def test_nobody_is_told_of_somebody_whose_address_is_gone(back: ComingBack) -> None:
    told: list[object] = []

    def note(_sender: object, *, event: MessageEvent) -> None:
        told.append(event)

    number = back.sent(recipient="sha256:0", recipient_key="sha256:0", reduced=True)
    with message_bounced.connected_to(note):
        assert back.happens(number, Meaning.DEAD, to="") == Status.BOUNCED
    assert told == []


@ON_SQLITE
def test_whatever_delivers_works_off_once_a_minute(back: ComingBack, app: Flask) -> None:
    outbox = current_outbox()
    assert outbox.periods[WORK_OFF] == 60
    number = back.sent()
    back.told(number, Meaning.DEAD)
    housekeeping = make_dispatcher(app).housekeeping()
    assert isinstance(housekeeping, Housekeeping)
    housekeeping.run_due()
    assert back.status(number) == Status.BOUNCED


@ON_SQLITE
def test_nothing_is_logged_where_nothing_is_there(
    back: ComingBack, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    make_dispatcher(app).housekeeping().run_due()
    assert caplog.records == []


def test_a_bounce_without_a_token_is_recorded_with_its_message_and_does_nothing(
    back: ComingBack,
) -> None:
    number = back.sent(message_id="<1@example.com>")
    back.comes_in(delivery_status(returned="Message-ID: <1@example.com>"))
    assert back.status(number) == Status.SENT
    assert not back.is_suppressed()
    (event,) = back.events()
    assert (event.outbox_id, event.trusted, event.meaning) == (number, False, "dead")
    assert back.reports() == []


def test_a_bounce_about_no_message_of_ours_counts_by_its_domain(back: ComingBack) -> None:
    back.sent(message_id="<1@example.com>")
    back.comes_in(delivery_status(returned="Message-ID: <2@example.com>"))
    (event,) = back.events()
    assert (event.outbox_id, event.recipient_key, event.domain) == (None, "", "example.com")
    assert (event.trusted, event.meaning) == (False, "dead")


def test_a_bounce_with_a_token_does_what_the_table_says(back: ComingBack) -> None:
    number = back.sent()
    back.comes_in(delivery_status(), RETURN_PATH.sender_for(number, SUSAN, back.now))
    assert back.status(number) == Status.BOUNCED
    assert back.is_suppressed()
    (event,) = back.events()
    assert (event.source, event.outbox_id, event.recipient_key) == ("pipe", number, SUSAN)
    assert (event.trusted, event.meaning, event.code) == (True, "dead", "5.1.1")


def test_an_event_counts_once_though_its_message_was_reduced_meanwhile(back: ComingBack) -> None:
    number, digest = back.sent(), address_digest(SUSAN)
    sender = RETURN_PATH.sender_for(number, SUSAN, back.now)
    back.comes_in(delivery_status(to=""), sender)
    with transaction() as writing:
        message = writing.get(OutboxMessage, number)
        assert message is not None
        message.recipient = message.recipient_key = digest
        message.reduced = True
    back.comes_in(delivery_status(to=""), sender)
    assert [one.recipient_key for one in back.events()] == [SUSAN]


def test_the_token_in_the_returned_header_is_as_good(back: ComingBack) -> None:
    number = back.sent()
    token = RETURN_PATH.token(number, SUSAN, back.now)
    back.comes_in(delivery_status(returned=f"X-Outbox: {token}"))
    assert back.status(number) == Status.BOUNCED
    assert back.is_suppressed()


@pytest.mark.parametrize("field", ["To", "Cc"])
def test_a_report_that_hides_the_second_recipient_finds_them(back: ComingBack, field: str) -> None:
    number, bob = back.sent(), "Bob@example.org"
    token = RETURN_PATH.token(number, bob, back.now)
    returned = f"X-Outbox: {token}\n{field}: Susan <{SUSAN}>, Bob <{bob}>"
    back.comes_in(delivery_status(to="", returned=returned))
    assert back.status(number) == Status.BOUNCED
    assert [one.recipient_key for one in back.events()] == ["bob@example.org"]
    assert back.is_suppressed("bob@example.org")
    assert not back.is_suppressed()


def test_a_complaint_that_hides_the_second_recipient_finds_them(back: ComingBack) -> None:
    number, bob = back.sent(kind=DIGEST), "bob@example.org"
    content = with_parts(
        "Content-Type: text/plain\n\nThis is an abuse report.\n",
        "Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n",
        f"Content-Type: message/rfc822\n\nTo: {SUSAN}, {bob}\nSubject: Hm\n\nHm.\n",
        Return_Path="<feedback@mail.test>",
    )
    back.comes_in(content, RETURN_PATH.sender_for(number, bob, back.now))
    assert back.status(number) == Status.COMPLAINED
    assert (back.opt_outs(bob), back.opt_outs()) == ([("", "complaint", None)], [])


def test_whom_a_report_names_proves_nothing(back: ComingBack) -> None:
    number = back.sent()
    token = RETURN_PATH.token(number, "eve@example.org", back.now)
    back.comes_in(delivery_status(to="", returned=f"X-Outbox: {token}\nTo: {SUSAN}"))
    assert back.status(number) == Status.SENT
    assert [one.trusted for one in back.events()] == [False]


def test_a_token_is_read_of_a_reduced_message(back: ComingBack) -> None:
    digest = address_digest(SUSAN)
    number = back.sent(recipient=digest, recipient_key=digest, reduced=True)
    sender = RETURN_PATH.sender_for(number, SUSAN, back.now)
    back.comes_in(delivery_status(to=""), sender)
    assert back.status(number) == Status.BOUNCED
    assert [one.recipient_key for one in back.events()] == [digest]


@pytest.mark.parametrize("case", ["forged", "expired", "another's"])
def test_what_is_no_valid_token_changes_nothing(back: ComingBack, case: str) -> None:
    number = back.sent()
    senders = {
        "forged": RETURN_PATH.sender_for(number, SUSAN, back.now).replace("@", "a@", 1),
        "expired": RETURN_PATH.sender_for(number, SUSAN, back.now - 32 * DAY),
        "another's": RETURN_PATH.sender_for(number, "eve@example.org", back.now),
    }
    back.comes_in(delivery_status(), senders[case])
    assert back.status(number) == Status.SENT
    assert not back.is_suppressed()
    assert [one.trusted for one in back.events()] == [False]


def test_a_report_of_many_names_and_tokens_takes_little_work(
    back: ComingBack, monkeypatch: pytest.MonkeyPatch
) -> None:
    forged = tuple(RETURN_PATH.token(back.sent(), "eve@example.net", NOW) for _ in range(20))
    parsed: list[str] = []

    def counted(value: str) -> str:
        parsed.append(value)
        return address_key(value)

    monkeypatch.setattr(matching, "address_key", counted)
    monkeypatch.setattr(return_path, "address_key", counted)
    findings = [
        Finding(
            Meaning.DEAD, f"{n}@münchen", f"{n}@köln.example", tokens=forged, message_ids=("<1>",)
        )
        for n in range(50)
    ]
    (found,) = match(db.session, RETURN_PATH, findings, at=NOW)
    assert found.message is None
    assert len(parsed) <= 4 * NAMED_TRIED + 2 * TOKENS_TRIED


def test_a_report_with_a_sender_to_reply_to_changes_nothing(back: ComingBack) -> None:
    number = back.sent()
    content = delivery_status(returned="", sender="eve@example.org")
    back.comes_in(content, RETURN_PATH.sender_for(number, SUSAN, back.now))
    assert back.status(number) == Status.SENT
    assert [(one.outbox_id, one.trusted) for one in back.events()] == [(number, False)]


@pytest.mark.parametrize(
    ("to", "original", "condemned"),
    [
        ("susan@mail.test", SUSAN, False),
        ("susan@mail.test", "", False),
        ("s@example.com", SUSAN, True),
        (SUSAN, "", True),
        ("", "", True),
    ],
)
def test_an_address_that_forwards_to_a_dead_one_is_not_dead(
    back: ComingBack, to: str, original: str, *, condemned: bool
) -> None:
    number = back.sent()
    sender = RETURN_PATH.sender_for(number, SUSAN, back.now)
    back.comes_in(delivery_status(to=to, original=original), sender)
    assert back.status(number) == Status.BOUNCED
    assert back.is_suppressed() is condemned


def test_mail_that_was_redirected_says_nothing_about_its_recipients(back: ComingBack) -> None:
    outbox = current_outbox()
    outbox.delivery = replace(outbox.delivery, redirect_to=(parse_address("qa@example.com"),))
    assert back.happens(back.sent(), Meaning.DEAD) == Status.BOUNCED
    assert not back.is_suppressed()


def test_an_automatic_reply_says_nothing(back: ComingBack) -> None:
    reply = EmailMessage()
    reply["From"], reply["Auto-Submitted"] = SUSAN, "auto-replied"
    reply.set_content("I am on holiday.")
    back.comes_in(reply.as_bytes())
    assert (back.events(), back.reports()) == ([], [])


def test_a_letter_to_the_return_path_is_kept_for_an_operator(back: ComingBack) -> None:
    letter = EmailMessage()
    letter["From"], letter["Return-Path"] = SUSAN, f"<{SUSAN}>"
    letter.set_content("Please call me.")
    back.comes_in(letter.as_bytes())
    assert back.events() == []
    (report,) = back.reports()
    assert report.note


@ON_SQLITE
def test_old_events_are_pruned_and_reports_that_nobody_understood(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.FULL)
    back.webhook("no list")
    back.work_off()

    def prune(now: float, retention: float) -> tuple[int, int]:
        with transaction() as writing:
            prune_events(writing, now=now, retention=retention)
        return len(back.events()), len(back.reports())

    assert prune(NOW + 7 * DAY, 7 * DAY) == (1, 1)
    assert prune(NOW + 7 * DAY + 1, 7 * DAY) == (1, 0)
    assert prune(NOW + KEPT_AT_LEAST, 7 * DAY) == (1, 0)
    assert prune(NOW + KEPT_AT_LEAST + 1, 7 * DAY) == (0, 0)


@ON_SQLITE
def test_what_waits_is_not_pruned(back: ComingBack) -> None:
    with transaction() as writing:
        writing.add(
            MailReport(source="x", event_id="1", received_at=1, due_at=NOW + 9, content=b"")
        )
        prune_events(writing, now=NOW, retention=DAY)
    assert len(back.reports()) == 1
