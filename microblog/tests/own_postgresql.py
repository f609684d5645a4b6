"""A PostgreSQL server of a test's own, which can be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg

from tests.cli.running import descendants, is_alive
from tests.ports import HOST, free_port
from tests.waiting import eventually

DEBIAN = Path("/usr/lib/postgresql")
"""Debian keeps the programs of each version in a folder of its own, which is not in PATH."""

ACCOUNT = "postgres"
"""Who runs the server where root starts it: it refuses to run as root."""


class OwnPostgreSQL:
    """A server with its data in a temporary folder. Use it as a context manager.

    Its superuser is postgres, without a password. Each `options` is a setting, such as
    "max_connections=20".
    """

    def __init__(self, *options: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="own-postgresql-"))
        self._options = options
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the database `postgres`."""
        return f"postgresql://postgres@{HOST}:{self._port}/postgres"

    @property
    def log(self) -> str:
        """What the server has said."""
        return (self._folder / "log").read_text(errors="replace")

    def __enter__(self) -> OwnPostgreSQL:
        if os.geteuid() == 0:
            shutil.chown(self._folder, ACCOUNT)
        choices = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale")
        self._run("initdb", "-D", self._data, *choices, "--no-sync").wait()
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()
        shutil.rmtree(self._folder)

    def start(self) -> None:
        """Start it, for the first time or after its end, and wait until it answers."""
        own = (f"port={self._port}", f"listen_addresses={HOST}", "unix_socket_directories=")
        # Nothing here cuts the power: what a killed server wrote is there.
        options = (*own, "fsync=off", *self._options)
        settings = [part for option in options for part in ("-c", option)]
        self._process = self._run("postgres", "-D", self._data, *settings)
        if not eventually(self._answers, seconds=60):
            self.kill()
            raise AssertionError(self.log)

    def stop(self) -> None:
        """Stop it as a restart of its service does: connections are cut, work is rolled back."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=60)
            self._process = None

    def restart(self) -> None:
        """Stop it and start it again at the same port."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill it with all its processes, as the end of its machine would."""
        if self._process is not None:
            all_of_it = [self._process.pid, *descendants(self._process.pid)]
            for pid in all_of_it:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
            assert eventually(lambda: not any(map(is_alive, all_of_it)))

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server, also for connections that are open."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _run(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        folder = postgresql_programs()
        assert folder is not None
        account = ACCOUNT if os.geteuid() == 0 else None
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [folder / program, *arguments],
                cwd=self._folder,
                stdout=log,
                stderr=log,
                user=account,
                group=account,
                extra_groups=[] if account else None,
                start_new_session=True,
            )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True


@cache
def postgresql_programs() -> Path | None:
    """The folder with initdb and postgres of the newest version here; None if there is none."""
    found = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda one: int(one.parts[-3]))
    in_path = shutil.which("initdb")
    return found[-1].parent if found else Path(in_path).parent if in_path else None
