"""The workers of the web server: nobody who is slow keeps a thread.

Gunicorn owns the sockets, and starts, reloads and ends workers. In each, Waitress reads what comes
on all connections and writes what goes, in one thread that waits for none of them; a request is
given to one of the other threads when it is there as a whole, and an answer is taken from it at
once.
"""

from __future__ import annotations

import logging
import os
import resource
import time
from collections.abc import Sequence
from typing import Any

from gunicorn.workers.base import Worker
from waitress import create_server, wasyncore
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import BaseWSGIServer
from waitress.utilities import BadRequest, Error, RequestEntityTooLarge

from flask_outbox.outage import Outage
from microblog.people.profile_views import UPLOAD_MAXIMUM_BYTES

CONNECTIONS = 1000
"""Of a worker at once; others wait until it accepts them."""

FILES_A_CONNECTION = 3
"""A socket, a body and an answer, where these are too large for memory."""

HEAD_MAXIMUM_BYTES = 32 * 1024
BODY_IN_MEMORY_BYTES = 64 * 1024
CHUNK_LINE_MAXIMUM_BYTES = 4096

ARRIVING_MAXIMUM_BYTES = 256 * 1024 * 1024
"""Of all bodies that a worker receives at once: they are in its temporary files meanwhile."""

ANSWER_MAXIMUM_BYTES = 256 * 1024 * 1024
"""Of one answer that its client has not read; beyond, its thread waits."""

REQUEST_SECONDS = 20
REQUEST_BYTES_A_SECOND = 500
"""So long a request may take, and one second longer for so many bytes: as mod_reqtimeout has it."""

ANSWER_SECONDS = 30
"""So long a client may read nothing of its answer."""

IDLE_SECONDS = 75
"""Between requests; proxies keep a connection for a minute, and should be the ones who close it."""

LINGER_SECONDS = 2
"""Between requests, where the worker ends: one may be on its way."""

LOOK_SECONDS = 1.0
"""After so long the connections are looked after again, and Gunicorn is told of life."""

_bodies = Outage(
    logging.getLogger(__name__),
    "Large forms cannot be received, whose temporary file cannot be written: %s",
    "Large forms can be received again.",
)


