"""Waking dispatchers when there is something new in the outbox.

A wake-up only saves time: a message whose wake-up is lost is found by the dispatcher's next poll.
"""

from __future__ import annotations

import logging
import select
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from sqlalchemy import Engine

from flask_outbox.outbox.notify import Notifications, NotifyWakeup, can_notify

logger = logging.getLogger(__name__)


class Wakeup(Protocol):
    """Wakes those who deliver."""

    def wake(self, row_ids: Sequence[int]) -> None:
        """Announce these new rows of the outbox. Must neither raise nor block."""


class NoWakeup:
    """Wakes nobody: the dispatcher finds new rows when it polls."""

    def wake(self, row_ids: Sequence[int]) -> None:
        pass


class SocketWakeup:
    """Writes to a socket in the file system, at which a WakeupListener of this machine waits."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wake(self, row_ids: Sequence[int]) -> None:  # noqa: ARG002 - the listener polls
        """Wake the listener, if there is one; neither raises nor waits."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(b"!", str(self.path))
        except OSError as error:
            logger.debug("No dispatcher is listening: %s", error)

    def is_heard(self) -> bool:
        """Whether a listener waits there; True if that cannot be told. Does not wake it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError as error:
                logger.debug("Cannot tell whether a dispatcher is listening: %s", error)
        return True


def choose_wakeup(engine: Engine, path: Path) -> Wakeup:
    """Return what wakes dispatchers of this database: on PostgreSQL those of all hosts, by NOTIFY.

    On SQLite, and with a driver other than psycopg 3, it wakes that of this machine, at the socket
    `path`.
    """
    return NotifyWakeup(engine) if can_notify(engine) else SocketWakeup(path)


def listener_of(wakeup: Wakeup) -> WakeupListener:
    """The dispatcher's end of this wakeup; one that nobody wakes if it is of another kind."""
    if isinstance(wakeup, NotifyWakeup):
        return WakeupListener(None, Notifications(wakeup.engine))
    return WakeupListener(wakeup.path if isinstance(wakeup, SocketWakeup) else None)


class WakeupListener:
    """Where a dispatcher waits: at a socket, for notifications, or for neither.

    Use it as a context manager. Where no socket can be made, and while nothing can be listened to,
    only `wake` ends a wait.
    """

    def __init__(self, path: Path | None, notifications: Notifications | None = None) -> None:
        self.path = path
        self._notifications = notifications
        self._receiver: socket.socket | None = None
        self._wake, self._woken = socket.socketpair()
        self._wake.setblocking(False)

    def __enter__(self) -> WakeupListener:
        if self.path is not None:
            self._receiver = self._bind(self.path)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._receiver is not None and self.path is not None:
            self._receiver.close()
            self.path.unlink(missing_ok=True)
        if self._notifications is not None:
            self._notifications.close()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for wake-ups, and return whether there were any.

        There may have been some when listening begins, or begins again.
        """
        listening = self._notifications
        has_begun = listening is not None and listening.open()
        sources: list[socket.socket | Notifications] = [self._woken]
        if self._receiver is not None:
            sources.append(self._receiver)
        if listening is not None and listening.is_open:
            sources.append(listening)
        ready, _, _ = select.select(sources, [], [], 0 if has_begun else max(seconds, 0))
        for source in ready:
            if isinstance(source, Notifications):
                source.read()
            else:
                _empty(source)
        return has_begun or bool(ready)

    def wake(self) -> None:
        """Wake `wait` from another thread or a signal handler of this process."""
        with suppress(OSError):
            self._wake.send(b"!")

    @staticmethod
    def _bind(path: Path) -> socket.socket | None:
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            receiver.bind(str(path))
        except OSError as error:
            receiver.close()
            logger.warning("No wake-up socket at %s (%s): polling only.", path, error)
            return None
        return receiver


def _empty(source: socket.socket) -> None:
    source.setblocking(False)
    with suppress(BlockingIOError):
        while source.recv(4096):
            pass
