"""Whether the site can serve pages, and which of its parts are degraded.

Probes ask every few seconds: the checks are cheap and write nothing.
"""

from __future__ import annotations

import os
import select
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from flask_outbox import SocketWakeup, current_outbox
from flask_outbox.operations import is_stuck
from microblog.database import MIGRATIONS, SQLITE_BUSY_SECONDS, db, is_sqlite
from microblog.web.ratelimits import limiter
from microblog.web.supported_languages import gettext_noop

FULL_SHARE = 0.05
FULL_BYTES = 500_000_000
"""A disk is nearly full if less than this share of it, and less than so many bytes, are free."""

UNAVAILABLE = {
    "stopping": gettext_noop("The site is being stopped."),
    "database": gettext_noop("The database cannot be reached, or takes no changes."),
    "schema": gettext_noop(
        "The database's schema is not the one of this version: see microblog db upgrade."
    ),
}
DEGRADED = {
    "dispatcher": gettext_noop("No mail dispatcher is running beside the web server."),
    "mail": gettext_noop(
        "Mail that is due does not leave: no dispatcher or worker runs, or the mail server is away."
    ),
    "rate_limits": gettext_noop(
        "The store of the rate limits is away: each process counts for itself."
    ),
    "disk": gettext_noop("A disk with the site's data or its log is nearly full."),
}
"""Probes get these in English, people at a terminal in their language."""


def watch(app: Flask, until_stop: int) -> None:
    """Be not ready from when the other end of this pipe is closed."""
    app.extensions["microblog.until_stop"] = until_stop


def reason_unavailable() -> str | None:
    """The key of UNAVAILABLE that keeps pages from being served, if any."""
    if _is_stopping():
        return "stopping"
    try:
        with db.engine.connect() as connection:
            if not _has_our_schema(connection):
                return "schema"
            if is_sqlite():
                _require_writable_file(connection.connection.driver_connection)
            elif connection.scalar(text("SHOW transaction_read_only")) != "off":
                return "database"
    except (SQLAlchemyError, sqlite3.Error):
        return "database"
    return None


def degraded_parts() -> list[str]:
    """The keys of DEGRADED that apply while pages are served."""
    return [*_degraded()]


def _degraded() -> Iterator[str]:
    wakeup = current_outbox().wakeup
    if isinstance(wakeup, SocketWakeup) and not wakeup.is_heard():
        yield "dispatcher"
    if is_stuck(db.session, now=time.time()):
        yield "mail"
    if limiter.is_store_away():
        yield "rate_limits"
    if any(map(is_nearly_full, data_folders())):
        yield "disk"


def _is_stopping() -> bool:
    pipe = current_app.extensions.get("microblog.until_stop")
    return pipe is not None and bool(select.select([pipe], [], [], 0)[0])


def _require_writable_file(connection: Any) -> None:
    """Raise sqlite3.Error if the file cannot be changed; write nothing to it."""
    ((_number, _name, file),) = connection.execute("PRAGMA database_list").fetchall()
    if file and not all(os.access(place, os.W_OK) for place in (file, Path(file).parent)):
        raise sqlite3.OperationalError("the file or its folder cannot be written")
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        # SQLite reports what prevents a change before it finds that there is nothing to delete.
        connection.execute("DELETE FROM alembic_version WHERE 0")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
    finally:
        connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")


def _has_our_schema(connection: Connection) -> bool:
    try:
        found = set(connection.scalars(text("SELECT version_num FROM alembic_version")))
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False  # there is no such table
    return found == {_head()}


@cache
def _head() -> str:
    """This version's last migration, by the numbers that begin their files' names."""
    return max(path.name.partition("_")[0] for path in MIGRATIONS.glob("[0-9]*.py"))


def data_folders() -> set[Path]:
    """The folders that hold the site's data, and its log."""
    files = [current_app.config["LOG_FILE"], db.engine.url.database if is_sqlite() else None]
    return {Path(current_app.instance_path), *(Path(file).parent for file in files if file)}


def is_nearly_full(folder: Path) -> bool:
    """Whether the disk of this folder is nearly full."""
    with suppress(OSError):
        usage = shutil.disk_usage(folder)
        return usage.free < min(usage.total * FULL_SHARE, FULL_BYTES)
    return False
