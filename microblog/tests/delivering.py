"""Delivery by the dispatcher or by a worker.

Tests call `drain` and `running`; those marked with `delivery` run both ways.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

from celery.worker import state

from flask_outbox.celery.consumer import run_worker
from flask_outbox.celery.deliverer import Deliverer
from flask_outbox.celery.sweeper import Sweeper
from flask_outbox.celery.wakeup import CeleryWakeup, make_celery
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.delivery.housekeeping import Housekeeping
from flask_outbox.outbox.wakeup import listener_of
from tests.brokers import Broker, remove_queues
from tests.services import need
from tests.site_services import RABBITMQ, has_broker

END_WITHIN_SECONDS = 60

by_worker = False
"""Set by the fixture `database_url`."""


def drain(dispatcher: Dispatcher) -> int:
    """Deliver what is due in this dispatcher's outbox; return how many rows were handled."""
    if not by_worker:
        return dispatcher.drain()
    with deliverer_of(dispatcher) as deliverer:
        sweeper = Sweeper(make_celery("memory://", "tests"), deliverer)
        with closing(sweeper):
            return sweeper.deliver_overdue(overdue=0, within=math.inf)


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    """Run a dispatcher or a worker until the end of the block, as their processes do."""
    way = _running_worker if by_worker else _running_dispatcher
    with way(dispatcher):
        yield


@contextmanager
def _running_dispatcher(dispatcher: Dispatcher) -> Iterator[None]:
    with listener_of(dispatcher.outbox.wakeup) as listener:
        thread = threading.Thread(target=dispatcher.run, args=[listener])
        thread.start()
        try:
            yield
        finally:
            dispatcher.stop()
            listener.wake()
            thread.join(END_WITHIN_SECONDS)
            assert not thread.is_alive(), "the dispatcher has not ended"


@contextmanager
def _running_worker(dispatcher: Dispatcher) -> Iterator[None]:
    """Run a Celery worker in a thread, over RabbitMQ, which the outbox wakes."""
    need(has_broker(RABBITMQ), "RabbitMQ")
    broker = Broker.at(RABBITMQ)
    celery = make_celery(broker.url, broker.prefix)
    outbox = dispatcher.outbox
    outbox.wakeup = CeleryWakeup(celery, outbox.sessions)
    housekeeping = Housekeeping(outbox, retention=dispatcher.options.retention)
    work = (celery, deliverer_of(dispatcher), housekeeping)
    thread = threading.Thread(target=run_worker, args=work)
    thread.start()
    try:
        yield
    finally:
        # This is what the handler of SIGTERM does.
        state.should_stop = 0
        thread.join(END_WITHIN_SECONDS)
        state.should_stop = None
        assert not thread.is_alive(), "the worker has not ended"
        remove_queues(broker)


def deliverer_of(dispatcher: Dispatcher) -> Deliverer:
    """A worker's deliverer with the same options as this dispatcher."""
    return Deliverer(
        dispatcher.outbox,
        dispatcher._transport,
        connections=dispatcher.options.connections,
        context=dispatcher._context,
        lease=dispatcher.options.lease,
    )
