"""How messages ended, by the hour and in total: totals never shrink."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from flask_outbox import ACCEPTED, current_outbox
from flask_outbox.operations import backlog, counts, messages
from flask_outbox.outbox.email_types import DAY, HOUR
from flask_outbox.outbox.models import MessageCount, OutboxMessage, Status
from tests.application import db, transaction

NOW = 1_800_000_000.0 + 600
"""Ten minutes after the beginning of an hour."""

pytestmark = pytest.mark.usefixtures("app_context")


def test_messages_are_counted_in_the_hour_in_which_they_ended() -> None:
    write(settled_at=NOW, seconds=4)
    write(settled_at=NOW - HOUR, status=Status.DEAD)
    write(settled_at=NOW - HOUR)
    write(settled_at=NOW - 47 * HOUR)
    write(settled_at=NOW - 48 * HOUR)
    write(settled_at=None, status=Status.QUEUED)
    before = counts.by_hour(db.session, now=NOW)
    add_up()
    assert counts.by_hour(db.session, now=NOW) == before
    assert [one.begins for one in before] == [NOW - 600 - n * HOUR for n in reversed(range(48))]
    assert {n: one.by_status for n, one in enumerate(before) if one.by_status} == {
        0: {"sent": 1},
        46: {"dead": 1, "sent": 1},
        47: {"sent": 1},
    }


@pytest.mark.parametrize("times", [0, 1, 2])
def test_totals_are_the_same_before_and_after_they_are_added_up(times: int) -> None:
    write(settled_at=NOW, seconds=0.05)
    write(settled_at=NOW - 2 * HOUR, seconds=0.05)
    write(settled_at=NOW - 2 * HOUR, seconds=5)
    write(settled_at=NOW - 40 * DAY, seconds=1e6)
    write(settled_at=NOW - 3 * HOUR, seconds=7, status=Status.DEAD)
    for _ in range(times):
        add_up()
    assert sorted((one.status, one.bucket, one.messages, one.seconds) for one in totals()) == [
        ("dead", 0, 1, 7.0),
        ("sent", 0, 2, pytest.approx(0.1)),
        ("sent", 5, 1, 5.0),
        ("sent", len(counts.BOUNDS), 1, 1e6),
    ]


def test_an_hour_is_added_up_once_nothing_can_end_in_it() -> None:
    write(settled_at=NOW - 601)
    with transaction() as writing:
        assert not counts.add_up(writing, now=NOW - 600 + counts.SETTLED_WITHIN - 1)
    assert stored() == 0
    with transaction() as writing:
        counts.add_up(writing, now=NOW - 600 + counts.SETTLED_WITHIN)
    assert stored() == 2, "once for its hour, once for the total"


@pytest.mark.parametrize("added_up", [False, True], ids=["at once", "after it was added up"])
def test_what_comes_back_about_a_message_changes_no_count(*, added_up: bool) -> None:
    for _ in ACCEPTED:
        write(settled_at=NOW - 2 * HOUR, seconds=5)
    if added_up:
        add_up()
    for number, status in enumerate(ACCEPTED, start=1):
        settle(number, status, at=NOW - 2 * HOUR)
    assert [(one.status, one.bucket, one.messages) for one in totals()] == [("sent", 5, 4)]
    assert counts.by_hour(db.session, now=NOW)[-3].by_status == {"sent": 4}
    add_up()
    assert [(one.status, one.bucket, one.messages) for one in totals()] == [("sent", 5, 4)]


def test_a_long_time_is_added_up_in_small_steps() -> None:
    for days in (0, 1, 2, 300):
        write(settled_at=NOW - days * DAY - 2 * HOUR)
    steps = 0
    with transaction() as writing:
        while counts.add_up(writing, now=NOW):
            steps += 1
    assert 2 <= steps <= 4
    assert sum(one.messages for one in totals()) == 4
    hours = db.session.scalars(select(MessageCount.hour).where(MessageCount.hour > 0)).all()
    assert len(hours) == 3, "old hours are kept in the total only"


@pytest.mark.parametrize("added_up", [False, True], ids=["at once", "after it was added up"])
def test_a_retried_message_stays_counted(*, added_up: bool) -> None:
    write(settled_at=NOW - 2 * HOUR, status=Status.DEAD)
    if added_up:
        add_up()
    with transaction() as writing:
        messages.retry(writing, 1, now=NOW)
    assert ended() == {"dead": 1}
    settle(1, Status.DEAD, at=NOW)
    assert ended() == {"dead": 2}
    add_up(now=NOW + 2 * HOUR)
    assert ended() == {"dead": 2}
    assert counts.by_hour(db.session, now=NOW)[-3].by_status == {"dead": 1}


@pytest.mark.parametrize("added_up", [False, True], ids=["at once", "after it was added up"])
def test_a_message_that_is_removed_stays_counted(*, added_up: bool) -> None:
    write(settled_at=NOW - 2 * HOUR)
    write(settled_at=None, status=Status.QUEUED)
    if added_up:
        add_up()
    with transaction() as writing:
        counts.add_early(writing, [1, 2])
        writing.execute(delete(OutboxMessage))
    assert ended() == {"sent": 1}


def test_nothing_is_reduced_before_it_is_added_up() -> None:
    write(settled_at=NOW - 40 * DAY)
    with transaction() as writing:
        assert messages.prune(writing, now=NOW, retention=30 * DAY) == 0
    add_up()
    with transaction() as writing:
        assert messages.prune(writing, now=NOW, retention=30 * DAY) == 1
    assert ended() == {"sent": 1}


def test_two_processes_at_once_add_up_once(app: Flask) -> None:
    for _ in range(20):
        write(settled_at=NOW - 2 * HOUR)
    made = current_outbox()
    start = threading.Barrier(4)
    troubles: list[BaseException] = []

    def add() -> None:
        try:
            start.wait()
            with made.sessions() as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                counts.add_up(session, now=NOW)
                session.commit()
        except BaseException as trouble:  # noqa: BLE001 - the test raises it
            troubles.append(trouble)

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert ended() == {"sent": 20}


def test_each_status_is_counted_and_waiting_messages_by_priority() -> None:
    for status in Status:
        is_waiting = status in {Status.QUEUED, Status.DEFERRED}
        write(settled_at=None if is_waiting else NOW, status=status)
    write(settled_at=None, status=Status.QUEUED, lane=0, seconds=90)
    found = backlog.statistics(db.session, now=NOW)
    others = [one for one in Status if one not in ACCEPTED]
    assert found.by_status == {**dict.fromkeys(map(str, others), 1), "queued": 2, "sent": 4}
    assert found.by_lane() == {0: (1, 90.0), 1: (2, 1.0)}
    assert backlog.waiting(db.session, now=NOW) == found.waiting


def test_an_empty_outbox_has_no_counts() -> None:
    add_up()
    assert totals() == []
    assert all(not one.by_status for one in counts.by_hour(db.session, now=NOW))
    assert backlog.statistics(db.session, now=NOW).by_status == {}


def write(
    *, settled_at: float | None, status: Status = Status.SENT, seconds: float = 1, lane: int = 1
) -> None:
    begins = NOW if settled_at is None else settled_at
    with transaction() as writing:
        writing.add(
            OutboxMessage(
                kind="tests.one",
                lane=lane,
                recipient="susan@example.com",
                recipient_key="susan@example.com",
                locale="en",
                arguments={},
                message_id="<1@example.com>",
                created_at=begins - seconds,
                due_at=begins,
                status=status,
                settled_at=settled_at,
            )
        )


def settle(number: int, status: Status, *, at: float) -> None:
    with transaction() as writing:
        writing.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == number)
            .values(status=status, settled_at=at)
        )


def add_up(*, now: float = NOW) -> None:
    with transaction() as writing:
        while counts.add_up(writing, now=now):
            pass


def totals() -> list[counts.Total]:
    return counts.totals(db.session)


def ended() -> dict[str, int]:
    return {one.status: one.messages for one in totals()}


def stored() -> int:
    return db.session.scalar(select(func.count()).select_from(MessageCount)) or 0
