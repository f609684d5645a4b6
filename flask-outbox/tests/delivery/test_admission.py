"""Admission and suppressed addresses, row by row: exact times and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox.delivery.admission import admit
from flask_outbox.delivery.claims import Claim
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.limits import RecipientLimit
from flask_outbox.outbox.models import OutboxMessage
from tests.delivery.bare_outbox import NOW, bare_engine, put

SUSAN = "susan@example.com"
RESET = "reset"
THREE = RecipientLimit(messages=3, seconds=900.0)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_engine(tmp_path) as engine, Session(engine) as made:
        yield made


def kept_admission(session: Session, claim: Claim) -> float | None:
    return session.scalar(select(OutboxMessage.admitted_at).where(OutboxMessage.id == claim.id))


def message(
    session: Session,
    *,
    key: str = SUSAN,
    kind: str = RESET,
    admitted_at: float | None = None,
) -> Claim:
    number = put(session, recipient_key=key, kind=kind, admitted_at=admitted_at)
    return Claim(
        number, kind, key, key, "en", {}, None, "<any@example.com>", NOW, None, None, 1, 1, [], None
    )


@pytest.mark.parametrize(
    ("others", "let_through"),
    [
        ([], True),
        ([{"admitted_at": NOW}] * 2, True),
        ([{"admitted_at": NOW}] * 3, False),
        ([{"admitted_at": NOW - 899}] * 3, False),
        ([{"admitted_at": NOW}] * 2 + [{"admitted_at": NOW - 900}], True),
        ([{"admitted_at": NOW}] * 2 + [{"admitted_at": None}], True),
        ([{"admitted_at": NOW}] * 2 + [{"admitted_at": NOW, "key": "john@example.com"}], True),
        ([{"admitted_at": NOW}] * 2 + [{"admitted_at": NOW, "kind": "another"}], True),
    ],
)
def test_the_limit_counts_admitted_messages_of_the_type_to_the_address_in_the_time(
    session: Session, others: list[dict[str, object]], let_through: bool
) -> None:
    for other in others:
        message(session, **other)  # type: ignore[arg-type]
    assert RecipientLimit() == THREE, "where nothing else is said"
    claim = message(session)
    assert admit(session, claim, THREE, now=NOW) is let_through
    assert kept_admission(session, claim) == (NOW if let_through else None)


def test_an_admitted_message_stays_admitted_and_counts_from_then(session: Session) -> None:
    claim = message(session, admitted_at=NOW - 800)
    for _ in range(3):
        message(session, admitted_at=NOW)
    assert admit(session, claim, THREE, now=NOW)
    assert kept_admission(session, claim) == NOW - 800
    assert not admit(session, replace(claim, id=10_000), THREE, now=NOW), "there is no such row"


def test_a_repeated_suppression_has_its_new_date_and_answer(session: Session) -> None:
    """It also becomes the newest in the list of suppressed addresses."""
    suppressions.suppress(session, [(SUSAN, "550 5.1.1 first")], now=NOW)
    suppressions.suppress(session, [("john@example.com", "550 5.1.1 other")], now=NOW + 1)
    listed = [one.address_key for one in suppressions.suppressions(session)]
    assert listed == ["john@example.com", SUSAN]
    suppressions.suppress(session, [("Susan@Example.com", "550 5.1.10 second")], now=NOW + 2)
    session.expire_all()
    found = suppressions.suppression(session, SUSAN)
    assert found is not None
    assert (found.reason, found.since) == ("550 5.1.10 second", NOW + 2)
    listed = [one.address_key for one in suppressions.suppressions(session)]
    assert listed == [SUSAN, "john@example.com"]


def test_suppressed_addresses_are_found_and_lifted_one_by_one(session: Session) -> None:
    keys = ["a_b@example.com", "anna@example.com", "axb@example.com", "zoe@example.org"]
    suppressions.suppress(session, [(key, "550 5.1.1 no") for key in reversed(keys)], now=NOW)

    def search(part: str, **more: object) -> list[str]:
        found = suppressions.search_suppressions(session, part, **more)  # type: ignore[arg-type]
        return [one.address_key for one in found]

    assert search("") == keys
    assert search("EXAMPLE.com") == keys[:3]
    assert search("a_b") == keys[:1], "an underscore is no wildcard"
    assert search("%") == []
    assert search("", after=keys[0], count=2) == keys[1:3]
    assert search("a", after=keys[2]) == keys[3:]
    one = suppressions.suppressions(session, keys[1])
    assert [found.address_key for found in one] == [keys[1]]
    assert suppressions.lift_suppression(session, keys[1])
    session.flush()
    assert not suppressions.lift_suppression(session, keys[1])
    assert search("") == [keys[0], *keys[2:]]


@pytest.mark.parametrize("code", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"])
def test_each_of_the_codes_suppresses_an_address_wherever_it_stands(code: str) -> None:
    assert suppressions.condemns_address(f"550 {code} No")
    assert suppressions.condemns_address(f"550-{code} No such user")
    assert not suppressions.condemns_address(f"550 {code}1 No")
    assert not suppressions.condemns_address(f"550 {code.replace('.', 'x')} No")
