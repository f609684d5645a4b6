"""A log file that several processes write to and rotate."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any

from concurrent_log_handler import ConcurrentRotatingFileHandler

from flask_outbox.outage import Outage

logger = logging.getLogger(__name__)


class LogFile(ConcurrentRotatingFileHandler):
    """A log file that may become unwritable, for example on a full disk.

    The other handlers get one record when that begins and one when it ends. Records in between are
    lost to this file.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._has_failed = False
        self._outage = Outage(
            logger,
            f"The log file {self.baseFilename} cannot be written: %s",
            f"The log file {self.baseFilename} can be written again.",
        )

    def emit(self, record: logging.LogRecord) -> None:
        self._has_failed = False
        super().emit(record)
        if not self._has_failed:
            self._outage.ended()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - its name in logging
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self._has_failed = True
        self._drop_stream()
        self._outage.began(error.strerror)

    def _drop_stream(self) -> None:
        """Close the stream without flushing: what it could not write would pile up in memory."""
        stream: Any = self.stream
        if stream is not None:
            with suppress(OSError):
                stream.buffer.raw.close()
        self.stream = None
