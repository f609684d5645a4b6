"""What came back, for operators and owners: events, rates by domain, words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from flask_outbox import Status
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.operations import OwnershipPeriod, message_outcomes
from flask_outbox.operations.feedback import (
    SMALLEST_SAMPLE,
    WINDOW_SECONDS,
    DomainRates,
    discard_report,
    domain_rates,
    events_of,
    not_understood,
)
from tests.application import db, transaction
from tests.feedback.coming_back import NOW, RECEIPT, SUSAN, ComingBack, known_provider

pytestmark = pytest.mark.usefixtures("app_context")


@pytest.fixture
def back(app: Flask) -> Iterator[ComingBack]:
    with known_provider():
        yield ComingBack(app)


def test_rates_are_those_of_each_receiving_domain_in_seven_days(back: ComingBack) -> None:
    back.sent("old@gmail.example", settled_at=NOW - WINDOW_SECONDS - 1)
    for status in ("sent", "sent", "delivered", "bounced", "complained"):
        back.sent("susan@gmail.example", status=status)
    back.sent("susan@gmail.example", status="dead")
    back.sent(recipient_key="sha256:1", reduced=True)
    back.sent("x@other.example", status="bounced")
    assert domain_rates(db.session, now=NOW) == [
        DomainRates("gmail.example", 5, 1, 1, 1),
        DomainRates("other.example", 1, 0, 1, 0),
    ]


@pytest.mark.parametrize(
    ("accepted", "bounced", "complained", "level"),
    [
        (1000, 19, 0, ""),
        (1000, 20, 0, "warning"),
        (1000, 50, 0, "error"),
        (10_000, 0, 9, ""),
        (10_000, 0, 10, "warning"),
        (10_000, 0, 30, "error"),
        (SMALLEST_SAMPLE, 0, 1, ""),
        (SMALLEST_SAMPLE, 2, 1, "warning"),
        (SMALLEST_SAMPLE, 0, 2, "error"),
        (SMALLEST_SAMPLE - 1, SMALLEST_SAMPLE - 1, 0, ""),
        (SMALLEST_SAMPLE, 5, 0, "error"),
    ],
)
def test_a_rate_is_marked_where_receivers_begin_to_mind(
    accepted: int, bounced: int, complained: int, level: str
) -> None:
    assert DomainRates("example.com", accepted, 0, bounced, complained).level == level


def test_a_message_has_its_events_oldest_first(back: ComingBack) -> None:
    number = back.sent()
    for meaning in (Meaning.DELAYED, Meaning.DELIVERED, Meaning.COMPLAINT):
        back.happens(number, meaning)
        back.now += 1
    back.happens(back.sent(), Meaning.DEAD)
    told = [one.meaning for one in events_of(db.session, number)]
    assert told == ["delayed", "delivered", "complaint"]


def test_a_report_can_be_deleted_once_it_was_looked_at(back: ComingBack) -> None:
    back.webhook("no list")
    with transaction() as writing:
        assert not discard_report(writing, 1), "it is not worked off yet"
    back.work_off()
    assert [one.note for one in not_understood(db.session)] == ["It is no list."]
    with transaction() as writing:
        assert discard_report(writing, 1)
        assert not discard_report(writing, 1)
    assert back.reports() == []


def test_the_owner_of_an_address_reads_why_mail_came_back(back: ComingBack) -> None:
    number = back.sent()
    back.happens(number, Meaning.DELIVERED, words="250 taken")
    back.happens(number, Meaning.FULL, words="552 The mailbox is full")
    back.sent()
    period = OwnershipPeriod(SUSAN, 0.0)
    outcomes = message_outcomes(db.session, [period], kinds=RECEIPT)
    assert [(one.status, one.words) for one in outcomes] == [
        (Status.SENT, None),
        (Status.BOUNCED, "552 The mailbox is full"),
    ]
