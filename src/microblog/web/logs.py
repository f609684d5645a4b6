"""The log: to standard error, and to a rotating file where LOG_FILE names one."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 1_000_000
FILES_KEPT = 10

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure(file: Path | None, *, process: str = "") -> None:
    """Set the log up for this process; with `process`, the file's name tells it from others.

    Raises OSError where the file cannot be written.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if file is not None:
        name = file.with_stem(f"{file.stem}-{process}") if process else file
        name.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(
            RotatingFileHandler(name, maxBytes=FILE_BYTES, backupCount=FILES_KEPT - 1, delay=True)
        )
    logging.basicConfig(level=logging.INFO, format=_FORMAT, handlers=handlers)
    for noisy in ("alembic", "mail.log", "flask-limiter"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
