"""The database of a PostgreSQL site in a backup: dumped by its own tools, back in one transaction.

The transaction is ours and not that of `pg_restore`, which writes SQL: so it includes that the
present tables go, also those of a newer schema, and that the rows are counted before the commit.
"""

from __future__ import annotations

import os
import re
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from gettext import gettext as _
from itertools import islice
from typing import IO, TYPE_CHECKING, Any

from sqlalchemy import make_url

from flask_outbox import Status
from microblog.cli.backup_file import (
    BackupError,
    Contents,
    Manifest,
    NewBackup,
    Progress,
    extract,
    require_known_schema,
    require_same,
)
from microblog.cli.postgresql_tools import find_tool, output_of, require_version

if TYPE_CHECKING:
    from psycopg import Connection

DUMP = "microblog.dump"
ROWS_AT_ONCE = 1000

BUSY_TRIES = 20
"""A tenth of a second apart: the server notices a little later that a program has ended."""


def add_database(backup: NewBackup, url: str) -> Contents:
    """Add the database as it is now; the site may run. Raises BackupError."""
    tool = find_tool("pg_dump")
    with _connected(url) as (connection, conninfo, environment):
        server = _server(connection)
        require_version(tool, server)
        # What is counted here is what pg_dump sees, whatever the site writes meanwhile.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        snapshot = _value(connection, "SELECT pg_export_snapshot()")
        schema = _value(connection, "SELECT quote_ident(current_schema())")
        contents = _contents(connection, server)
        options = ["--format=custom", "--no-owner", "--no-privileges", "--no-password"]
        options += [f"--snapshot={snapshot}", f"--table={schema}.*", f"--dbname={conninfo}"]
        with output_of([tool, *options], environment) as dump:
            backup.add(DUMP, dump, None, _("Copying"), compress=False)
    return contents


def restore_database(
    archive: zipfile.ZipFile,
    manifest: Manifest,
    url: str,
    progress: Progress,
    confirm: Callable[[], None],
) -> int:
    """Replace the site's tables with those of the backup, or change nothing.

    `confirm` is called before anything is lost. Returns how many messages wait. Raises BackupError.
    """
    _check_dump(archive, manifest, progress)
    with _connected(url) as (connection, _conninfo, _environment):
        server = _server(connection)
        if server < (manifest.server or 0):
            words = _("The backup comes from PostgreSQL {needed}; the server is older: {found}.")
            raise BackupError(words.format(needed=manifest.server, found=server))
        _require_nobody_else(connection)
        present = _tables(connection)
        if present and "alembic_version" not in present:
            words = _("{place} has tables that aren't Microblog's: choose an empty database.")
            raise BackupError(words.format(place=place(url)))
        if present:
            confirm()
            names = ", ".join(f'"{name}"' for name in present)
            connection.execute(f"DROP TABLE {names}".encode())
        _run(connection, archive, manifest, progress)
        connection.execute("RESET search_path")
        require_same(manifest.schema, manifest.rows, _contents(connection))
        waiting = _value(
            connection,
            "SELECT COUNT(*) FROM outbox WHERE status IN (%s, %s)",
            (Status.QUEUED.value, Status.DEFERRED.value),
        )
        connection.commit()
        return int(waiting)


