"""`microblog status`: how the site does, for people on one screen, and for programs."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import time
from http.client import HTTPException
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

import click
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from flask_outbox import SocketWakeup, current_outbox
from flask_outbox.cli import as_json, echo_json, in_utc
from flask_outbox.operations import overview
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.blog.models import Post
from microblog.cli.failures import database_reason
from microblog.cli.site import WAIT_SECONDS, database_file, database_place, impatient
from microblog.cli.status_screen import screen
from microblog.database import db, is_sqlite
from microblog.moderation.queue import count_open
from microblog.search import index
from microblog.settings import Settings, load_settings
from microblog.web.readiness import (
    DEGRADED,
    UNAVAILABLE,
    data_folders,
    degraded_parts,
    reason_unavailable,
)
from microblog.web.supported_languages import gettext_noop

OK, DEGRADED_STATUS, UNAVAILABLE_STATUS = "ok", "degraded", "unavailable"

EXIT_CODES = {OK: 0, DEGRADED_STATUS: 1, UNAVAILABLE_STATUS: 2}

NO_WEB_SERVER = gettext_noop("No web server of this site answers at PUBLIC_URL.")

SOMETHING_ELSE = gettext_noop("something else answers there")

NO_FILE = gettext_noop("there is no such file yet")

Report = dict[str, Any]


@click.command()
@as_json
def status(*, as_json: bool) -> None:
    """Show how the site does: whether it serves, whether mail leaves, and what is left of the disk.

    Looks at the database and the disks from here, and asks the site itself at PUBLIC_URL, as a
    visitor would; changes nothing. It says what /readyz says, and more. Exit code 0 if all is well,
    1 if the site is degraded, 2 if it is unavailable or its settings are wrong.
    """
    settings = load_settings()
    # What does not work is told in words here, and not once more by the log.
    logging.disable(logging.CRITICAL)
    try:
        report = look(settings)
    finally:
        logging.disable(logging.NOTSET)
    if as_json:
        echo_json(report)
    else:
        # Click leaves colours out where nobody sees them, but does not ask https://no-color.org.
        color = False if os.environ.get("NO_COLOR") else None
        for line in screen(report):
            click.echo(line, color=color)
    sys.exit(EXIT_CODES[report["status"]])


def look(settings: Settings) -> Report:
    """How the site with these settings does, as JSON has it. Texts are English."""
    report: Report = {
        "status": OK,
        "reason": None,
        "degraded": [],
        "says": [],
        "version": version("microblog"),
        "web": _web(settings.PUBLIC_URL),
        "dispatcher": None,
        "database": None,
        "mail": None,
        "disks": [],
        "accounts": None,
        "posts": None,
        "all_posts_indexed": None,
        "reports": None,
    }
    file = database_file(settings)
    if file is not None and not file.exists():
        # Looking at it would make it.
        report["database"] = {"kind": "sqlite", "place": str(file), "says": NO_FILE}
        _conclude(report, "database", [])
        return report
    app = create_app(impatient(settings))
    with app.app_context():
        try:
            _look_inside(report)
        finally:
            db.engine.dispose()
    return report


def _look_inside(report: Report) -> None:
    report["database"] = {"kind": db.engine.dialect.name, "place": database_place()}
    report["disks"] = [*_disks(data_folders())]
    try:
        with db.engine.connect() as connection:
            report["database"] |= _database(connection)
    except SQLAlchemyError as error:
        report["database"]["says"] = database_reason(error)
        _conclude(report, "database", [])
        return
    reason = reason_unavailable()
    if reason is not None:
        _conclude(report, reason, [])
        return
    report["dispatcher"] = _dispatcher()
    report["mail"] = _mail(db.session)
    report["accounts"] = db.session.scalar(select(func.count()).select_from(User))
    posts = select(func.count()).where(Post.deleted_at.is_(None))
    report["posts"] = db.session.scalar(posts)
    report["all_posts_indexed"] = index.is_complete(db.session)
    report["reports"] = {"open": count_open(db.session)}
    _conclude(report, None, degraded_parts())


def _conclude(report: Report, reason: str | None, degraded: list[str]) -> None:
    """Write down what it comes to; a site that nobody reaches is unavailable, too."""
    says = [UNAVAILABLE[reason]] if reason else [DEGRADED[part] for part in degraded]
    if report["web"]["answers"] is False:
        reason = reason or "web"
        says = [NO_WEB_SERVER, *says]
    status = UNAVAILABLE_STATUS if reason else DEGRADED_STATUS if degraded else OK
    report |= {"status": status, "reason": reason, "degraded": degraded, "says": says}


def _web(url: str | None) -> Report:
    """Whether the site answers where people reach it; `answers` is None if nobody knows where."""
    if url is None:
        return {"url": None, "answers": None, "says": None}
    # No proxy: who runs a site may have one to look outside.
    opener = build_opener(ProxyHandler({}))
    says = None
    try:
        with opener.open(f"{url}/healthz", timeout=WAIT_SECONDS) as answer:
            if json.loads(answer.read(1000)) != {"status": "ok"}:
                says = SOMETHING_ELSE
    except HTTPError as error:
        says = f"{error.code} {error.reason}"
    except URLError as error:
        says = getattr(error.reason, "strerror", None) or str(error.reason)
    except (OSError, HTTPException) as error:
        says = str(error) or type(error).__name__
    except ValueError:
        says = SOMETHING_ELSE
    return {"url": url, "answers": says is None, "says": says}


def _dispatcher() -> Report:
    """Whether one listens on this machine; `listens` is None where that cannot be known."""
    wakeup = current_outbox().wakeup
    heard = wakeup.is_heard() if isinstance(wakeup, SocketWakeup) else None
    return {"listens": heard}


def _database(connection: Connection) -> Report:
    if is_sqlite():
        file = Path(database_place())
        parts = (file.with_name(file.name + end) for end in ("", "-wal"))
        size = sum(part.stat().st_size for part in parts if part.exists())
    else:
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    try:
        schema = connection.scalar(text("SELECT MAX(version_num) FROM alembic_version"))
    except SQLAlchemyError:
        schema = None  # there is no such table
    return {"bytes": size, "schema": schema}


def _mail(session: Session) -> Report:
    found = overview(session, now=time.time())
    trouble, last_sent_at = found.trouble, found.last_sent_at
    return {
        "waiting": {
            lane: {"messages": messages, "oldest_seconds": round(seconds, 1)}
            for lane, (messages, seconds) in found.waiting.items()
        },
        "last_sent": None if last_sent_at is None else in_utc(last_sent_at),
        "last_24_hours": found.ended,
        "server_trouble": trouble and {"since": in_utc(trouble.since), "answer": trouble.answer},
    }


def _disks(folders: set[Path]) -> list[Report]:
    """The room on each disk, with one of the folders that are on it."""
    there = sorted(folder for folder in folders if folder.is_dir())
    by_disk = {folder.stat().st_dev: folder for folder in reversed(there)}
    found = []
    for folder in sorted(by_disk.values()):
        usage = shutil.disk_usage(folder)
        found.append({"folder": str(folder), "free_bytes": usage.free, "total_bytes": usage.total})
    return found
