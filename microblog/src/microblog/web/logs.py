"""Logging: to standard error, and to a rotating file if LOG_FILE names one.

Records are lines of text for people, or one JSON object a line for programs.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from pythonjsonlogger.json import JsonFormatter

from microblog.web.request_ids import RequestIdFilter

MAX_BYTES = 1_000_000
BACKUP_COUNT = 9

LogFormat = Literal["text", "json"]

_TEXT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"
_FIELDS = ("asctime", "levelname", "name", "request_id", "process", "message")
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}


def configure(
    file: Path | None,
    *,
    process: str = "",
    form: LogFormat = "text",
    max_bytes: int = MAX_BYTES,
    backup_count: int = BACKUP_COUNT,
) -> None:
    """Set up logging for this process; `process`, if given, becomes part of the file's name.

    The file is rotated at `max_bytes` (0: never), and `backup_count` rotated ones are kept. Raises
    OSError if the file cannot be written.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if file is not None:
        name = file.with_stem(f"{file.stem}-{process}") if process else file
        name.parent.mkdir(parents=True, exist_ok=True)
        # The rotating handler takes a third of a second to import, which commands without a log
        # file save.
        from microblog.web.log_files import LogFile  # noqa: PLC0415

        rotated = LogFile(str(name), maxBytes=max_bytes, backupCount=backup_count, encoding="utf-8")
        handlers.append(rotated)
    for handler in handlers:
        handler.setFormatter(_formatter(form))
        handler.addFilter(RequestIdFilter())
    logging.basicConfig(level=logging.INFO, handlers=handlers)
    for noisy in ("alembic", "mail.log"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # It logs every client that meets a limit; an outage of the store our own limiter logs.
    logging.getLogger("flask-limiter").setLevel(logging.ERROR)


def _formatter(form: LogFormat) -> logging.Formatter:
    if form == "text":
        return logging.Formatter(_TEXT)
    return JsonFormatter(list(_FIELDS), rename_fields=_NAMES, json_ensure_ascii=False)
