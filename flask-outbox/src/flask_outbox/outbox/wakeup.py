"""The doorbell: tells a dispatcher on this machine that there is something new in the outbox.

It only hurries: a ring that nobody hears is found by the dispatcher's next look.
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

logger = logging.getLogger(__name__)


class Wakeup(Protocol):
    """Whatever wakes those who deliver. It must neither raise nor wait."""

    def wake(self, message_ids: Sequence[int]) -> None: ...


class NoWakeup:
    """For where nobody needs waking: the dispatcher looks by itself."""

    def wake(self, message_ids: Sequence[int]) -> None:
        pass


class SocketWakeup:
    """Rings at a socket in the file system, where a WakeupListener of this machine may wait."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def wake(self, message_ids: Sequence[int]) -> None:  # noqa: ARG002 - the listener looks itself
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.setblocking(False)
                sender.sendto(b"!", str(self.path))
        except OSError as error:
            logger.debug("Nobody heard the doorbell: %s", error)

    def is_heard(self) -> bool:
        """Whether a listener waits there; True as well where that cannot be told. Rings not."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            try:
                sender.connect(str(self.path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError as error:
                logger.debug("Whether the doorbell is heard cannot be told: %s", error)
        return True


class WakeupListener:
    """The dispatcher's end. Use as a context manager; `wait` returns whether it rang."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
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

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most so long; rings that came together count as one."""
        sources = [one for one in (self._receiver, self._woken) if one is not None]
        ready, _, _ = select.select(sources, [], [], max(seconds, 0))
        for source in ready:
            source.setblocking(False)
            with suppress(BlockingIOError):
                while source.recv(4096):
                    pass
        return bool(ready)

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
            logger.warning("No doorbell at %s (%s): looking every second instead.", path, error)
            return None
        return receiver
