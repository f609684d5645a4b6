"""Logging what fails repeatedly only twice: when it begins, and when it is over."""

from __future__ import annotations

import logging
import threading


class Outage:
    """Something that may fail for a while, with the messages to log then. Thread-safe.

    `begun` may have placeholders for the arguments of `began`, and is logged at `level`.
    """

    def __init__(
        self, logger: logging.Logger, begun: str, over: str, *, level: int = logging.ERROR
    ) -> None:
        self._logger = logger
        self._level = level
        self._begun = begun
        self._over = over
        self._lock = threading.Lock()
        self.lasts = False

    def began(self, *arguments: object) -> None:
        """Note a failure; log it unless there was one before."""
        with self._lock:
            first, self.lasts = not self.lasts, True
        if first:
            self._logger.log(self._level, self._begun, *arguments)

    def ended(self) -> None:
        """Note a success; log it if there was a failure before."""
        if not self.lasts:
            return
        with self._lock:
            last, self.lasts = self.lasts, False
        if last:
            self._logger.info(self._over)
