"""A rolling deploy: old dispatchers beside new code lose nothing and keep nobody waiting."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, sessionmaker

from flask_outbox import (
    ComposeContext,
    DeliveryOptions,
    Email,
    EmailType,
    MessageEvent,
    Outbox,
    Priority,
    message_failed,
)
from flask_outbox.delivery.claims import Claims
from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.delivery.known_rows import PATIENCE_SECONDS
from flask_outbox.delivery.servers import one_server
from flask_outbox.operations import messages
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.rate_limits import parse_rate_limits
from flask_outbox.outbox.wakeup import WakeupListener
from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.transport import SmtpTransport
from tests.databases import engine_of
from tests.ports import HOST
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

OLD, NEW, NEW_URGENT = "shop.old", "shop.new", "shop.new-urgent"


def compose(_session: Session, context: ComposeContext) -> Email:
    return Email(f"Order {context.arguments['order']}", "It is on its way.")


@dataclass
class Deploy:
    """One database, and the outboxes of an old process and of a new one."""

    engine: Engine
    server: ScriptedServer
    limits: str | None = None
    now: float = 1_800_000_000.0
    """What the clock shows; 0 for the real time."""
    old: Outbox = field(init=False)
    new: Outbox = field(init=False)

    def __post_init__(self) -> None:
        self.old, self.new = self._outbox(), self._outbox()
        for outbox in (self.old, self.new):
            outbox.register(EmailType(OLD, compose))
        self.new.register(EmailType(NEW, compose))
        self.new.register(EmailType(NEW_URGENT, compose, priority=Priority.HIGH))

    def _outbox(self) -> Outbox:
        options = DeliveryOptions(rate_limits=parse_rate_limits(self.limits))
        return Outbox(
            sessionmaker(self.engine),
            sender="shop@example.com",
            clock=lambda: self.now or time.time(),
            delivery=options,
        )

    def enqueue(self, kind: str, *orders: int) -> None:
        with self.new.sessions() as session:
            for order in orders:
                self.new.enqueue(session, kind, "susan@example.com", arguments={"order": order})
            session.commit()

    def dispatcher(self, outbox: Outbox) -> Dispatcher:
        server = SmtpServer(HOST, self.server.port)
        return Dispatcher(
            outbox,
            one_server(lambda: SmtpTransport(server)),
            options=DispatcherOptions(connections=1, poll_every=0.1),
        )

    def rows(self) -> list[OutboxMessage]:
        with Session(self.engine) as session:
            return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))

    def subjects(self) -> list[str]:
        return [str(one.message["Subject"]) for one in self.server.received]


@pytest.fixture(params=[None, "1000/second"], ids=["unlimited", "limited"])
def deploy(
    request: pytest.FixtureRequest, database_url: str, smtp: ScriptedServer
) -> Iterator[Deploy]:
    engine = engine_of(database_url)
    yield Deploy(engine, smtp, request.param)
    engine.dispose()


def test_an_old_dispatcher_leaves_a_new_type_to_newer_code(deploy: Deploy) -> None:
    deploy.enqueue(NEW, 1)
    deploy.enqueue(OLD, 2)
    old = deploy.dispatcher(deploy.old)
    assert old.drain() == 2
    assert deploy.subjects() == ["Order 2"], "what it knows leaves, though it is behind"
    met = deploy.rows()[0]
    assert (met.status, met.failures, met.due_at) == (Status.DEFERRED, 0, deploy.now)
    assert met.answer == "This process does not know the type 'shop.new'."
    deploy.enqueue(NEW, 3, 4)
    assert old.drain() == 0
    assert [one.attempts for one in deploy.rows()] == [1, 1, 0, 0], "it meets a type once"
    assert deploy.dispatcher(deploy.new).drain() == 3
    assert sorted(deploy.subjects()) == ["Order 1", "Order 2", "Order 3", "Order 4"]
    assert {one.status for one in deploy.rows()} == {Status.SENT}


def test_a_type_that_must_not_be_repeated_is_not_lost_by_meeting_old_code(deploy: Deploy) -> None:
    deploy.new.register(EmailType("shop.once", compose, repeat_unknown=False))
    deploy.enqueue("shop.once", 1)
    deploy.dispatcher(deploy.old).drain()
    deploy.dispatcher(deploy.new).drain()
    assert [one.status for one in deploy.rows()] == [Status.SENT]


@pytest.mark.slow
def test_both_at_work_lose_nothing_and_send_nothing_twice(deploy: Deploy) -> None:
    deploy.now = 0.0
    dispatchers = [deploy.dispatcher(deploy.old), deploy.dispatcher(deploy.new)]
    with ExitStack() as stack:
        for one in dispatchers:
            stack.enter_context(running(one))
        for order in range(60):
            deploy.enqueue((OLD, NEW, NEW_URGENT)[order % 3], order)
            for one in dispatchers:
                one.wake()
        assert eventually(lambda: {one.status for one in deploy.rows()} == {Status.SENT})
    assert sorted(deploy.subjects()) == sorted(f"Order {order}" for order in range(60))
    released = [one for one in deploy.rows() if len(one.history) > 1]
    # Each of the two types, by each of its two threads at most.
    assert len(released) <= 4
    assert all(one.failures == 1 for one in deploy.rows())


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    with WakeupListener(None) as listener:
        thread = threading.Thread(target=dispatcher.run, args=[listener])
        thread.start()
        try:
            yield
        finally:
            dispatcher.stop()
            listener.wake()
            thread.join()


def test_rows_of_unknown_types_wake_nobody(deploy: Deploy) -> None:
    deploy.enqueue(NEW, 1)
    old = deploy.dispatcher(deploy.old)
    assert old._is_due()
    old.drain()
    assert not old._is_due()
    deploy.enqueue(OLD, 2)
    assert old._is_due()


def test_a_row_is_left_alone_also_where_it_is_named(deploy: Deploy) -> None:
    """As by a task of Celery."""
    deploy.enqueue(NEW, 1, 2)
    deploy.enqueue(OLD, 3)
    _first, second, known = deploy.rows()
    deploy.dispatcher(deploy.old).drain()
    unknown = deploy.old.unknown_types
    with closing(Claims(deploy.engine, lease=20.0, left_out=lambda: unknown)) as claims:
        assert claims.claim_one(second.id, now=deploy.now) is None
        assert claims.claim_one(known.id, now=deploy.now) is None, "it was sent"
    with closing(Claims(deploy.engine, lease=20.0)) as claims:
        assert claims.claim_one(second.id, now=deploy.now) is not None


def test_a_type_is_said_once_in_a_process(deploy: Deploy, caplog: pytest.LogCaptureFixture) -> None:
    deploy.enqueue(NEW, 1, 2, 3)
    deploy.enqueue(NEW_URGENT, 4, 5)
    for _ in range(2):
        deploy.dispatcher(deploy.old).drain()
    said = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [one.split(" of message")[0] for one in said] == [
        f"This process doesn't know the type {name!r}" for name in (NEW_URGENT, NEW)
    ]


def test_a_type_that_is_registered_later_is_known_from_then_on(deploy: Deploy) -> None:
    deploy.enqueue(NEW, 1, 2)
    old = deploy.dispatcher(deploy.old)
    old.drain()
    deploy.old.register(EmailType(NEW, compose))
    assert deploy.old.unknown_types == frozenset()
    old.drain()
    assert len(deploy.subjects()) == 2


def test_a_type_that_nobody_knows_ends_after_a_day_and_can_be_retried(deploy: Deploy) -> None:
    deploy.enqueue(NEW, 1)
    deploy.enqueue(OLD, 2)
    deploy.dispatcher(deploy.old).drain()
    deploy.now += PATIENCE_SECONDS - 1
    deploy.enqueue(NEW, 3)
    heard: list[MessageEvent] = []

    def hear(_sender: object, event: MessageEvent) -> None:
        heard.append(event)

    with message_failed.connected_to(hear, sender=deploy.old):
        keep_house(deploy.old)
        assert [one.status for one in deploy.rows()] == [
            Status.DEFERRED, Status.SENT, Status.QUEUED
        ]  # fmt: skip
        deploy.now += 1
        keep_house(deploy.new)
        assert heard == [], "who knows the type ends nothing"
        keep_house(deploy.old)
    first, _, last = deploy.rows()
    assert (first.status, last.status) == (Status.DEAD, Status.QUEUED)
    assert first.settled_at == deploy.now
    assert first.answer == first.history[-1]["answer"]
    assert "No code that knows the type 'shop.new' came within a day" in str(first.answer)
    assert [(one.id, one.type, one.status) for one in heard] == [(first.id, NEW, "dead")]
    with deploy.new.sessions() as session:
        messages.retry(session, first.id, now=deploy.now)
        session.commit()
    assert deploy.dispatcher(deploy.old).drain() == 0, "it waits another day"
    assert deploy.dispatcher(deploy.new).drain() == 2
    assert {one.status for one in deploy.rows()} == {Status.SENT}


def keep_house(outbox: Outbox) -> None:
    Housekeeping(outbox, retention=1e9).run_due()