class _NoRoomError(Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


class _Request(HTTPRequestParser):  # type: ignore[misc]
    """A request while it arrives."""

    body_rcv: Any
    error: Any

    def __init__(self, adjustments: Any) -> None:
        super().__init__(adjustments)
        self.begun_at = time.monotonic()

    def received(self, data: bytes) -> int:
        """Take what came; returns how much of it belongs to this request."""
        try:
            consumed: int = super().received(data)
        except OSError as error:
            # Bodies that are too large for memory are in temporary files.
            _bodies.began(error.strerror)
            self.error, self.completed = _NoRoomError("There is no room for it. Try later."), True
            return len(data)
        if self.completed and self.body_bytes_received > BODY_IN_MEMORY_BYTES:
            _bodies.ended()
        if self.chunked and self.body_rcv is not None:
            # Waitress goes over all of an unfinished line again with each piece of it.
            line = len(self.body_rcv.control_line) + len(self.body_rcv.trailer)
            if line > CHUNK_LINE_MAXIMUM_BYTES:
                self.error, self.completed = BadRequest("A line of the body is too long"), True
        elif isinstance(self.error, RequestEntityTooLarge):
            # The application refuses it by its length, in its own words.
            self.error = self.body_rcv = None
            self.headers["CONNECTION"] = "close"
        if getattr(self.adj, "ending", False):
            self.headers["CONNECTION"] = "close"
        return consumed

    def is_late(self, now: float) -> bool:
        """Whether it took longer than it may."""
        received = self.header_bytes_received + self.body_bytes_received
        return bool(now - self.begun_at > REQUEST_SECONDS + received / REQUEST_BYTES_A_SECOND)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection."""

    parser_class = _Request

    @property
    def last_activity(self) -> float:
        """As Waitress notes it, by the wall clock."""
        return self._last_activity

    @last_activity.setter
    def last_activity(self, wall: float) -> None:
        self._last_activity, self._active_at = wall, time.monotonic()

    def is_over(self, now: float, idle_seconds: float) -> bool:
        """Whether its client took longer than it may, with whatever it is to do now."""
        # By a clock that nobody sets: else one that is set forward would cut every connection.
        quiet = now - self._active_at
        if self.total_outbufs_len:
            return bool(quiet > ANSWER_SECONDS)
        if self.requests:
            return False
        if self.request is not None:
            return bool(self.request.is_late(now))
        return bool(quiet > idle_seconds)


class BufferingWorker(Worker):  # type: ignore[misc]
    """A worker of Gunicorn that reads requests and writes answers with Waitress."""

    _listeners: Sequence[Any] = ()

    def run(self) -> None:
        """Serve until told to end; then answer what was asked, for at most the graceful timeout."""
        self._open()
        while self.alive and self.ppid == os.getppid():
            self._turn(IDLE_SECONDS)
        self._drain()

    def handle_exit(self, sig: Any, frame: Any) -> None:
        """On SIGTERM, do not wait for the next event."""
        super().handle_exit(sig, frame)
        for listener in self._listeners:
            listener.pull_trigger()

    def _open(self) -> None:
        logging.getLogger("waitress").addFilter(_without_path)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._next_look = 0.0
        self._map: dict[int, Any] = {}
        self._server = create_server(
            self.wsgi,
            map=self._map,
            sockets=[one.sock for one in self.sockets],
            threads=self.cfg.threads,
            backlog=self.cfg.backlog,
            connection_limit=_connections(),
            max_request_header_size=HEAD_MAXIMUM_BYTES,
            max_request_body_size=UPLOAD_MAXIMUM_BYTES + 1,
            inbuf_overflow=BODY_IN_MEMORY_BYTES,
            outbuf_high_watermark=ANSWER_MAXIMUM_BYTES,
            # Closing is done here, where it does not wait for a client that reads nothing.
            channel_timeout=24 * 3600,
            log_socket_errors=False,
            # They are for the application to believe or not (TRUSTED_PROXIES).
            clear_untrusted_proxy_headers=False,
            ident="Microblog",
        )
        self._listeners = [one for one in self._map.values() if isinstance(one, BaseWSGIServer)]
        for listener in self._listeners:
            listener.channel_class = _Channel

    def _turn(self, idle_seconds: float) -> None:
        """Wait for what comes first, and do it; now and then look after the connections."""
        wasyncore.poll2(LOOK_SECONDS, self._map)
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_SECONDS
            self.notify()
            self._close_late(now, idle_seconds)

    def _close_late(self, now: float, idle_seconds: float) -> None:
        for channel in self._channels():
            if channel.is_over(now, idle_seconds):
                channel.handle_close()
        arriving = [one for one in self._channels() if one.request is not None]
        arriving.sort(key=lambda one: one.request.body_bytes_received)
        total = sum(one.request.body_bytes_received for one in arriving)
        while total > ARRIVING_MAXIMUM_BYTES:
            largest = arriving.pop()
            total -= largest.request.body_bytes_received
            largest.handle_close()

    def _channels(self) -> list[_Channel]:
        return [one for listener in self._listeners for one in listener.active_channels.values()]

    def _drain(self) -> None:
        for listener in self._listeners:
            listener.accepting = False
            listener.adj.ending = True
        for channel in self._channels():
            for request in channel.requests:
                request.headers["CONNECTION"] = "close"
        end = time.monotonic() + self.cfg.graceful_timeout
        while self._channels() and time.monotonic() < end:
            self._turn(LINGER_SECONDS)
        self._server.task_dispatcher.shutdown(timeout=1)


def _connections() -> int:
    """So many as there may be files, of which this process takes as many as it is allowed."""
    wanted = CONNECTIONS * FILES_A_CONNECTION
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        return min(CONNECTIONS, soft // FILES_A_CONNECTION)
    return CONNECTIONS


def _without_path(record: logging.LogRecord) -> bool:
    """Say what went wrong, but not at which path, which may hold the token of a mailed link."""
    record.msg = str(record.msg).partition(" while serving ")[0]
    return True
