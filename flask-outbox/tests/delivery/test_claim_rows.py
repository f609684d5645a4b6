"""What a claim takes, what a settlement writes, and who may write: without rate limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from flask_outbox import Priority
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import OutboxMessage, Status
from tests.delivery.bare_outbox import NOW, bare_engine, put

LEASE = 20.0
ENDED = [status for status in Status if status not in {Status.QUEUED, Status.DEFERRED}]

Put = Callable[..., int]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with bare_engine(tmp_path) as made:
        yield made


@pytest.fixture
def claims(engine: Engine) -> Iterator[Claims]:
    made = Claims(engine, lease=LEASE)
    yield made
    made.close()


@pytest.fixture
def row(engine: Engine) -> Put:
    def make(**columns: Any) -> int:
        with Session(engine) as session:
            number = put(session, **columns)
            session.commit()
            return number

    return make


def found(engine: Engine, number: int) -> OutboxMessage:
    with Session(engine) as session:
        return session.execute(select(OutboxMessage).filter_by(id=number)).scalar_one()


def claimed(claims: Claims, now: float = NOW) -> Claim:
    claim = claims.claim(ALL_PRIORITIES, now=now)
    assert claim is not None
    return claim


# Claims


def test_the_most_urgent_due_row_is_claimed_longest_due_first(
    engine: Engine, claims: Claims, row: Put
) -> None:
    bulk = row(lane=Priority.LOW, due_at=NOW - 9)
    younger, older = row(due_at=NOW), row(due_at=NOW - 5)
    row(lane=Priority.HIGH, due_at=NOW + 0.001)
    urgent = row(lane=Priority.HIGH, due_at=NOW, status=Status.DEFERRED)
    for status in ENDED:
        row(lane=Priority.HIGH, due_at=NOW - 60, status=status)
    row(lane=Priority.HIGH, due_at=NOW - 60, waits_for="example.com")
    taken = [claims.claim(ALL_PRIORITIES, now=NOW) for _ in range(5)]
    assert [one and one.id for one in taken] == [urgent, older, younger, bulk, None]


def test_only_rows_of_the_priorities_are_claimed(claims: Claims, row: Put) -> None:
    row(lane=Priority.NORMAL)
    assert claims.claim(HIGH_ONLY, now=NOW) is None
    urgent = row(lane=Priority.HIGH)
    claim = claims.claim(HIGH_ONLY, now=NOW)
    assert claim is not None
    assert claim.id == urgent


def test_a_claim_counts_the_attempt_and_lasts_as_long_as_its_lease(
    engine: Engine, claims: Claims, row: Put
) -> None:
    number = row(attempts=4, failures=2)
    claim = claimed(claims)
    assert (claim.attempts, claim.failures) == (5, 3)
    kept = found(engine, number)
    assert (kept.attempts, kept.failures, kept.due_at) == (5, 3, NOW + LEASE)
    assert claims.claim(ALL_PRIORITIES, now=NOW + LEASE - 0.001) is None
    assert claimed(claims, NOW + LEASE).attempts == 6


@pytest.mark.parametrize(
    ("columns", "is_taken"),
    [
        ({}, True),
        ({"status": Status.DEFERRED}, True),
        ({"waits_for": "example.com"}, True),
        ({"due_at": NOW + 0.001}, False),
        *(({"status": status}, False) for status in ENDED),
    ],
)
def test_a_row_is_claimed_by_its_id_if_it_is_due(
    engine: Engine, claims: Claims, row: Put, columns: dict[str, Any], is_taken: bool
) -> None:
    other, number = row(), row(**columns)
    claim = claims.claim_one(number, now=NOW)
    assert (claim is not None) is is_taken
    assert found(engine, other).attempts == 0
    kept = found(engine, number)
    assert (kept.attempts, kept.failures) == ((1, 1) if is_taken else (0, 0))
    if is_taken:
        assert (kept.due_at, kept.waits_for) == (NOW + LEASE, "")


def test_a_claim_knows_the_suppression_of_its_address(
    engine: Engine, claims: Claims, row: Put
) -> None:
    with Session(engine) as session:
        suppressions.suppress(session, [("bob@example.com", "550 5.1.1 no")], now=NOW)
        session.commit()
    row(recipient_key="susan@example.com", due_at=NOW - 1)
    row(recipient_key="bob@example.com")
    assert [claimed(claims).suppressed for _ in range(2)] == [None, "550 5.1.1 no"]


@pytest.mark.parametrize(
    ("history", "attempts", "previous_attempt_lost"),
    [
        ([], 0, False),
        ([], 1, True),
        ([{"attempt": 1}], 1, False),
        ([{"attempt": 1}], 2, True),
        ([{"attempt": 2}, {"attempt": 3}], 3, False),
    ],
)
def test_a_claim_knows_whether_the_previous_attempt_was_lost(
    claims: Claims,
    row: Put,
    history: list[dict[str, Any]],
    attempts: int,
    previous_attempt_lost: bool,
) -> None:
    row(history=history, attempts=attempts)
    assert claimed(claims).previous_attempt_lost is previous_attempt_lost


@pytest.mark.parametrize(
    ("column", "value", "is_damaged"),
    [
        ("arguments", "{}", False),
        ("arguments", "[]", True),
        ("arguments", '"text"', True),
        ("arguments", "{", True),
        ("recipients", None, False),
        ("recipients", '["a@example.com"]', False),
        ("recipients", "[1]", True),
        ("recipients", '["a@example.com", 1]', True),
        ("recipients", "{}", True),
        ("history", "[]", False),
        ("history", '[{"attempt": 1}]', False),
        ("history", "[1]", True),
        ("history", "[{}]", True),
        ("history", '[{"attempt": 1}, {"attempt": "x"}]', True),
        ("history", "{}", True),
    ],
)
def test_a_column_that_cannot_be_read_is_named_and_empty(
    engine: Engine, claims: Claims, row: Put, column: str, value: str | None, is_damaged: bool
) -> None:
    number = row()
    with engine.begin() as connection:
        statement = text(f"UPDATE outbox SET {column} = :value WHERE id = :id")
        connection.execute(statement, {"value": value, "id": number})
    claim = claimed(claims)
    assert claim.damaged == (column if is_damaged else None)
    if is_damaged:
        empty: dict[str, Any] = {"arguments": {}, "recipients": None, "history": []}
        assert getattr(claim, column) == empty[column]


# Settlements


def test_a_settlement_writes_the_outcome_of_the_attempt(
    engine: Engine, claims: Claims, row: Put
) -> None:
    first = {"attempt": 1, "at": NOW, "status": "deferred", "answer": "later"}
    number = row(
        attempts=1,
        failures=1,
        history=[first],
        arguments={"a": 1, "b": 2},
        recipients=["a@example.com", "b@example.com"],
    )
    other = row(due_at=NOW + 1)
    at = NOW + 1.23456
    settlement = Settlement(
        claimed(claims),
        Status.DEFERRED,
        "450 later",
        at,
        due_at=NOW + 60,
        recipients=["b@example.com"],
    )
    assert claims.settle(settlement)
    kept = found(engine, number)
    second = {"attempt": 2, "at": round(at, 3), "status": "deferred", "answer": "450 later"}
    assert (kept.status, kept.answer, kept.due_at, kept.settled_at, kept.failures) == (
        Status.DEFERRED,
        "450 later",
        NOW + 60,
        None,
        2,
    )
    assert kept.history == [first, second]
    assert kept.recipients == ["b@example.com"]
    assert kept.arguments == {"a": 1, "b": 2}
    claim = claims.claim_one(number, now=NOW + 60)
    assert claim is not None
    assert claims.settle(
        Settlement(claim, Status.SENT, "250 Ok", NOW + 61, kept_arguments={"a": 1})
    )
    kept = found(engine, number)
    assert (kept.status, kept.due_at, kept.settled_at, kept.failures) == (
        Status.SENT,
        NOW + 61,
        NOW + 61,
        3,
    )
    assert (kept.recipients, kept.arguments) == (["b@example.com"], {"a": 1})
    assert found(engine, other).status == Status.QUEUED


def test_an_uncounted_attempt_is_given_back(engine: Engine, claims: Claims, row: Put) -> None:
    number = row(failures=3)
    waiting = Settlement(claimed(claims), Status.DEFERRED, "", NOW, due_at=NOW, uncounted=True)
    assert claims.settle(waiting)
    assert (found(engine, number).failures, found(engine, number).attempts) == (3, 1)


@pytest.mark.parametrize("meanwhile", ["taken over", *ENDED])
def test_a_lost_claim_changes_nothing(
    engine: Engine, claims: Claims, row: Put, meanwhile: str
) -> None:
    number = row()
    stale = claimed(claims)
    if meanwhile == "taken over":
        claimed(claims, NOW + LEASE)
    else:
        with engine.begin() as connection:
            connection.execute(text("UPDATE outbox SET status = :status"), {"status": meanwhile})
    before = found(engine, number)
    assert not claims.settle(Settlement(stale, Status.DEAD, "late", NOW, due_at=NOW + 5))
    assert not claims.renew(stale, until=NOW + 5000)
    after = found(engine, number)
    assert (after.status, after.due_at, after.answer, after.history) == (
        before.status,
        before.due_at,
        before.answer,
        before.history,
    )


def test_a_lease_is_renewed_for_its_row_alone(engine: Engine, claims: Claims, row: Put) -> None:
    numbers = [row(), row()]
    taken = [claimed(claims) for _ in numbers]
    assert claims.renew(taken[0], until=NOW + 100)
    due = [found(engine, claim.id).due_at for claim in taken]
    assert due == [NOW + 100, NOW + LEASE]


def test_settling_and_claiming_are_one_transaction(
    engine: Engine, claims: Claims, row: Put
) -> None:
    first, second = row(due_at=NOW - 1), row()
    assert claims.settle_and_claim(None, HIGH_ONLY, now=NOW) == (True, None)
    claim = claimed(claims)
    assert claim.id == first
    ours, next_one = claims.settle_and_claim(
        Settlement(claim, Status.SENT, "250 Ok", NOW), ALL_PRIORITIES, now=NOW
    )
    assert next_one is not None
    assert (ours, next_one.id) == (True, second)
    stale = Settlement(claim, Status.DEAD, "late", NOW)
    assert claims.settle_and_claim(stale, ALL_PRIORITIES, now=NOW) == (False, None)
    assert found(engine, first).status == Status.SENT


# What waits


def test_the_next_due_time_is_the_earliest_of_waiting_rows(claims: Claims, row: Put) -> None:
    row(due_at=NOW - 60, status=Status.SENT)
    row(due_at=NOW - 50, waits_for="example.com")
    assert claims.next_due() is None
    for due_at, lane in [
        (9, Priority.NORMAL),
        (5, Priority.LOW),
        (7, Priority.LOW),
        (3, Priority.HIGH),
    ]:
        row(due_at=NOW + due_at, lane=lane)
    assert claims.next_due() == NOW + 3
    claims.claim(ALL_PRIORITIES, now=NOW + 3)
    assert claims.next_due() == NOW + 5


def test_without_limits_no_row_stays_rate_limited(engine: Engine, claims: Claims, row: Put) -> None:
    row(waits_for="example.com", status=Status.SENT)
    assert not claims.refresh_rate_limited()
    waiting = [row(waits_for=domain) for domain in ("example.com", "example.org")]
    assert claims.refresh_rate_limited()
    assert [found(engine, number).waits_for for number in waiting] == ["", ""]
    assert not claims.refresh_rate_limited()
