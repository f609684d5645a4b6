"""How long does an upgrade of a large site take, and who waits meanwhile?

The database is that of release 0.1.0, with 10,000 people, 1,000,000 posts and 1,000,000 messages,
of which 1,000 wait. `microblog db upgrade` brings it to the newest schema. Meanwhile one reads a
timeline, one the latest mail, and one writes posts, over and over, in connections like the site's;
the longest that each took is what somebody may have to wait. On SQLite a writer gives up after ten
seconds, as in the site. Memory is the most that the command's process held at once. The size of
SQLite's file includes its write-ahead log.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from benchmarks.databases import SQLITE, available, engines, fresh_database
from benchmarks.filling import tidy
from benchmarks.reporting import Report, milliseconds, parse
from microblog.app import create_app
from microblog.database import WRITING, db
from microblog.schema import needs_upgrade
from microblog.settings import Settings
from tests.cli.running import clean_environment
from tests.kept_releases import load

RELEASE = "0.1.0"
AT_MOST_SECONDS = 60
WAIT_AT_MOST_SECONDS = 10
"""How long SQLite waits for a lock in the site."""
AT_MOST_MIB = 200
WAITING = 1000
FOLLOWS_EACH = 20
EACH_SECONDS = 0.02
"""How often sizes are asked for, and a reader or writer begins."""

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"

_PEOPLE = """INSERT INTO users (username, username_key, username_skeleton, confusable_username,
    email, email_key, password_hash, registered_at, email_verified_at, is_admin)
    SELECT 'person' || i, 'person' || i, 'person' || i, FALSE, 'person' || i || '@example.com',
    'person' || i || '@example.com', password_hash, registered_at, registered_at, FALSE
    FROM users, n WHERE username = 'user0'"""

_POSTS = """INSERT INTO posts (body, created_at, user_id)
    SELECT 'Post number ' || i || ', about nothing in particular.', '2026-01-02 03:04:05.678901',
    1 + i % {people} FROM n"""

_FOLLOWS = """INSERT INTO follows (follower_id, followed_id)
    SELECT 1 + i % {people}, 1 + (i * 7919 + i / {people}) % {people} FROM n
    WHERE TRUE ON CONFLICT DO NOTHING"""

_OUTBOX = """INSERT INTO outbox ({columns}) SELECT {values} FROM outbox, n
    WHERE recipient = 'waits@example.com'"""

_OWN = {
    "recipient": "'person' || i || '@example.com'",
    "recipient_key": "'person' || i || '@example.com'",
    "message_id": "'<' || i || '@example.com>'",
    "status": f"CASE WHEN i <= {WAITING} THEN 'queued' ELSE 'sent' END",
    "settled_at": f"CASE WHEN i <= {WAITING} THEN NULL ELSE created_at + i END",
    "answer": f"CASE WHEN i <= {WAITING} THEN NULL ELSE '250 2.0.0 Ok: queued as ' || i END",
}
"""What differs in the copies of a message, by the column."""

_READ_TIMELINE = (
    "SELECT id, body FROM posts WHERE user_id IN"
    " (SELECT followed_id FROM follows WHERE follower_id = 1) ORDER BY id DESC LIMIT 25"
)
_READ_MAIL = "SELECT id, status FROM outbox ORDER BY id DESC LIMIT 25"
_WRITE_POST = (
    "INSERT INTO posts (body, created_at, user_id) VALUES ('new', '2026-01-02 03:04:05', 1)"
)


@dataclass
class Measured:
    """One upgrade: its seconds, the bytes of memory of its process, and those of the database."""

    before: int
    seconds: float = 0
    memory: int = 0
    highest: int = 0
    after: int = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("upgrade", __doc__, full=full)
    taken = report.table("Database", "Time", "Memory", "Before", "After", "At most")
    waits = report.table("Waited at most", "Timeline", "Mail", "Post", "Failed")
    measured: dict[str, Measured] = {}
    repeated: list[_Repeated] = []
    for engine in engines(report, options.engine):
        with ExitStack() as stack:
            prefix = "microblog-benchmark-"
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
            url = stack.enter_context(fresh_database(engine, folder, name="upgrade"))
            load(RELEASE, "sqlite" if engine == SQLITE else "postgresql", url)
            app = create_app(Settings(DATABASE_URL=url, INSTANCE_PATH=folder))
            stack.enter_context(app.app_context())
            _fill(db.engine, options)
            others = [
                _Repeated(db.engine, one) for one in (_READ_TIMELINE, _READ_MAIL, _WRITE_POST)
            ]
            measured[engine] = one = _upgrade(db.engine, url, folder, others)
            if needs_upgrade():
                raise SystemExit("The database was not upgraded.")
            db.engine.dispose()
        sizes = (f"{size / 1e6:,.0f} MB" for size in (one.before, one.after, one.highest))
        taken.row(engine, f"{one.seconds:.1f} s", f"{one.memory / 2**20:.0f} MiB", *sizes)
        failed = sum(each.failed for each in others)
        waits.row(engine, *(milliseconds(each.longest) for each in others), str(failed))
        repeated += others
    _promise(report, measured, options)
    longest = max(each.longest for each in repeated)
    report.promise(
        f"Meanwhile nothing fails that is read or written, nor waits longer than"
        f" {WAIT_AT_MOST_SECONDS} s",
        measured=f"{sum(each.failed for each in repeated)} failed, at most {longest:.1f} s",
        kept=longest <= WAIT_AT_MOST_SECONDS and not any(each.failed for each in repeated),
    )
    report.finish()


def _promise(report: Report, measured: dict[str, Measured], options: argparse.Namespace) -> None:
    report.promise(
        f"{options.posts:,} posts and {options.messages:,} messages of release {RELEASE} are"
        f" upgraded within {AT_MOST_SECONDS} s",
        measured=", ".join(f"{name} {one.seconds:.1f} s" for name, one in measured.items()),
        kept=max(one.seconds for one in measured.values()) <= AT_MOST_SECONDS,
    )
    most = max(one.memory for one in measured.values()) / 2**20
    report.promise(
        f"The upgrade takes at most {AT_MOST_MIB} MiB of memory",
        measured=f"at most {most:.0f} MiB",
        kept=most <= AT_MOST_MIB,
    )


def _fill(engine: Engine, options: argparse.Namespace) -> None:
    """Multiply what the release left; the database itself does the work."""
    with engine.begin() as connection:
        names = [*connection.exec_driver_sql("SELECT * FROM outbox WHERE FALSE").keys()]
        names.remove("id")
        values = ", ".join(_OWN.get(name, name) for name in names)
        messages = _OUTBOX.format(columns=", ".join(names), values=values)
        for statement, count in (
            (_PEOPLE, options.people),
            (_POSTS.format(people=options.people), options.posts),
            (_FOLLOWS.format(people=options.people), options.people * FOLLOWS_EACH),
            (messages, options.messages),
        ):
            connection.execute(text(f"{_NUMBERS.format(count=count)} {statement}"))
    tidy(engine)


def _upgrade(engine: Engine, url: str, folder: Path, others: Sequence[_Repeated]) -> Measured:
    measured = Measured(before=_size(engine, folder))
    for one in others:
        one.start()
    started = time.monotonic()
    command = subprocess.Popen(
        [sys.executable, "-m", "microblog", "db", "upgrade"],
        env=clean_environment(DATABASE_URL=url, INSTANCE_PATH=str(folder)),
        cwd=folder,
    )
    while command.poll() is None:
        measured.memory = max(measured.memory, _memory(command.pid))
        measured.highest = max(measured.highest, _size(engine, folder))
        time.sleep(EACH_SECONDS)
    measured.seconds = time.monotonic() - started
    for one in others:
        one.end()
    if command.returncode:
        raise SystemExit("The upgrade failed.")
    measured.after = _size(engine, folder)
    return measured


def _size(engine: Engine, folder: Path) -> int:
    if engine.dialect.name == "sqlite":
        return sum(file.stat().st_size for file in folder.glob("upgrade.db*"))
    with engine.connect() as connection:
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return int(size or 0)


def _memory(pid: int) -> int:
    """The most that the process has held so far. What wait4() says includes its parent's."""
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0


class _Repeated(threading.Thread):
    """Runs a statement again and again, each time in a transaction of its own."""

    def __init__(self, engine: Engine, statement: str) -> None:
        super().__init__()
        self.longest = 0.0
        self.failed = 0
        self._engine, self._statement = engine, statement
        self._ended = threading.Event()

    def run(self) -> None:
        """Repeat it until the end."""
        options = WRITING if self._statement.startswith("INSERT") else {}
        while not self._ended.wait(EACH_SECONDS):
            begun = time.monotonic()
            try:
                with self._engine.connect().execution_options(**options) as connection:
                    connection.exec_driver_sql(self._statement)
                    connection.commit()
            except DBAPIError:
                self.failed += 1
            self.longest = max(self.longest, time.monotonic() - begun)

    def end(self) -> None:
        """Let it end after the present one."""
        self._ended.set()
        self.join()


if __name__ == "__main__":
    main()
