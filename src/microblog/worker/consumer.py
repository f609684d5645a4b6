"""The Celery worker: takes rings from the broker and has them delivered."""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, signals
from celery.worker.consumer import Consumer

from microblog.celery_bell import DELIVER
from microblog.mail.dispatcher import LOOK_EVERY_SECONDS
from microblog.mail.housekeeping import Housekeeping
from microblog.worker.deliverer import Deliverer
from microblog.worker.sweeper import SWEEP_EVERY_SECONDS, Sweeper

logger = logging.getLogger(__name__)

REDIS_DIFFERS = (
    "The broker is Redis: a ring that a dead worker held comes back after an hour only, and one"
    " may be lost when Redis restarts. No mail is lost by it, since the outbox is the truth; the"
    " sweep rings again every %g seconds."
)


class PlainConsumer(Consumer):
    """Celery's consumer without its delayed delivery, which would make 28 queues in RabbitMQ.

    No task is sent with a delay: the time of the next attempt is in the row.
    """

    class Blueprint(Consumer.Blueprint):
        default_steps = tuple(
            step for step in Consumer.Blueprint.default_steps if "delayed_delivery" not in step
        )


def run_worker(
    celery: Celery, deliverer: Deliverer, housekeeping: Housekeeping, *, concurrency: int
) -> int:
    """Deliver until SIGTERM or SIGINT, then finish what is in flight; returns the exit code.

    Threads and no processes: a delivery waits for the network most of the time, and threads can
    share what they know of the mail server.
    """

    def deliver(number: int) -> None:
        deliverer.deliver(number)

    celery.task(deliver, name=DELIVER, shared=False)
    sweeper = Sweeper(celery, deliverer)
    if str(celery.conf.broker_url).startswith("redis"):
        logger.warning(REDIS_DIFFERS, SWEEP_EVERY_SECONDS)
    worker: Any = celery.Worker(
        pool="threads",
        concurrency=concurrency,
        consumer_cls=PlainConsumer,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
        quiet=True,
    )
    # Celery logs a line when a task comes and one when it goes; the delivery says it better.
    for noisy in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)

    def ready(sender: Any, **_arguments: object) -> None:
        # Celery looks for signals between events only, and an idle queue has none.
        sender.timer.call_repeatedly(LOOK_EVERY_SECONDS, lambda: None)
        logger.info("The worker is ready.")
        sweeper.start()

    signals.worker_ready.connect(ready, weak=False)
    with deliverer, housekeeping:
        try:
            worker.start()
        finally:
            sweeper.stop()
    return int(worker.exitcode or 0)
