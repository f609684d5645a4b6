"""What fails again and again is logged once when it begins, and once when it is over."""

from __future__ import annotations

import logging
import threading


class Outage:
    """Something that may be away for a while, with what to log of its beginning and end.

    Thread-safe. `begun` may hold placeholders for the arguments of `began`.
    """

    def __init__(self, logger: logging.Logger, begun: str, over: str) -> None:
        self._logger = logger
        self._begun = begun
        self._over = over
        self._lock = threading.Lock()
        self.lasts = False

    def began(self, *arguments: object) -> None:
        """It failed: logged where it did not fail before."""
        with self._lock:
            first, self.lasts = not self.lasts, True
        if first:
            self._logger.error(self._begun, *arguments)

    def ended(self) -> None:
        """It worked: logged where it had failed before."""
        if not self.lasts:
            return
        with self._lock:
            last, self.lasts = self.lasts, False
        if last:
            self._logger.info(self._over)
