"""What each meaning does to a message, its address and lists: the table, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from flask_outbox import ACCEPTED, Status
from flask_outbox.feedback.consequences import (
    COMES_FROM,
    CONSEQUENCES,
    PAUSED_SECONDS,
    SOFT_DAYS,
)
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.suppressions import (
    GIVEN_UP_SECONDS,
    SUPPRESSED_SECONDS,
    SuppressionSource,
    suppress,
    suppression,
)
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.documentation import LIBRARY
from tests.feedback.coming_back import (
    DIGEST,
    NOW,
    SUSAN,
    ComingBack,
    known_provider,
)

pytestmark = [pytest.mark.usefixtures("app_context"), ON_SQLITE]

PAGE = (LIBRARY / "docs" / "feedback.md").read_text()


@pytest.fixture
def back(app: Flask) -> Iterator[ComingBack]:
    with known_provider():
        yield ComingBack(app)


@pytest.mark.parametrize("meaning", Meaning)
def test_each_meaning_does_what_the_table_says(back: ComingBack, meaning: Meaning) -> None:
    expected = CONSEQUENCES[meaning]
    number = back.sent(kind=DIGEST)
    assert back.happens(number, meaning) == (expected.status or Status.SENT)
    assert back.is_suppressed() is expected.condemns
    lists = {"complaint": "", "unsubscribed": "digest"}
    assert back.opt_outs() == (
        [(lists[expected.ends_lists], expected.ends_lists, None)] if expected.ends_lists else []
    )
    (event,) = back.events()
    assert (event.outbox_id, event.recipient_key, event.domain) == (number, SUSAN, "example.com")
    assert (event.meaning, event.trusted, event.at) == (meaning, True, NOW)
    assert back.reports() == []


@pytest.mark.parametrize("meaning", Meaning)
def test_the_page_has_each_meaning(meaning: Meaning) -> None:
    assert f"\n| `{meaning}` |" in PAGE


@pytest.mark.parametrize("before", ACCEPTED)
@pytest.mark.parametrize("after", COMES_FROM)
def test_statuses_follow_the_arrows(back: ComingBack, before: Status, after: Status) -> None:
    meaning = next(one for one, does in CONSEQUENCES.items() if does.status is after)
    number = back.sent(status=before)
    may = before in COMES_FROM[after]
    assert back.happens(number, meaning) == (after if may else before)
    arrow = f"`{after}` |"
    if may:
        assert any(f"`{before}`" in line for line in PAGE.splitlines() if arrow in line)


@pytest.mark.parametrize("status", [one for one in Status if one not in ACCEPTED])
def test_what_was_not_sent_stays_what_it_is(back: ComingBack, status: Status) -> None:
    number = back.sent(status=status)
    back.told(number, Meaning.DELIVERED)
    back.now += 3600
    back.work_off()
    assert back.status(number) == status
    assert len(back.events()) == 1


def test_a_suppression_has_the_words_and_ends(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.DEAD, words="550 5.1.1 No such user")
    found = suppression(db.session, SUSAN)
    assert found is not None
    assert (found.reason, found.source) == ("550 5.1.1 No such user", "provider")
    assert (found.since, found.until) == (NOW, NOW + SUPPRESSED_SECONDS)


def test_an_address_that_took_mail_needs_a_second_report_a_day_later(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.DELIVERED)
    back.now += DAY
    assert back.happens(back.sent(), Meaning.DEAD) == Status.BOUNCED
    back.now += DAY - 1
    back.happens(back.sent(), Meaning.DEAD)
    assert not back.is_suppressed(), "an outage bounces everything for some hours, and at midnight"
    back.now += 1
    back.happens(back.sent(), Meaning.DEAD)
    assert back.is_suppressed()


def test_what_did_not_come_back_for_a_day_shows_that_the_address_works(back: ComingBack) -> None:
    back.sent()
    back.now += DAY
    back.happens(back.sent(), Meaning.DEAD)
    assert not back.is_suppressed()


def test_what_was_sent_a_moment_ago_shows_nothing(back: ComingBack) -> None:
    first, second = back.sent(), back.sent()
    back.happens(first, Meaning.DEAD)
    assert back.is_suppressed()
    back.happens(second, Meaning.DEAD)


def test_a_report_from_before_a_success_does_not_count(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.DELIVERED)
    back.now += DAY
    back.happens(back.sent(), Meaning.DEAD)
    back.now += DAY
    back.happens(back.sent(), Meaning.DELIVERED)
    back.now += DAY
    back.happens(back.sent(), Meaning.DEAD)
    assert not back.is_suppressed()


def test_mail_that_was_taken_more_than_thirty_days_ago_shows_nothing(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.DELIVERED)
    back.now += 31 * DAY
    back.happens(back.sent(), Meaning.DEAD)
    assert back.is_suppressed()


@pytest.mark.parametrize("meaning", [Meaning.FULL, Meaning.AMBIGUOUS])
def test_soft_bounces_on_four_days_pause_mail_of_lists(back: ComingBack, meaning: Meaning) -> None:
    for _ in range(SOFT_DAYS - 1):
        for _ in range(3):
            back.happens(back.sent(), meaning)
        back.now += DAY
    assert back.opt_outs() == []
    back.happens(back.sent(), meaning)
    assert back.opt_outs() == [("", "bounces", back.now + PAUSED_SECONDS)]
    assert not back.is_suppressed()


def test_a_success_clears_soft_bounces(back: ComingBack) -> None:
    for _ in range(SOFT_DAYS - 1):
        back.happens(back.sent(), Meaning.FULL)
        back.now += DAY
    back.happens(back.sent(), Meaning.DELIVERED)
    back.now += 1
    back.happens(back.sent(), Meaning.FULL)
    assert back.opt_outs() == []


def test_mail_that_does_not_come_back_clears_soft_bounces(back: ComingBack) -> None:
    for _ in range(SOFT_DAYS):
        back.happens(back.sent(), Meaning.FULL)
        back.sent()
        back.now += GIVEN_UP_SECONDS
    assert back.opt_outs() == []


def test_mail_that_may_still_come_back_clears_nothing(back: ComingBack) -> None:
    for _ in range(SOFT_DAYS):
        back.happens(back.sent(), Meaning.FULL)
        back.sent()
        back.now += DAY
    assert len(back.opt_outs()) == 1


def test_soft_bounces_of_more_than_thirty_days_do_not_pause(back: ComingBack) -> None:
    for _ in range(SOFT_DAYS + 1):
        back.happens(back.sent(), Meaning.FULL)
        back.now += 11 * DAY
    assert back.opt_outs() == []


def test_a_success_ends_what_was_said_before(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.DEAD)
    late = back.sent()
    back.now += 60
    back.happens(late, Meaning.DELIVERED)
    assert back.is_suppressed(), "it was sent at that moment, and proves nothing about later"
    back.now += 60
    back.happens(back.sent(), Meaning.DELIVERED)
    assert not back.is_suppressed()


def test_a_success_ends_a_pause_and_no_complaint(back: ComingBack) -> None:
    for _ in range(SOFT_DAYS):
        back.happens(back.sent(), Meaning.FULL)
        back.now += DAY
    assert len(back.opt_outs()) == 1
    back.happens(back.sent(), Meaning.DELIVERED)
    assert back.opt_outs() == []
    back.happens(back.sent(), Meaning.COMPLAINT)
    back.now += DAY
    back.happens(back.sent(), Meaning.DELIVERED)
    assert back.opt_outs() == [("", "complaint", None)]


def test_what_an_operator_suppressed_no_success_lifts(back: ComingBack) -> None:
    with transaction() as writing:
        suppress(writing, [(SUSAN, "Asked us")], now=NOW, source=SuppressionSource.OPERATOR)
    back.now += DAY
    back.happens(back.sent(), Meaning.DELIVERED)
    assert back.is_suppressed()


def test_nobody_unsubscribes_from_mail_without_a_list(back: ComingBack) -> None:
    back.happens(back.sent(), Meaning.UNSUBSCRIBED)
    assert back.opt_outs() == []


def test_of_a_message_to_several_each_address_is_judged(back: ComingBack) -> None:
    number = back.sent()
    back.happens(number, Meaning.DELIVERED)
    assert back.happens(number, Meaning.DEAD, to="bob@example.org") == Status.BOUNCED
    assert back.is_suppressed("bob@example.org")
    assert not back.is_suppressed()


def test_of_a_reduced_message_the_status_moves(back: ComingBack) -> None:
    number = back.sent(recipient="sha256:0", recipient_key="sha256:0", reduced=True)
    assert back.happens(number, Meaning.DEAD, to="") == Status.BOUNCED
    (event,) = back.events()
    assert (event.recipient_key, event.domain) == ("sha256:0", "")
    assert not back.is_suppressed("sha256:0")
