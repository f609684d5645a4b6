"""Each process of a site is killed in turn: readers wait a little, and hardly a request is lost."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.running import HOST, Running, clean_environment
from tests.cli.test_reload import SETTINGS, TAKE_AS_SYSTEMD_GIVES, Readers, processes, started
from tests.waiting import eventually

pytestmark = pytest.mark.slow

READERS = 4


@contextmanager
def site(socket_: socket.socket, folder: Path) -> Iterator[Running]:
    """A site as systemd starts it, with a socket that outlives it."""
    folder.mkdir(exist_ok=True)
    (folder / "settings").write_text(SETTINGS)
    environment = clean_environment(
        MICROBLOG_ENV_FILE=str(folder / "settings"), INSTANCE_PATH=str(folder / "instance")
    )
    command = [sys.executable, "-c", TAKE_AS_SYSTEMD_GIVES, str(socket_.fileno())]
    with started(command, environment, folder, pass_fds=[socket_.fileno()]) as one:
        assert eventually(lambda: "listens at" in one.output.read_text()), one.errors.read_text()
        yield one


def kill_and_wait(one: Running, pid: int, kind: str) -> None:
    """Kill this process, and wait until another has its place."""
    before = processes(one, kind)
    os.kill(pid, signal.SIGKILL)

    def is_replaced() -> bool:
        now = processes(one, kind)
        return pid not in now and len(now) == len(before)

    assert eventually(is_replaced)


def served_more(readers: Readers) -> bool:
    """Whether all readers get pages again."""
    before = readers.served
    return eventually(lambda: readers.served > before + 3 * READERS)


def test_a_killed_process_is_replaced_and_loses_only_what_it_had_begun(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0), backlog=100) as handed:
        with site(handed, tmp_path / "first") as one, Readers(handed.getsockname()[1]) as readers:
            master, worker = [pid for pid, line in one.children().items() if "process web" in line]
            (dispatcher,) = processes(one, "dispatcher")

            kill_and_wait(one, worker, "web")
            assert served_more(readers)
            # Each reader has at most one request under way.
            assert len(readers.failures) <= READERS, readers.failures
            readers.failures.clear()

            kill_and_wait(one, dispatcher, "dispatcher")
            assert served_more(readers)

            # Its workers finish what they have begun.
            kill_and_wait(one, master, "web")
            assert eventually(lambda: len(processes(one, "web")) == 2)
            assert served_more(readers)

            # The others end when it does, and its successor serves what waits in the socket.
            one.process.kill()
            one.process.wait()
            with site(handed, tmp_path / "second"):
                assert served_more(readers)
                assert readers.failures == []
        said = one.errors.read_text()
        assert "The web server ended (exit code -9); it starts again in 0 s." in said
        assert "The mail dispatcher ended (exit code -9); it starts again in 1 s." in said
        assert "Traceback" not in said
