"""Runs the processes of a site together: all start, and all end, as one.

It stays as long as the site, and so imports nothing of it: what needs the site's code or settings
is done before, and forgotten, or by a process that ends.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from gettext import gettext as _
from types import FrameType
from typing import NoReturn

import click

PR_SET_PDEATHSIG = 1
RESTART_AFTER_SECONDS = (1, 2, 5, 10, 30)
STOP_WITHIN_SECONDS = 15.0
STEADY_AFTER_SECONDS = 60.0

PARENT = "MICROBLOG_SUPERVISOR"
SECOND_START = "MICROBLOG_SECOND_START"

MICROBLOG = (sys.executable, "-m", "microblog")


@dataclass
class Child:
    """One process: `arguments` of the `microblog` command. An essential one's end ends all."""

    name: str
    arguments: Sequence[str]
    essential: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    restarts: int = field(default=0)


class Supervisor:
    """Starts children, restarts those that fail, and stops them together."""

    def __init__(self, children: Sequence[Child], environment: Mapping[str, str]) -> None:
        self.children = children
        self._environment = {**os.environ, **environment, PARENT: str(os.getpid())}
        self._stopping = False

    def run(self, *, ready: Callable[[], int | None] = lambda: None) -> int:
        """Until a signal, or the end of an essential child. `ready` is called once all are started.

        A number from `ready` ends the run with it. Returns the exit code.
        """
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            for child in self.children:
                self._start(child)
            outcome = None if self._stopping else ready()
            return self._watch() if outcome is None else outcome
        finally:
            self._end_all()

    def _watch(self) -> int:
        while not self._stopping:
            for child in self.children:
                code = child.process.poll() if child.process else None
                if child.process is not None and code is None:
                    continue
                if child.essential:
                    words = _("The {name} ended by itself (exit code {code}).")
                    click.echo(words.format(name=child.name, code=code), err=True)
                    return code or 1
                self._restart(child, code)
            time.sleep(0.1)
        return 0

    def _restart(self, child: Child, code: int | None) -> None:
        now = time.monotonic()
        if child.restart_at is None:
            if now - child.started_at > STEADY_AFTER_SECONDS:
                child.restarts = 0
            wait = RESTART_AFTER_SECONDS[min(child.restarts, len(RESTART_AFTER_SECONDS) - 1)]
            child.restart_at = now + wait
            child.restarts += 1
            words = _("The {name} ended (exit code {code}); it starts again in {wait} s.")
            click.echo(words.format(name=child.name, code=code, wait=wait), err=True)
        elif now >= child.restart_at:
            self._start(child)

    def _start(self, child: Child) -> None:
        child.started_at, child.restart_at = time.monotonic(), None
        # A session of its own: Ctrl-C reaches this process only, which ends the others in order.
        child.process = subprocess.Popen(  # noqa: S603 - our own command
            [*MICROBLOG, *child.arguments],
            env=self._environment,
            start_new_session=True,
        )

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            raise SystemExit(1)
        self._stopping = True

    def _end_all(self) -> None:
        running = [
            one.process for one in self.children if one.process and one.process.poll() is None
        ]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline - time.monotonic(), 0.1))
            if process.poll() is None:
                process.kill()
                process.wait()


def start_again(environment: Mapping[str, str]) -> NoReturn:
    """Run the present command anew in this process, which gives back what it has loaded."""
    sys.stdout.flush()
    sys.stderr.flush()
    changes = {**environment, SECOND_START: str(os.getpid())}
    arguments = [*MICROBLOG, *sys.argv[1:]]
    os.execve(sys.executable, arguments, {**os.environ, **changes})  # noqa: S606 - our own command


def is_second_start() -> bool:
    """Whether `start_again` has started this command; to be asked once."""
    return os.environ.pop(SECOND_START, None) == str(os.getpid())


def end_with_supervisor() -> None:
    """In a child: be told to stop when the supervisor is killed, so that no port stays taken."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        raise SystemExit(_("The supervisor has ended."))
