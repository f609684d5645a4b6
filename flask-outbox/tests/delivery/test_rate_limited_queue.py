"""Which message is next, claim by claim: each process has its own hints, and time is a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import Session

from flask_outbox import Priority
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, HIGH_ONLY
from flask_outbox.delivery.pacing import (
    DOMAINS_AT_ONCE,
    HINT_SECONDS,
    SHORTEST_WAIT_SECONDS,
    Pacing,
)
from flask_outbox.delivery.raw_sql import PersistentConnection
from flask_outbox.delivery.slots import (
    EVERYTHING,
    FORGET_AFTER_SECONDS,
    NoSlotError,
    Slot,
    Slots,
    forget_slots,
)
from flask_outbox.outbox.models import OutboxMessage, RateSlot, Status
from flask_outbox.outbox.rate_limits import RateLimit, parse_rate_limits
from tests.delivery.bare_outbox import NOW, bare_engine, put
from tests.waiting import eventually

LEASE = 20.0

GMAIL, OTHER = "gmail.com", "example.com"
MANY = [f"domain{number:02}.example" for number in range(DOMAINS_AT_ONCE + 3)]
OTHERS_LANES = range(Priority.NORMAL, Priority.LOW + 1)

Make = Callable[..., Claims]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with bare_engine(tmp_path) as made:
        yield made


@pytest.fixture
def process(engine: Engine) -> Iterator[Make]:
    """A function that makes the claims of a new process, with limits: overall, by domain."""
    made: list[Claims] = []

    def make(*limits: str | None) -> Claims:
        made.append(Claims(engine, lease=LEASE, pacing=Pacing(parse_rate_limits(*limits))))
        return made[-1]

    yield make
    for claims in made:
        claims.close()


def post(
    engine: Engine, lane: Priority, *domains: str, due_at: float = NOW, waits_for: str = ""
) -> list[int]:
    """Enqueue a message to each domain, each due a little later; return their ids."""
    numbers = []
    with Session(engine) as session:
        for place, domain in enumerate(domains):
            key, due = f"person@{domain}", due_at + place / 1000
            numbers.append(
                put(session, lane=lane, recipient_key=key, due_at=due, waits_for=waits_for)
            )
        session.commit()
    return numbers


def number(claim: Claim | None) -> int | None:
    return claim.id if claim else None


def all_claimed(claims: Claims, priorities: range, now: float) -> list[int]:
    """Claim everything that may leave now; return the ids."""
    return [claim.id for claim in iter(lambda: claims.claim(priorities, now=now), None)]


def all_sent(claims: Claims, priorities: range, now: float) -> list[int]:
    """Send everything that may leave now; return the ids."""
    sent: list[int] = []
    settlement: Settlement | None = None
    while True:
        _, claim = claims.settle_and_claim(settlement, priorities, now=now)
        if claim is None:
            return sent
        sent.append(claim.id)
        settlement = Settlement(claim, Status.SENT, "", now, reached_server=True)


def waits_for(engine: Engine) -> dict[int, str]:
    with Session(engine) as session:
        found = select(OutboxMessage.id, OutboxMessage.waits_for)
        return {row[0]: row[1] for row in session.execute(found)}


def opens_in(claims: Claims, priorities: range, now: float) -> float:
    assert claims._queue is not None
    return claims._queue._pacing.opens_in(priorities, now)


# What holds up nothing


@pytest.mark.parametrize("waiting", ["", OTHER])
def test_urgent_mail_that_waits_for_its_next_attempt_blocks_nothing(
    engine: Engine, process: Make, waiting: str
) -> None:
    """Whether it was marked as rate-limited before or not."""
    claims = process(None, "*=5/second")
    (later,) = post(engine, Priority.HIGH, OTHER, due_at=NOW + 10, waits_for=waiting)
    (due,) = post(engine, Priority.NORMAL, GMAIL)
    claims.refresh_rate_limited()
    assert number(claims.claim(ALL_PRIORITIES, now=NOW)) == due
    assert claims.claim(ALL_PRIORITIES, now=NOW + 9) is None
    claims.refresh_rate_limited()
    assert number(claims.claim(ALL_PRIORITIES, now=NOW + 10)) == later


def test_only_due_rows_of_the_priority_and_domain_are_marked_as_rate_limited(
    engine: Engine, process: Make
) -> None:
    claims = process(None, f"{GMAIL}=1/10seconds")
    first, second = post(engine, Priority.HIGH, GMAIL, GMAIL, due_at=NOW - 2)
    later = post(engine, Priority.HIGH, GMAIL, due_at=NOW + 5)
    now = post(engine, Priority.HIGH, GMAIL, due_at=NOW)
    ends_alike = post(engine, Priority.HIGH, f"not-{GMAIL}")
    others = post(engine, Priority.LOW, GMAIL)
    assert all_sent(claims, HIGH_ONLY, NOW) == [first, *ends_alike]
    aside = {key for key, domain in waits_for(engine).items() if domain}
    assert aside == {second, *now}
    # All of it leaves, although nothing checks the rate-limited rows.
    turns = [all_sent(claims, ALL_PRIORITIES, NOW + 10 * turn) for turn in range(1, 6)]
    assert turns == [[second], now, later, others, []]


def test_urgent_mail_is_found_however_many_domains_are_rate_limited(
    engine: Engine, process: Make
) -> None:
    """More domains than are queried at once; the one with urgent mail is the last."""
    claims = process(None, "*=1/second")
    for domain in MANY:
        post(engine, Priority.LOW, domain, due_at=NOW - 9, waits_for=domain)
    (urgent,) = post(engine, Priority.HIGH, MANY[-1], waits_for=MANY[-1])
    claims.refresh_rate_limited()
    assert number(claims.claim(ALL_PRIORITIES, now=NOW)) == urgent
    assert len(all_claimed(claims, ALL_PRIORITIES, NOW)) == len(MANY) - 1


def test_domains_without_rate_limited_rows_do_not_stop_the_search(
    engine: Engine, process: Make
) -> None:
    """As many as are queried at once, since another process was faster; there is one more."""
    first, second = process(None, "*=1/second"), process(None, "*=1/second")
    rows = [post(engine, Priority.NORMAL, domain, waits_for=domain)[0] for domain in MANY]
    first.refresh_rate_limited()
    for row in rows[:DOMAINS_AT_ONCE]:
        assert second.claim_one(row, now=NOW)
    assert number(first.claim(ALL_PRIORITIES, now=NOW)) == rows[DOMAINS_AT_ONCE]


def test_known_rate_limited_domains_are_no_news(engine: Engine, process: Make) -> None:
    """Otherwise the threads of a dispatcher would be woken in vain once a second."""
    claims = process(None, f"{GMAIL}=1/minute")
    post(engine, Priority.NORMAL, GMAIL, GMAIL)
    assert len(all_claimed(claims, ALL_PRIORITIES, NOW)) == 1
    assert not claims.refresh_rate_limited()
    for later in range(1, 9):
        assert claims.claim(ALL_PRIORITIES, now=NOW + later) is None
        assert not claims.refresh_rate_limited()
    other = process(None, f"{GMAIL}=1/minute")
    assert [other.refresh_rate_limited(), other.refresh_rate_limited()] == [True, False]


def test_each_domain_is_known_as_long_as_it_has_rate_limited_rows(
    engine: Engine, process: Make
) -> None:
    claims = process(None, "*=1/minute")
    pacing = claims._queue._pacing if claims._queue else None
    assert pacing is not None
    for lane, domain in [
        (Priority.HIGH, "urgent.example"),
        (Priority.NORMAL, "normal.example"),
        (Priority.LOW, "bulk.example"),
        (Priority.HIGH, "both.example"),
        (Priority.LOW, "both.example"),
        (Priority.NORMAL, "ended.example"),
        (Priority.HIGH, "normal.example"),
        (Priority.LOW, "urgent.example"),
    ]:
        post(engine, lane, domain, waits_for=domain)
    with engine.begin() as connection:
        # The last three were cancelled: their domains are not rate-limited any more.
        ended = "UPDATE outbox SET status = 'cancelled' WHERE id > 5"
        connection.exec_driver_sql(ended)
    assert claims.refresh_rate_limited()
    assert pacing.open_domains(ALL_PRIORITIES, NOW) == [
        ("both.example", HIGH_ONLY),
        ("urgent.example", HIGH_ONLY),
        ("both.example", OTHERS_LANES),
        ("bulk.example", OTHERS_LANES),
        ("normal.example", OTHERS_LANES),
    ]


# A process that was thought dead


@pytest.mark.parametrize("late", ["discards", "sends", "puts off", "renews"])
def test_a_slow_claimant_frees_no_slot_that_others_use_since(
    engine: Engine, process: Make, late: str
) -> None:
    slow, next_one = process("1/10seconds"), process("1/10seconds")
    post(engine, Priority.NORMAL, OTHER, OTHER, OTHER)
    claim = slow.claim(ALL_PRIORITIES, now=NOW)
    assert claim is not None
    now = NOW + LEASE + 10
    assert next_one.claim(ALL_PRIORITIES, now=now - 0.1) is None
    assert next_one.claim(ALL_PRIORITIES, now=now + 1) is not None
    at = now + 1.5
    if late == "discards":
        slow.settle(Settlement(claim, Status.DISCARDED, "", at))
    elif late == "sends":
        slow.settle(Settlement(claim, Status.SENT, "", at, reached_server=True))
    elif late == "puts off":
        slow.settle(Settlement(claim, Status.DEFERRED, "", at, due_at=at))
    else:
        slow.renew(claim, until=at + LEASE)
    until = now + 1 + LEASE + 10
    assert process("1/10seconds").claim(ALL_PRIORITIES, now=until - 0.1) is None
    assert process("1/10seconds").claim(ALL_PRIORITIES, now=until) is not None


# When it is worth asking again

UNTIL = NOW + 0.5
HELD = [("close", True), ("close", False), (GMAIL, True), (GMAIL, False)]


@pytest.mark.parametrize("priorities", [HIGH_ONLY, OTHERS_LANES, ALL_PRIORITIES])
@pytest.mark.parametrize("what", [*HELD, None])
def test_the_next_query_is_when_a_slot_may_be_free_and_never_in_the_past(
    priorities: range, what: tuple[str, bool] | None
) -> None:
    pacing = Pacing(parse_rate_limits("1/second"))
    if what is not None:
        name, urgent = what
        if name == "close":
            pacing.close(urgent=urgent, until=UNTIL, now=NOW)
        else:
            pacing.limit_domain(name, urgent=urgent, until=UNTIL, now=NOW)
    concerns = what is not None and (
        (what[1] and (Priority.HIGH in priorities or what[0] == "close"))
        or (not what[1] and Priority.LOW in priorities)
    )
    waits = [pacing.opens_in(priorities, now) for now in (NOW, UNTIL - 0.125, UNTIL, UNTIL + 9)]
    closes = what is not None and what[0] == "close"
    if not concerns:
        assert waits == [math.inf] * 4
    elif closes:
        assert waits == [0.5, 0.125, math.inf, math.inf]
    else:
        assert waits == [0.5, 0.125, 0.0, 0.0]


@pytest.mark.parametrize(
    ("until", "trusted"),
    [
        (NOW - 5, SHORTEST_WAIT_SECONDS),
        (NOW, SHORTEST_WAIT_SECONDS),
        (NOW + 0.5, 0.5),
        (NOW + 3600, HINT_SECONDS),
    ],
)
def test_a_hint_is_trusted_neither_for_ever_nor_for_no_time_at_all(
    until: float, trusted: float
) -> None:
    for name in ("close", GMAIL):
        pacing = Pacing(parse_rate_limits("1/second"))
        if name == "close":
            pacing.close(urgent=True, until=until, now=NOW)
        else:
            pacing.limit_domain(name, urgent=True, until=until, now=NOW)
        assert pacing.opens_in(ALL_PRIORITIES, NOW) == pytest.approx(trusted, abs=1e-5)


def test_while_the_overall_limit_is_reached_no_domain_is_queried() -> None:
    pacing = Pacing(parse_rate_limits("1/second"))
    pacing.limit_domain(GMAIL, urgent=True, until=NOW + 0.2, now=NOW)
    pacing.limit_domain(GMAIL, urgent=False, until=NOW + 0.1, now=NOW)
    pacing.close(urgent=False, until=NOW + 0.5, now=NOW)
    assert pacing.opens_in(ALL_PRIORITIES, NOW) == pytest.approx(0.2)
    assert pacing.open_lanes(ALL_PRIORITIES, NOW) == HIGH_ONLY
    assert pacing.opens_in(OTHERS_LANES, NOW) == pytest.approx(0.5)
    assert not pacing.open_lanes(OTHERS_LANES, NOW)
    pacing.close(urgent=True, until=NOW + 0.7, now=NOW)
    assert pacing.opens_in(ALL_PRIORITIES, NOW) == pytest.approx(0.7)
    assert not pacing.open_lanes(ALL_PRIORITIES, NOW)
    assert pacing.open_lanes(ALL_PRIORITIES, NOW + 0.7) == ALL_PRIORITIES


@pytest.mark.parametrize("scope", [EVERYTHING, GMAIL])
def test_released_slots_open_their_own_limit_alone(scope: str) -> None:
    pacing = Pacing(parse_rate_limits("1/second"))
    pacing.close(urgent=True, until=NOW + 0.5, now=NOW)
    for domain in (GMAIL, OTHER):
        for urgent in (True, False):
            pacing.limit_domain(domain, urgent=urgent, until=NOW + 0.5, now=NOW)
    pacing.reopen([Slot(scope, "any", 0, 1, 1), Slot("never.example", "any", 0, 1, 1)])
    opened = ALL_PRIORITIES if scope == EVERYTHING else range(0)
    assert pacing.open_lanes(ALL_PRIORITIES, NOW) == opened
    closed = {
        (domain, urgent)
        for domain in (GMAIL, OTHER, "never.example")
        for urgent in (True, False)
        if pacing.is_limited(domain, urgent=urgent, now=NOW)
    }
    kept = {GMAIL, OTHER} - {scope}
    assert closed == {(domain, urgent) for domain in kept for urgent in (True, False)}


def test_domains_with_urgent_mail_and_the_longest_wait_are_queried_first() -> None:
    pacing = Pacing(parse_rate_limits(None, "*=1/second"))
    for place, domain in enumerate(MANY):
        pacing.limit_domain(domain, urgent=False, until=NOW + 0.9 - place / 100, now=NOW)
    pacing.limit_domain("b.example", urgent=True, until=NOW + 1, now=NOW)
    pacing.limit_domain("a.example", urgent=True, until=NOW + 1, now=NOW)
    pacing.limit_domain("later.example", urgent=True, until=NOW + 2, now=NOW + 1)
    longest_first = [(domain, OTHERS_LANES) for domain in reversed(MANY)]
    urgent = [("a.example", HIGH_ONLY), ("b.example", HIGH_ONLY)]
    assert (
        pacing.open_domains(ALL_PRIORITIES, NOW + 1) == [*urgent, *longest_first][:DOMAINS_AT_ONCE]
    )
    assert pacing.open_domains(HIGH_ONLY, NOW + 1) == urgent
    assert pacing.open_domains(OTHERS_LANES, NOW + 1) == longest_first[:DOMAINS_AT_ONCE]
    assert pacing.open_domains(range(Priority.LOW, Priority.LOW + 1), NOW + 0.68) == [
        (MANY[-1], range(Priority.LOW, Priority.LOW + 1))
    ]
    assert pacing.open_domains(ALL_PRIORITIES, NOW) == []


# Slots


def take(
    engine: Engine, limit: RateLimit, *, urgent: bool, now: float, scope: str = OTHER
) -> list[Slot]:
    kept = PersistentConnection(engine)
    try:
        with kept.transaction() as cursor:
            slots = Slots(engine.dialect)
            return slots.take(cursor, scope, [limit], urgent=urgent, now=now, until=now)
    finally:
        kept.close()


@pytest.mark.parametrize(
    ("limit", "taken", "urgent", "until", "for_all"),
    [
        # By the second nothing is kept back, so that nobody has a slot before the first is free.
        (RateLimit(2, 10), [(0.0, False), (4.0, True)], False, 10.0, True),
        (RateLimit(2, 10), [(0.0, False), (4.0, True)], True, 10.0, True),
        # By the minute, one of these three is kept for what is urgent.
        (RateLimit(3, 60), [(0.0, False), (4.0, False)], False, 60.0, False),
        (RateLimit(3, 60), [(0.0, True), (4.0, True), (8.0, True)], False, 60.0, False),
        (RateLimit(3, 60), [(0.0, False), (4.0, False), (8.0, True)], True, 60.0, True),
        (RateLimit(2, 60), [(0.0, True), (4.0, True)], True, 60.0, True),
        (RateLimit(2, 60), [(0.0, True)], False, 60.0, False),
    ],
)
def test_a_reached_limit_is_known_with_its_end_and_its_scope(
    engine: Engine,
    limit: RateLimit,
    taken: list[tuple[float, bool]],
    urgent: bool,
    until: float,
    for_all: bool,
) -> None:
    for after, is_urgent in taken:
        assert len(take(engine, limit, urgent=is_urgent, now=NOW + after)) == 1
    with pytest.raises(NoSlotError) as reached:
        take(engine, limit, urgent=urgent, now=NOW + 9)
    assert (reached.value.until - NOW, reached.value.for_all) == (until, for_all)
    assert len(take(engine, limit, urgent=urgent, now=NOW + until)) == 1


def test_the_time_for_urgent_mail_considers_all_slots_it_may_use(
    engine: Engine,
) -> None:
    limit = RateLimit(2, 60)
    (ordinary,) = take(engine, limit, urgent=True, now=NOW)
    (kept,) = take(engine, limit, urgent=True, now=NOW)
    assert ordinary.name != kept.name
    renewed = PersistentConnection(engine)
    with renewed.transaction() as cursor:
        Slots(engine.dialect).keep(cursor, [ordinary], until=NOW + 5)
    renewed.close()
    with pytest.raises(NoSlotError) as reached:
        take(engine, limit, urgent=True, now=NOW + 9)
    assert reached.value.until == NOW + 60


def test_slots_beyond_a_lowered_limit_are_not_waited_for(engine: Engine) -> None:
    """They are free sooner, but must not be used: a claim would fail."""
    first = [take(engine, RateLimit(4, 10), urgent=False, now=NOW)[0] for _ in range(4)]
    assert [slot.number for slot in first] == [0, 1, 2, 3]
    kept = PersistentConnection(engine)
    with kept.transaction() as cursor:
        Slots(engine.dialect).keep(cursor, first[:1], until=NOW + 8)
        Slots(engine.dialect).keep(cursor, first[1:2], until=NOW + 5)
        Slots(engine.dialect).keep(cursor, first[2:3], until=NOW - 1)
        Slots(engine.dialect).give_back(cursor, first[3:], now=NOW)
    kept.close()
    with pytest.raises(NoSlotError) as reached:
        take(engine, RateLimit(2, 10), urgent=False, now=NOW + 12)
    assert reached.value.until == NOW + 15


def test_the_slots_of_another_limit_are_not_considered(engine: Engine) -> None:
    """Neither for a free one, nor for the time until when they are in use."""
    limit = RateLimit(2, 10)
    for after in (0, 1):
        take(engine, limit, urgent=False, now=NOW + after)
    take(engine, limit, urgent=False, now=NOW - 5, scope=GMAIL)
    take(engine, RateLimit(2, 30), urgent=False, now=NOW - 35)
    with pytest.raises(NoSlotError) as reached:
        take(engine, limit, urgent=False, now=NOW + 6)
    assert reached.value.until == NOW + 10
    (free,) = take(engine, limit, urgent=False, now=NOW + 10)
    assert free.number == 0
    (other,) = take(engine, limit, urgent=False, now=NOW + 10, scope=GMAIL)
    assert (other.number, other.uses) == (0, 2)


def test_of_several_limits_all_have_a_slot_or_none_is_taken(engine: Engine, process: Make) -> None:
    claims = process("9/second, 1/10seconds", f"{GMAIL}=9/second, {GMAIL}=1/20seconds")
    post(engine, Priority.NORMAL, GMAIL, GMAIL, GMAIL, due_at=NOW - 1)
    assert claims.claim(ALL_PRIORITIES, now=NOW) is not None
    assert claims.claim(ALL_PRIORITIES, now=NOW + 1) is None
    post(engine, Priority.NORMAL, OTHER, due_at=NOW - 1)
    in_use = [slot for slot in slots(engine) if slot[1] > NOW + 1]
    assert sorted(name for name, _ in in_use) == [
        "* 1",
        "* 10",
        f"{GMAIL} 1",
        f"{GMAIL} 20",
    ], "each once, by the first message"


def slots(engine: Engine) -> list[tuple[str, float]]:
    with Session(engine) as session:
        return [(one.name, one.free_at) for one in session.scalars(select(RateSlot))]


def test_slots_are_deleted_after_a_day_and_all_of_a_limit_at_once(engine: Engine) -> None:
    for after in (0.0, 5.0):
        take(engine, RateLimit(2, 10), urgent=False, now=NOW + after)
    for after, left in ((14, 2), (16, 0)):
        assert forget(engine, NOW + FORGET_AFTER_SECONDS + after) is False
        assert len(slots(engine)) == left


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_slot_that_is_taken_while_old_ones_are_deleted_stays(database_url: str) -> None:
    """The deletion found it old, and waits for the row, which is in use again since."""
    engine = create_engine(database_url)
    take(engine, RateLimit(1, 10), urgent=False, now=NOW)
    later = NOW + FORGET_AFTER_SECONDS + 60
    kept = PersistentConnection(engine)
    with ThreadPool(1) as pool:
        with kept.transaction() as cursor:
            slots_of = Slots(engine.dialect)
            limit = [RateLimit(1, 10)]
            slots_of.take(cursor, OTHER, limit, urgent=False, now=later, until=later)
            forgetting = pool.apply_async(forget, (engine, later))
            assert eventually(lambda: a_row_waits(engine))
        forgetting.get(30)
    assert slots(engine) == [(f"{OTHER} 10", later + 10)]
    kept.close()
    engine.dispose()


def a_row_waits(engine: Engine) -> bool:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with engine.connect() as connection:
        return bool(connection.exec_driver_sql(waiting).scalar())


def forget(engine: Engine, now: float) -> bool:
    with Session(engine) as session:
        more = forget_slots(session, now)
        session.commit()
        return more
