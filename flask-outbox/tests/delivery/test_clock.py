"""What waits when the wall clock is set back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox.delivery import clock as clock_module
from flask_outbox.delivery.clock import ClaimPause, ClockWatch, make_due_again
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import OutboxMessage, RateSlot, Status
from flask_outbox.outbox.rate_limits import parse_rate_limits
from tests.databases import engine_of
from tests.delivery.bare_outbox import NOW, bare_engine, put

LEASE = 20.0
LATER = NOW + 3600
ALL = range(Priority.HIGH, Priority.LOW + 1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_engine(tmp_path) as engine, Session(engine) as made:
        yield made


@pytest.mark.parametrize(
    ("columns", "due"),
    [
        ({"created_at": LATER, "due_at": LATER}, True),
        ({"created_at": LATER, "due_at": LATER + 60, "status": Status.DEFERRED}, True),
        ({"created_at": LATER, "due_at": NOW + 20}, False),
        ({"created_at": LATER, "due_at": LATER, "send_at": LATER}, False),
        ({"created_at": NOW - 9, "due_at": LATER}, False),
        ({"created_at": LATER, "due_at": LATER, "status": Status.SENT}, False),
    ],
    ids=["new", "for another attempt", "leased", "for later", "from before", "ended"],
)
def test_what_was_enqueued_later_than_now_is_due(
    session: Session, columns: dict[str, object], due: bool
) -> None:
    row_id = put(session, **columns)
    assert make_due_again(session, now=NOW, lease=LEASE) == due
    row = session.get(OutboxMessage, row_id, populate_existing=True)
    assert row is not None
    assert row.due_at == (NOW if due else columns["due_at"])


@pytest.mark.parametrize("name", ["* 60", "* 60 prompt", "server relay 60"])
def test_what_a_limit_let_leave_counts_for_as_long_as_it_does(session: Session, name: str) -> None:
    for number, free_at in enumerate((NOW + 30, NOW + 80, LATER)):
        session.add(RateSlot(name=name, number=number, free_at=free_at, uses=1))
    make_due_again(session, now=NOW, lease=LEASE)
    ordered = select(RateSlot.free_at).order_by(RateSlot.number)
    assert session.scalars(ordered).all() == [NOW + 30, NOW + 80, NOW + 60]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_server_with_the_right_time_is_believed(database_url: str) -> None:
    """Another machine's rows are of now: only this one's clock was set back."""
    now = time.time()
    engine = engine_of(database_url)
    with Session(engine) as session:
        put(session, created_at=now, due_at=now + 60)
        assert make_due_again(session, now=now - 3600, lease=LEASE) == 0
        put(session, created_at=now + 3600, due_at=now + 3600)
        assert make_due_again(session, now=now, lease=LEASE) == 1
    engine.dispose()


def test_a_limit_that_was_reached_before_the_clock_was_set_back_is_asked_again() -> None:
    pacing = Pacing(parse_rate_limits("1/minute"))
    pacing.close(urgent=True, until=LATER + 1, now=LATER)
    pacing.limit_domain("example.com", urgent=False, until=LATER + 1, now=LATER)
    assert list(pacing.open_lanes(ALL, LATER)) == []
    assert pacing.opens_in(ALL, LATER) == 1
    assert pacing.open_lanes(ALL, NOW) == ALL
    assert pacing.opens_in(ALL, NOW) == 0
    assert not pacing.is_limited("example.com", urgent=False, now=NOW)
    assert [domain for domain, _lanes in pacing.open_domains(ALL, NOW)] == ["example.com"]


class Clocks:
    """Both clocks of a process, as the module reads them."""

    def __init__(self) -> None:
        self.wall, self.steady, self.stop = NOW, 0.0, 0.0

    def time(self) -> float:
        self.steady += self.stop
        return self.wall

    def monotonic(self) -> float:
        return self.steady

    def go(self, seconds: float, *, steady: float | None = None) -> None:
        self.wall += seconds
        self.steady += seconds if steady is None else steady


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(clock_module, "time", made)
    return made


def test_a_watch_tells_once_by_how_much_the_clock_was_set(clocks: Clocks) -> None:
    watch = ClockWatch()
    clocks.go(600)
    assert watch.moved() == 0
    clocks.go(3601, steady=1)
    assert watch.moved() == 3600
    clocks.go(-3599, steady=1)
    assert (watch.moved(), watch.moved()) == (-3600, 0)
    clocks.go(0, steady=1)
    assert watch.moved() == 0, "a leap second"


def test_a_process_that_was_stopped_while_it_looked_has_seen_nothing(clocks: Clocks) -> None:
    watch = ClockWatch()
    clocks.stop = 60
    assert watch.moved() == 0
    clocks.stop, clocks.wall = 0, clocks.wall + 60
    assert watch.moved() == 0


def test_nothing_is_claimed_until_all_have_renewed_their_leases(clocks: Clocks) -> None:
    pause = ClaimPause()
    assert not pause.lasts()
    clocks.go(-3600, steady=1)
    assert not pause.lasts(), "set back, no lease is over"
    clocks.go(3600, steady=1)
    assert pause.lasts()
    clocks.go(2)
    assert pause.lasts()
    clocks.go(2)
    assert not pause.lasts()