def verify_database(archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> Contents:
    """Read the dump to its end, and count its rows. Raises BackupError for one that is damaged."""
    _check_dump(archive, manifest, progress)
    rows, schema = {}, ""
    with _script(archive) as script:
        for statement, copied in _statements(script):
            table = _COPY.match(statement)
            if table is None:
                continue
            name = table["name"].decode()
            rows[name] = 0
            for line in copied:
                rows[name] += 1
                if name == "alembic_version":
                    schema = line.decode().strip()
    found = Contents(schema, rows, manifest.server)
    require_same(manifest.schema, manifest.rows, found)
    return found


def place(url: str) -> str:
    """The database's address, without the password."""
    given = make_url(url)
    password = given.password or given.query.get("password")
    shown = given.difference_update_query(["password"]).set(
        drivername="postgresql", password=str(password) if password else None
    )
    return shown.render_as_string(hide_password=True)


def _check_dump(archive: zipfile.ZipFile, manifest: Manifest, progress: Progress) -> None:
    require_known_schema(manifest.schema)
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - no path of ours
        extract(archive, manifest, DUMP, nothing, progress)


def _run(
    connection: Connection, archive: zipfile.ZipFile, manifest: Manifest, progress: Progress
) -> None:
    done, total = 0, sum(manifest.rows.values())
    with _script(archive) as script:
        for statement, copied in _statements(script):
            if not _COPY.match(statement):
                connection.execute(statement)
                continue
            with connection.cursor().copy(statement) as copy:
                while lines := [*islice(copied, ROWS_AT_ONCE)]:
                    copy.write(b"".join(lines))
                    done += len(lines)
                    progress(_("Restoring"), min(done, total), total)


@contextmanager
def _script(archive: zipfile.ZipFile) -> Iterator[IO[bytes]]:
    """The dump as SQL."""
    command = [find_tool("pg_restore"), "--no-owner", "--no-privileges", "--file=-"]
    with archive.open(DUMP) as dump, output_of(command, {}, dump) as script:
        yield script


_COPY = re.compile(rb'COPY (?:"?\w+"?\.)?"?(?P<name>\w+)"? \(.*\) FROM stdin;')


def _statements(script: Iterable[bytes]) -> Iterator[tuple[bytes, Iterator[bytes]]]:
    """The statements of a script, each COPY by itself and with the lines that it takes."""
    lines, pending = iter(script), b""
    for line in lines:
        if _COPY.match(line):
            yield pending, iter(())
            yield line, _copied(lines)
            pending = b""
        elif not line.startswith(b"\\"):  # else it is meant for psql
            pending += line
    yield pending, iter(())


def _copied(lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        if line == b"\\.\n":
            return
        yield line


@contextmanager
def _connected(url: str) -> Iterator[tuple[Connection, str, dict[str, str]]]:
    """A connection, and how the programs of PostgreSQL make the same: arguments and environment."""
    import psycopg  # noqa: PLC0415 - sites on SQLite do without it
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415

    given = make_url(url)
    options = given.get_dialect()().create_connect_args(given)[1]
    password = options.pop("password", None)
    environment = {"PGPASSWORD": str(password)} if password else {}
    try:
        with psycopg.connect(**options, password=password) as connection:
            yield connection, make_conninfo(**options), environment
    except psycopg.Error as error:
        words = _("{place} cannot be used: {reason}.")
        reason = str(error).strip().partition("\n")[0]
        raise BackupError(words.format(place=place(url), reason=reason)) from None


def _server(connection: Connection) -> int:
    return connection.info.server_version // 10000


def _require_nobody_else(connection: Connection) -> None:
    # Autovacuum works for nobody.
    others = (
        "SELECT COUNT(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()"
    )
    for _again in range(BUSY_TRIES):
        if not _value(connection, others):
            return
        # A transaction would see the same again.
        connection.rollback()
        time.sleep(0.1)
    words = _("Another program has {file} open: stop the site first.")
    raise BackupError(words.format(file=connection.info.dbname))


def _tables(connection: Connection) -> list[str]:
    named = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename"
    return [str(name) for (name,) in connection.execute(named)]


def _contents(connection: Connection, server: int | None = None) -> Contents:
    tables = _tables(connection)
    if "alembic_version" not in tables:
        raise BackupError(_("The database has no tables of Microblog's."))
    rows = {
        name: int(_value(connection, f'SELECT COUNT(*) FROM "{name}"'))  # noqa: S608 - its own name
        for name in tables
    }
    schema = str(_value(connection, "SELECT version_num FROM alembic_version"))
    return Contents(schema, rows, server)


def _value(connection: Connection, statement: str, values: Any = None) -> Any:
    row = connection.execute(statement.encode(), values).fetchone()
    return row[0] if row else None
