"""Which message is next under rate limits: the real dispatcher, with a clock that tests move."""

from __future__ import annotations

import re
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.ctx import AppContext
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from flask_outbox import (
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Priority,
    current_outbox,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.claims import Claim, Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES, LEASE_SECONDS, Dispatcher
from flask_outbox.delivery.pacing import Pacing
from flask_outbox.delivery.raw_sql import Statement
from flask_outbox.delivery.slots import forget_slots
from flask_outbox.operations import messages
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage, RateSlot, Status
from flask_outbox.outbox.rate_limits import parse_rate_limits
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer

BULK, NORMAL, FAST_RETRY, NOBODY, SHORT = "bulk", "normal", "prompt", "nobody", "short"

Make = Callable[..., Dispatcher]


class Clock:
    """The outbox's clock, which stands still until it is moved."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(app_context: AppContext) -> Clock:
    outbox = current_outbox()
    for name, lane in (
        (BULK, Priority.LOW),
        (NORMAL, Priority.NORMAL),
        (FAST_RETRY, Priority.HIGH),
    ):
        outbox.register(EmailType(name, compose, priority=lane))
    outbox.register(EmailType(NOBODY, lambda _session, _context: Discard("nobody is there")))
    outbox.register(EmailType(SHORT, compose, expires_after=timedelta(seconds=30)))
    outbox.clock = made = Clock()
    return made


def compose(_session: Session, context: ComposeContext) -> Email | Discard:
    return Email(str(context.arguments["number"]), "text", to=(context.recipient,))


@pytest.fixture
def paced(app: Flask) -> Make:
    """A function that makes a dispatcher with these limits: overall, by domain."""

    def make(overall: str | None = None, by_domain: str | None = None) -> Dispatcher:
        outbox = current_outbox()
        limits = parse_rate_limits(overall, by_domain)
        outbox.delivery = replace(outbox.delivery, rate_limits=limits)
        return make_dispatcher(app)

    return make


def post(clock: Clock, kind: str, *domains: str, count: int = 1) -> None:
    """Enqueue messages to these domains in turn, each a little younger than the one before."""
    with transaction() as session:
        for number in range(count):
            for domain in domains:
                clock.forward(0.001)
                address = f"person{number}@{domain}"
                current_outbox().enqueue(session, kind, address, arguments={"number": number})


def taken(smtp: ScriptedServer) -> list[str]:
    """The domain of each message that the server took, and its number there."""
    received = [(one.recipients[0].partition("@")[2], one.message) for one in smtp.received]
    return [f"{domain} {message['Subject']}" for domain, message in received]


def waiting() -> list[OutboxMessage]:
    with db.sessionmaker() as session:
        found = select(OutboxMessage).where(OutboxMessage.settled_at.is_(None))
        return list(session.scalars(found.order_by(OutboxMessage.id)))


def claim(dispatcher: Dispatcher) -> Claim | None:
    """Claim a row and die, as a killed process would."""
    engine = dispatcher.outbox.engine
    with closing(Claims(engine, lease=LEASE_SECONDS, pacing=dispatcher.pacing)) as claims:
        return claims.claim(ALL_PRIORITIES, now=dispatcher.outbox.clock())


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts the statements on the driver's connection, by their first words."""
    count: Counter[str] = Counter()
    run = Statement.run

    def counted(statement: Statement, cursor: Any, values: dict[str, Any]) -> Any:
        count[" ".join(statement._sql.split()[:2])] += 1
        return run(statement, cursor, values)

    with monkeypatch.context() as patch:
        patch.setattr(Statement, "run", counted)
        yield count


# Limits on everything


def test_no_more_than_the_limit_leaves_in_its_time_and_no_attempt_is_spent_waiting(
    paced: Make, clock: Clock, smtp: ScriptedServer, app: Flask
) -> None:
    dispatcher = paced("2/second")
    post(clock, NORMAL, "example.com", count=5)
    handled = []
    for _ in range(4):
        handled += [dispatcher.drain(), dispatcher.drain()]
        clock.forward(1)
    assert handled == [2, 0, 2, 0, 1, 0, 0, 0]
    assert taken(smtp) == [f"example.com {number}" for number in range(5)]
    assert {(row.attempts, row.failures, len(row.history)) for row in rows(app)} == {(1, 1, 1)}


def test_the_limit_holds_for_any_stretch_of_its_time(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced("2/10seconds")
    post(clock, NORMAL, "example.com")
    assert dispatcher.drain() == 1
    clock.forward(9)
    post(clock, NORMAL, "example.com", count=3)
    assert dispatcher.drain() == 1
    clock.forward(1)
    assert dispatcher.drain() == 1, "the first one was ten seconds ago"
    clock.forward(8.9)
    assert dispatcher.drain() == 0
    clock.forward(0.1)
    assert dispatcher.drain() == 1


def test_several_limits_hold_together(paced: Make, clock: Clock) -> None:
    dispatcher = paced("2/second, 3/30seconds")
    post(clock, NORMAL, "example.com", count=9)
    handled = []
    for _ in range(32):
        handled.append(dispatcher.drain())
        clock.forward(1)
    assert handled == [2, 1, *[0] * 28, 2, 1]


def test_several_dispatchers_share_the_limit(paced: Make, clock: Clock) -> None:
    first, second = paced("3/second"), paced("3/second")
    post(clock, NORMAL, "example.com", count=9)
    assert [first.drain(), second.drain()] == [3, 0]
    clock.forward(1)
    assert [second.drain(), first.drain()] == [3, 0]


def test_a_changed_limit_counts_what_left_before(paced: Make, clock: Clock) -> None:
    post(clock, NORMAL, "example.com", count=20)
    assert paced("5/10seconds").drain() == 5
    assert paced("7/10seconds").drain() == 2
    clock.forward(10)
    assert paced("4/10seconds").drain() == 4


def test_of_many_that_claim_at_once_exactly_as_many_succeed_as_may(
    paced: Make, clock: Clock
) -> None:
    dispatcher = paced("10/50seconds", "gmail.com=4/50seconds")
    post(clock, NORMAL, "gmail.com", "example.com", count=20)
    engine, limits = dispatcher.outbox.engine, dispatcher.pacing.limits
    start = threading.Barrier(8)
    claimed: list[str] = []

    def work() -> None:
        # Its own hints, as in another process.
        with closing(Claims(engine, lease=LEASE_SECONDS, pacing=Pacing(limits))) as claims:
            start.wait()
            for moment in range(20):
                row = claims.claim(ALL_PRIORITIES, now=clock() + moment)
                if row is not None:
                    claimed.append(row.recipient)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(claimed) == len(set(claimed)) == 10
    assert 1 <= sum(one.endswith("@gmail.com") for one in claimed) <= 4


# Limits by domain


def test_a_rate_limited_domain_blocks_no_other(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced(None, "gmail.com=1/second")
    post(clock, NORMAL, "gmail.com", count=3)
    post(clock, NORMAL, "example.com", count=3)
    due = [row.due_at for row in waiting()]
    assert dispatcher.drain() == 4
    assert taken(smtp) == ["gmail.com 0", *(f"example.com {number}" for number in range(3))]
    limited = waiting()
    assert [(row.status, row.attempts, row.waits_for) for row in limited] == [
        (Status.QUEUED, 0, "gmail.com")
    ] * 2
    assert [row.due_at for row in limited] == due[1:3], "nobody holds them"
    for number in (1, 2):
        clock.forward(1)
        assert [dispatcher.drain(), dispatcher.drain()] == [1, 0]
        assert taken(smtp)[-1] == f"gmail.com {number}"


def test_each_other_domain_has_the_limit_of_the_star(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced(None, "gmail.com=2/second,*=1/second")
    post(clock, NORMAL, "gmail.com", "example.com", "example.org", count=3)
    assert dispatcher.drain() == 4
    assert sorted(taken(smtp)) == ["example.com 0", "example.org 0", "gmail.com 0", "gmail.com 1"]


def test_rate_limited_messages_take_nothing_from_the_overall_limit(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced("3/second", "gmail.com=1/second")
    post(clock, NORMAL, "gmail.com", count=9)
    post(clock, NORMAL, "example.com", count=9)
    assert dispatcher.drain() == 3
    assert taken(smtp) == ["gmail.com 0", "example.com 0", "example.com 1"]


def test_another_process_finds_the_rate_limited_rows_of_a_dead_one(
    paced: Make, clock: Clock
) -> None:
    post(clock, NORMAL, "gmail.com", count=3)
    assert paced(None, "gmail.com=1/second").drain() == 1
    clock.forward(1)
    assert paced(None, "gmail.com=1/second").drain() == 1


@pytest.mark.parametrize("limits", [(None, None), ("9/second", None), (None, "*=9/second")])
def test_when_a_limit_is_removed_its_rate_limited_messages_leave(
    paced: Make, clock: Clock, limits: tuple[str | None, str | None]
) -> None:
    post(clock, NORMAL, "gmail.com", count=4)
    assert paced(None, "gmail.com=1/hour").drain() == 1
    assert paced(*limits).drain() == 3


def test_a_message_cancelled_while_rate_limited_can_be_retried(
    paced: Make, clock: Clock, app: Flask
) -> None:
    post(clock, NORMAL, "gmail.com", count=2)
    assert paced(None, "gmail.com=1/second").drain() == 1
    number = waiting()[0].id
    with transaction() as session:
        messages.cancel(session, number, now=clock())
    clock.forward(1)
    assert paced(None, "gmail.com=1/second").drain() == 0
    with transaction() as session:
        messages.retry(session, number, now=clock())
    assert paced().drain() == 1
    assert [row.status for row in rows(app)] == [Status.SENT] * 2


# What is urgent


@pytest.mark.parametrize("limits", [("1/second", None), (None, "gmail.com=1/second")])
def test_urgent_mail_goes_first(
    paced: Make,
    clock: Clock,
    smtp: ScriptedServer,
    app: Flask,
    limits: tuple[str | None, str | None],
) -> None:
    dispatcher = paced(*limits)
    for kind in (BULK, NORMAL, FAST_RETRY):
        post(clock, kind, "gmail.com", count=2)
        dispatcher.drain()
    for _ in range(5):
        clock.forward(1)
        assert dispatcher.drain() == 1
    ended = sorted(rows(app), key=lambda row: row.settled_at or 0)
    assert [row.kind for row in ended] == [BULK, FAST_RETRY, FAST_RETRY, NORMAL, NORMAL, BULK]


@pytest.mark.parametrize("limits", [("10/minute", None), (None, "gmail.com=10/minute")])
def test_a_part_of_a_long_limit_is_reserved_for_urgent_mail(
    paced: Make, clock: Clock, limits: tuple[str | None, str | None]
) -> None:
    dispatcher = paced(*limits)
    post(clock, BULK, "gmail.com", count=20)
    assert dispatcher.drain() == 9
    post(clock, FAST_RETRY, "gmail.com", count=2)
    assert dispatcher.drain() == 1
    clock.forward(60)
    assert dispatcher.drain() == 9
    assert [row.kind for row in waiting()] == [BULK] * 3


def test_urgent_mail_alone_uses_all_of_a_limit(paced: Make, clock: Clock) -> None:
    dispatcher = paced("10/minute")
    post(clock, FAST_RETRY, "gmail.com", count=20)
    assert dispatcher.drain() == 10


# What counts


def test_messages_not_offered_to_the_server_do_not_count(
    paced: Make, clock: Clock, smtp: ScriptedServer, app: Flask
) -> None:
    dispatcher = paced("1/minute", "*=1/minute")
    post(clock, NOBODY, "example.com", count=3)
    post(clock, SHORT, "example.com", count=3)
    clock.forward(60)
    post(clock, NORMAL, "example.com", count=2)
    assert dispatcher.drain() == 7
    assert taken(smtp) == ["example.com 0"]
    assert Counter(row.status for row in rows(app)) == {
        Status.DISCARDED: 3,
        Status.EXPIRED: 3,
        Status.SENT: 1,
        Status.QUEUED: 1,
    }


def test_a_released_slot_is_free_for_all_at_once(paced: Make, clock: Clock) -> None:
    dispatcher = paced("1/minute", "*=1/minute")
    post(clock, NORMAL, "example.com", count=2)
    claimed = claim(dispatcher)
    assert claimed is not None
    assert claim(dispatcher) is None
    engine, pacing = dispatcher.outbox.engine, dispatcher.pacing
    with closing(Claims(engine, lease=LEASE_SECONDS, pacing=pacing)) as claims:
        claims.settle(Settlement(claimed, Status.DISCARDED, "nobody is there", clock()))
    assert claim(dispatcher) is not None


@pytest.mark.parametrize("step", ["connect", "ehlo"])
def test_a_server_that_is_not_reached_costs_nothing(
    paced: Make, clock: Clock, smtp: ScriptedServer, step: str
) -> None:
    dispatcher = paced("1/minute")
    smtp.script = {step: ["421 4.3.2 Busy"]}
    post(clock, NORMAL, "example.com", count=2)
    assert [dispatcher.drain(), dispatcher.drain()] == [1, 1]
    assert len(smtp.received) == 1


@pytest.mark.parametrize("answer", ["450 4.2.0 Later", "550 5.7.1 No"])
def test_refused_messages_count(
    paced: Make, clock: Clock, smtp: ScriptedServer, answer: str
) -> None:
    dispatcher = paced("1/minute")
    smtp.script = {"rcpt": [answer]}
    post(clock, NORMAL, "example.com", count=2)
    assert dispatcher.drain() == 1
    clock.forward(59)
    assert dispatcher.drain() == 0
    clock.forward(1)
    assert dispatcher.drain() == 1


def test_the_time_counts_from_when_the_message_was_offered(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced("1/10seconds")
    post(clock, NORMAL, "example.com", count=2)

    def slow(content: bytes) -> bytes:
        clock.forward(7)
        return content

    dispatcher.outbox.delivery = replace(dispatcher.outbox.delivery, sign=slow)
    assert dispatcher.drain() == 1
    clock.forward(9)
    assert dispatcher.drain() == 0
    clock.forward(1)
    assert dispatcher.drain() == 1


def test_slots_of_a_dead_process_count_until_its_lease_and_the_limits_time_end(
    paced: Make, clock: Clock, smtp: ScriptedServer
) -> None:
    dispatcher = paced("1/10seconds")
    post(clock, NORMAL, "example.com", count=2)
    assert claim(dispatcher) is not None
    clock.forward(LEASE_SECONDS + 9)
    assert dispatcher.drain() == 0
    clock.forward(1)
    assert dispatcher.drain() == 1
    assert taken(smtp) == ["example.com 1"]


def test_a_renewed_lease_renews_the_slot(paced: Make, clock: Clock) -> None:
    dispatcher = paced("1/second")
    post(clock, NORMAL, "example.com", count=2)
    claimed = claim(dispatcher)
    assert claimed is not None
    clock.forward(LEASE_SECONDS - 1)
    claims = Claims(dispatcher.outbox.engine, lease=LEASE_SECONDS, pacing=dispatcher.pacing)
    with closing(claims):
        assert claims.renew(claimed, until=clock() + LEASE_SECONDS)
    clock.forward(LEASE_SECONDS)
    assert dispatcher.drain() == 0
    clock.forward(1)
    assert dispatcher.drain() == 1


# What it costs


def test_without_limits_a_message_costs_no_further_statement(
    paced: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = paced()
    post(clock, NORMAL, "gmail.com", count=20)
    with statements(monkeypatch) as count:
        assert dispatcher.drain() == 20
    assert count == {"SELECT id": 1, "UPDATE outbox": 20 + 21}, "settled and claimed, no more"


def test_rate_limited_messages_are_not_checked_again_and_again(
    paced: Make, clock: Clock, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = paced(None, "gmail.com=1/second")
    post(clock, NORMAL, "gmail.com", count=2000)
    with statements(monkeypatch) as count:
        assert dispatcher.drain() == 1
    assert sum(count.values()) < 40, "each was put aside once, with many others"
    for _ in range(3):
        post(clock, NORMAL, "example.com")
        with statements(monkeypatch) as count:
            assert dispatcher.drain() == 1
        assert sum(count.values()) < 20
        assert taken(smtp)[-1].startswith("example.com")
    clock.forward(1)
    with statements(monkeypatch) as count:
        assert dispatcher.drain() == 1
    assert sum(count.values()) < 25
    assert taken(smtp)[-1].startswith("gmail.com")


def test_while_nothing_may_leave_the_database_is_not_queried(
    paced: Make, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatcher = paced("1/minute")
    post(clock, NORMAL, "example.com", count=50)
    assert [dispatcher.drain(), dispatcher.drain()] == [1, 0]
    with statements(monkeypatch) as count:
        assert claim(dispatcher) is None
    assert not count


def test_unneeded_slots_are_deleted(paced: Make, clock: Clock) -> None:
    dispatcher = paced("3/minute", "*=2/second")
    post(clock, NORMAL, "example.com", "example.org", count=2)
    assert dispatcher.drain() == 2
    forget()
    assert slots() == {"* 60": 2, "example.com 1": 1, "example.org 1": 1}
    clock.forward(DAY)
    assert dispatcher.drain() == 2
    forget()
    assert slots()["* 60"] == 2
    clock.forward(DAY + 90)
    forget()
    assert slots() == {}
    post(clock, NORMAL, "example.com", count=3)
    assert dispatcher.drain() == 2


def forget() -> None:
    with transaction() as session:
        forget_slots(session, current_outbox().clock())


def slots() -> dict[str, int]:
    """How many slots each limit has."""
    count = select(RateSlot.name, func.count()).group_by(RateSlot.name)
    with db.sessionmaker() as session:
        return {row[0]: row[1] for row in session.execute(count)}


@ON_SQLITE
def test_no_statement_reads_more_rows_the_more_there_are(paced: Make, clock: Clock) -> None:
    dispatcher = paced("9/minute", "*=1/second")
    post(clock, NORMAL, "gmail.com", "example.com", count=3)
    post(clock, FAST_RETRY, "gmail.com")
    asked: set[str] = set()
    db.engine.dispose()

    @event.listens_for(db.engine, "connect")
    def _listen(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_trace_callback(asked.add)

    with closing(Claims(db.engine, lease=LEASE_SECONDS, pacing=dispatcher.pacing)) as claims:
        for _ in range(3):
            clock.forward(1)
            claims.refresh_rate_limited()
            while claims.claim(ALL_PRIORITIES, now=clock()):
                pass
    with closing(Claims(db.engine, lease=LEASE_SECONDS)) as claims:
        claims.refresh_rate_limited()
    with db.engine.connect() as connection:
        for statement in sorted(one for one in asked if "outbox" in one or "slots" in one):
            for *_numbers, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}"):
                if re.search(r"\b(?:outbox|mail_suppressions|mail_rate_slots)\b", step):
                    assert re.search(r"\(\w+[=>]\?", step), f"{step} in {statement}"
    assert len(asked) > 10
