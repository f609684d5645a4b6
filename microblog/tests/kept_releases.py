"""The databases that releases left: their schemas with some rows, as scripts/keep_release.py wrote
them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg

FOLDER = Path(__file__).parent / "releases"


def file_of(version: str, engine: str) -> Path:
    return FOLDER / f"{version}.{engine}.sql"


def kept_versions() -> list[str]:
    """The releases of which a schema is kept, in no particular order."""
    return sorted({file.name.removesuffix(".sqlite.sql") for file in FOLDER.glob("*.sqlite.sql")})


def revision_in(dump: str) -> str | None:
    """The version of the schema that a kept file holds."""
    found = re.search(r"""INSERT INTO ["\w.]*alembic_version"? VALUES ?\('(\w+)'\)""", dump)
    return found[1] if found else None


def load(version: str, engine: str, url: str) -> None:
    """Bring a kept release into the empty database at this address."""
    dump = file_of(version, engine).read_text(encoding="utf-8")
    if engine == "sqlite":
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            file.executescript(f"PRAGMA journal_mode = WAL;\n{dump}")
        return
    with psycopg.connect(url) as connection:
        connection.execute(dump.encode())
