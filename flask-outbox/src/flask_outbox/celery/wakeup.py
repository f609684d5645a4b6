"""Waking workers on several machines: a Celery task that carries the id of a row.

A wake-up only saves time: the row is the truth, and a worker's sweep finds the rows whose task was
lost. So a broker that is down costs a page nothing, not even time.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from celery import Celery
from kombu.connection import Connection
from kombu.entity import Exchange, Queue
from kombu.exceptions import OperationalError
from sqlalchemy import Row, Select, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from flask_outbox.outage import Outage
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import WAITING, OutboxMessage

logger = logging.getLogger(__name__)

DELIVER = "microblog.deliver"

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
PAUSE_SECONDS = 2.0
"""After an error of the broker, wake-ups are dropped for so long; the sweep finds their rows."""

FLUSH_SECONDS = 1.0
PENDING_MAXIMUM = 1000

WAITING_ROWS: Select[int, int] = select(OutboxMessage.id, OutboxMessage.lane).where(
    OutboxMessage.status.in_(WAITING)
)


def make_celery(broker_url: str, prefix: str) -> Celery:
    """The Celery application of web servers and workers, which must use the same queues.

    There are two queues, so that mail that somebody waits for overtakes the rest.
    """
    made = Celery("microblog", broker=broker_url, set_as_current=False)
    made.conf.update(
        task_queues=[_queue(name) for name in queue_names(prefix)],
        task_default_queue=queue_names(prefix)[-1],
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        # A task leaves the queue when its row is settled, so it survives its worker. The second
        # setting is for pools of processes, whose parent would acknowledge for a dead child.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_detect_quorum_queues=True,
        worker_enable_remote_control=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # A queue that somebody deletes in the broker is declared again by its consumer.
        broker_channel_error_retry=True,
        broker_transport_options=_transport_options(broker_url, prefix),
    )
    return made


def queue_names(prefix: str) -> tuple[str, str]:
    """The queue of mail that somebody waits for, and that of the rest."""
    return f"{prefix}.prompt", f"{prefix}.rest"


def _queue(name: str) -> Queue:
    # A quorum queue survives the loss of one of several RabbitMQ servers; Redis ignores arguments.
    arguments = {"x-queue-type": "quorum"}
    return Queue(name, Exchange(name), routing_key=name, queue_arguments=arguments)


def _transport_options(broker_url: str, prefix: str) -> dict[str, Any]:
    if broker_url.startswith("redis"):
        return {
            "global_keyprefix": f"{prefix}:",
            "queue_order_strategy": "priority",
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
        }
    return {"confirm_publish": True}


class Publisher:
    """Sends tasks over one persistent connection. Belongs to one thread.

    Its methods raise one of `errors` if the broker cannot be used; the next call reconnects.
    """

    def __init__(self, celery: Celery) -> None:
        self._celery = celery
        self._template: Connection = celery.connection_for_write(
            connect_timeout=CONNECT_SECONDS, heartbeat=0
        )
        self._is_amqp = self._template.transport.driver_type == "amqp"
        if self._is_amqp:
            # A broker that accepts connections and never answers must not block the thread.
            self._template.transport_options.update(
                read_timeout=ANSWER_SECONDS, write_timeout=ANSWER_SECONDS
            )
        self.errors: tuple[type[Exception], ...] = (
            OSError,
            OperationalError,
            *self._template.connection_errors,
            *self._template.channel_errors,
        )
        self._connection: Connection | None = None
        self._producer: Any = None

    def send(self, rows: Iterable[Row[int, int] | tuple[int, int]]) -> None:
        """Send a task for each of these rows: (id, lane)."""
        try:
            for row_id, lane in rows:
                self._send(row_id, lane)
        except self.errors:
            self.close()
            raise

    def length(self, name: str) -> int:
        """How many tasks wait in this queue."""
        try:
            channel = self._connected().channel()
            try:
                # Over Redis, Kombu looks for a queue under its name without the prefix.
                declared = channel.queue_declare(queue=name, passive=self._is_amqp)
                return int(declared.message_count)
            finally:
                channel.close()
        except self._template.channel_errors:
            return 0  # no task was ever sent there
        except self.errors:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; it does not matter whether the broker notices."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            try:
                connection.release()
            except self.errors as error:
                logger.debug("The connection to the broker could not be closed: %s", error)

    def _send(self, row_id: int, lane: int) -> None:
        connection = self._connected()
        if self._producer is None:
            self._producer = self._celery.amqp.Producer(connection.channel())
        prompt, rest = queue_names_of(self._celery)
        self._celery.send_task(
            DELIVER,
            (row_id,),
            queue=prompt if lane == Priority.HIGH else rest,
            producer=self._producer,
            retry=False,
            ignore_result=True,
        )

    def _connected(self) -> Connection:
        if self._connection is None:
            connection = self._template.clone()
            connection.connect()
            self._connection = connection
        return self._connection


def queue_names_of(celery: Celery) -> tuple[str, str]:
    """The names of the two queues that `make_celery` gave this application."""
    prompt, rest = celery.conf.task_queues
    return prompt.name, rest.name


class CeleryWakeup:
    """Sends tasks from a thread of its own, so that no page ever waits for the broker.

    A forked process starts its own thread and connection.
    """

    def __init__(
        self,
        celery: Celery,
        sessions: Callable[[], Session],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._celery = celery
        self._sessions = sessions
        self._clock = clock
        self._woken: queue.Queue[list[int]] = queue.Queue(PENDING_MAXIMUM)
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()
        self._outage = Outage(
            logger,
            "The broker cannot be reached, mail waits for the sweep: %s",
            "The broker can be reached again.",
        )
        self._paused_until = 0.0

    def wake(self, row_ids: Sequence[int]) -> None:
        """Have tasks sent for these rows; neither raises nor waits."""
        self._start()
        try:
            self._woken.put_nowait(list(row_ids))
        except queue.Full:
            logger.debug("Too many wake-ups at once; the sweep will find these rows")

    def flush(self, seconds: float = FLUSH_SECONDS) -> None:
        """Wait, at most so long, until all tasks are sent: a command must not end before that."""
        with self._woken.all_tasks_done:
            self._woken.all_tasks_done.wait_for(lambda: not self._woken.unfinished_tasks, seconds)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None:
                atexit.register(self.flush)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="wakeup", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        publisher = Publisher(self._celery)
        while True:
            row_ids = self._woken.get()
            try:
                if self._clock() >= self._paused_until:
                    self._publish(publisher, row_ids)
            except Exception:
                # The thread must outlive whatever this was: the row is there, the sweep finds it.
                logger.exception("Tasks could not be sent")
            finally:
                self._woken.task_done()

    def _publish(self, publisher: Publisher, row_ids: list[int]) -> None:
        try:
            with self._sessions() as session:
                rows = session.execute(WAITING_ROWS.where(OutboxMessage.id.in_(row_ids))).all()
        except SQLAlchemyError as error:
            logger.debug("The rows to send tasks for cannot be read: %s", error)
            return
        try:
            try:
                publisher.send(rows)
            except publisher.errors:
                publisher.send(rows)  # the connection may have been stale
        except publisher.errors as error:
            self._failed(error)
        else:
            self._outage.ended()

    def _failed(self, error: Exception) -> None:
        self._paused_until = self._clock() + PAUSE_SECONDS
        self._outage.began(error)
