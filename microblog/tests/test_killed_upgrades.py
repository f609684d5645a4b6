"""`microblog db upgrade` that is killed at every moment, and what waits for it meanwhile."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from microblog.schema import migrations
from tests.cli.running import clean_environment, run_command
from tests.constants import ENGINES
from tests.kept_releases import file_of, kept_versions, load, revision_in
from tests.killed_upgrade import upgrades
from tests.schemas import empty_database, site_without_tables
from tests.test_migrations import fill, newest
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow

OLDEST = min(
    kept_versions(),
    key=lambda version: str(revision_in(file_of(version, "sqlite").read_text(encoding="utf-8"))),
)
"""The release from which an upgrade has the most steps."""

EACH = 17
"""Of many moments, so many are passed over for one at which an upgrade is killed."""

WAITS = "Another process is writing to the database or upgrading it"


@dataclass(frozen=True)
class Site:
    """The oldest kept release's database, and the environment of commands on it."""

    url: str
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment(DATABASE_URL=self.url, INSTANCE_PATH=str(self.folder))

    def state(self) -> tuple[str, list[object]]:
        """The version of the schema, and everything that is in the database."""
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                (found,) = file.execute("SELECT version_num FROM alembic_version").fetchone()
                return str(found), [*file.iterdump()]
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            assert found is not None
            columns = connection.execute(
                "SELECT table_name, column_name, data_type, is_nullable, column_default"
                " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
            ).fetchall()
            indexes = connection.execute(
                "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
            ).fetchall()
            rows = [
                connection.execute(f'SELECT t::text FROM "{table}" t ORDER BY 1').fetchall()
                for table in sorted({name for name, *_ in columns})
            ]
            return str(found[0]), [columns, indexes, rows]

    def posts(self) -> list[object]:
        statement = "SELECT id, body, created_at, user_id FROM posts ORDER BY id"
        if self.url.startswith("sqlite"):
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as file:
                return file.execute(statement).fetchall()
        with psycopg.connect(self.url) as connection:
            return [*connection.execute(statement)]


@pytest.fixture(params=ENGINES)
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with empty_database(request.param, tmp_path) as url:
        load(OLDEST, request.param, url)
        yield Site(url, tmp_path)


def test_killed_at_any_moment_it_has_changed_nothing_or_everything(site: Site) -> None:
    before = site.state()
    kills = 0
    with upgrades(site.environment) as upgrading:
        # One more moment each time, always on what the kill before has left.
        while site.state() == before:
            kills += 1
            _, code = upgrading.run(kills)
            assert code == -signal.SIGKILL, kills
    version, _ = upgraded = site.state()
    assert int(version) == newest()
    # The lock, three statements a migration and the commit are passed before the end.
    assert kills > 3 * (newest() - int(before[0]))
    assert run_command(["db", "upgrade"], site.environment, site.folder).returncode == 0
    assert site.state() == upgraded


def test_killed_while_tables_are_made_anew_it_has_changed_nothing(tmp_path: Path) -> None:
    """From the first schema, on SQLite, whose migrations make most tables anew."""
    with site_without_tables("sqlite", tmp_path) as app, app.app_context():
        migrations().upgrade("0001")
        fill("0001")
    site = Site(f"sqlite:///{tmp_path / 'empty.db'}", tmp_path)
    before = site.state()
    with upgrades(site.environment) as upgrading:
        # There are some 300 moments.
        codes: list[int] = []
        while site.state() == before:
            codes.append(upgrading.run(1 + EACH * len(codes))[1])
    assert codes[:-1] == [-signal.SIGKILL] * (len(codes) - 1)
    assert len(codes) > newest()
    version, _ = site.state()
    assert int(version) == newest()


@contextmanager
def waiting(site: Site) -> Iterator[subprocess.Popen[bytes]]:
    """An upgrade that has said that it waits for another one."""
    said = site.folder / "said.txt"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "microblog", "db", "upgrade"],
            env=site.environment,
            cwd=site.folder,
            stderr=errors,
        )
    try:
        assert eventually(lambda: WAITS in said.read_text()), said.read_text()
        yield process
    finally:
        end(process, seconds=30)


def test_one_that_waits_completes_what_another_was_killed_at(site: Site) -> None:
    posts = site.posts()
    with upgrades(site.environment) as upgrading, ExitStack() as stack:
        # In the middle, and under the lock.
        holder, code = upgrading.run(8, signal.SIGSTOP)
        assert code == -signal.SIGSTOP
        stack.callback(end_stopped, holder)
        with waiting(site) as impatient:
            impatient.kill()
        with waiting(site) as patient:
            os.kill(holder, signal.SIGKILL)
            assert patient.wait(timeout=60) == 0
    version, _ = site.state()
    assert int(version) == newest()
    assert site.posts() == posts


def end_stopped(pid: int) -> None:
    """End it if it is still there."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
