"""The circumstances of a measurement: the machine, versions, the date. No names, no paths."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import redis
from kombu.connection import Connection

from tests.brokers import RABBITMQ, REDIS, has_broker
from tests.services import POSTGRESQL, has_postgresql

UNKNOWN = "unknown"
_ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("flask-outbox/src", "microblog/src")
_SYNCS = 50


def describe() -> dict[str, str]:
    """The traits of this machine that figures may depend on, as text.

    A service that does not answer is left out.
    """
    traits = {
        "Processor": _first(r"^model name\s*:\s*(.+)$", "/proc/cpuinfo") or platform.machine(),
        "Cores": str(os.cpu_count()),
        "Memory": _memory(),
        "Disk": f"a page written and synced in {_sync_milliseconds():.2f} ms (median)",
        "System": f"{_system()}, kernel {platform.release().partition('-')[0]}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "SQLite": sqlite3.sqlite_version,
        "PostgreSQL": _postgresql(),
        "Redis": _redis(),
        "RabbitMQ": _rabbitmq(),
    }
    return {name: value for name, value in traits.items() if value}


def today() -> str:
    """The date (ISO 8601, UTC)."""
    return datetime.now(UTC).date().isoformat()


def commit() -> str:
    """The commit that was measured, and whether the source differs from it."""
    short = _git("rev-parse", "--short", "HEAD")
    if short is None:
        return UNKNOWN
    return f"{short} with changes" if _git("status", "--porcelain", "--", *SOURCES) else short


def _postgresql() -> str:
    if not has_postgresql():
        return ""
    with psycopg.connect(POSTGRESQL) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]).partition(" ")[0] if row else UNKNOWN


def _redis() -> str:
    if not has_broker(REDIS):
        return ""
    with redis.Redis.from_url(REDIS) as client:
        information = client.info("server")
        assert isinstance(information, dict)
        return str(information["redis_version"])


def _rabbitmq() -> str:
    if not has_broker(RABBITMQ):
        return ""
    with Connection(RABBITMQ) as connection:
        connection.connect()
        return str(connection.connection.server_properties.get("version", UNKNOWN))


def _memory() -> str:
    kilobytes = _first(r"^MemTotal:\s*(\d+) kB$", "/proc/meminfo")
    return f"{int(kilobytes) / 1024**2:.0f} GiB" if kilobytes else UNKNOWN


def _system() -> str:
    name = _first(r'^PRETTY_NAME="?([^"\n]+)"?$', "/etc/os-release")
    return name or platform.system()


def _sync_milliseconds() -> float:
    """How long a commit waits for the disk; next to nothing if temporary files are in memory."""
    times = []
    with tempfile.TemporaryFile() as file:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times.append(time.perf_counter() - started)
    return statistics.median(times) * 1000


def _first(pattern: str, path: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return ""
    return found[1].strip() if found else ""


def _git(*arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, *arguments], cwd=_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
