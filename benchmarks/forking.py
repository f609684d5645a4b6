"""Starts dispatchers quickly, by forking: a new process takes a second to import everything.

`python -m benchmarks.forking` reads plans, a line of JSON each, and runs `microblog process
dispatcher`, or a Celery worker by `microblog process worker`, for each in a process of its own, one
after the other. It writes a line with the PID, a line when the first message is claimed, and a line
with the exit code (negative for a signal).
"""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from flask import Flask

import flask_outbox.celery
from flask_outbox import run_dispatcher
from flask_outbox.application import make_dispatcher, state_of
from flask_outbox.celery import QUEUE
from flask_outbox.delivery.claims import Claim, Claims
from flask_outbox.delivery.dispatcher import Dispatcher, DispatcherOptions
from microblog.cli import cli, processes
from microblog.cli.supervisor import PARENT
from tests.mail.killed_dispatcher import arm

BEGUN = "begun"
PROCESS, THREAD, CELERY = "dispatcher", "thread", "celery"
"""How mail is delivered: by the dispatcher as the process, in a thread of it, or by a Celery worker
for all mail, with a pool of threads."""

_OUTPUT, _LOG = 1, 2


class Forker:
    """Runs this module's program for another one. Use it as a context manager."""

    def __enter__(self) -> Forker:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.forking"],
            cwd=Path(__file__).resolve().parent.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def start(
        self,
        environment: dict[str, str],
        *,
        lease: float,
        log: Path,
        point: str | None = None,
        call: int | None = None,
        how: str = PROCESS,
    ) -> Dispatching:
        """Start a dispatcher; the previous one must have ended."""
        plan = {"environment": environment, "lease": lease, "log": str(log), "how": how}
        assert self._process.stdin is not None
        self._process.stdin.write(
            json.dumps(plan | {"point": point, "call": call}).encode() + b"\n"
        )
        pid = self.line(seconds=60)
        assert pid is not None, "no dispatcher was started"
        return Dispatching(self, int(pid))

    def line(self, *, seconds: float) -> str | None:
        """Return the next line that is written within so many seconds."""
        output = self._process.stdout
        assert output is not None
        if not select.select([output], [], [], seconds)[0]:
            return None
        # Lines are short and written one at a time: each is read whole.
        line = output.readline()
        assert line, "the forking program has ended"
        return line.decode().strip()


class Dispatching:
    """A running dispatcher."""

    def __init__(self, forker: Forker, pid: int) -> None:
        self._forker = forker
        self._pid = pid

    def begun(self, *, seconds: float) -> bool:
        """Whether it claims a message within so many seconds; may be called once."""
        return self._forker.line(seconds=seconds) == BEGUN

    def ended(self, *, seconds: float) -> int | None:
        """Return its exit code if it ends within so many seconds."""
        line = self._forker.line(seconds=seconds)
        if line == BEGUN:
            line = self._forker.line(seconds=seconds)
        return None if line is None else int(line)

    def signal(self, number: int) -> int:
        """Send it a signal that ends it; return its exit code."""
        os.kill(self._pid, number)
        code = self.ended(seconds=60)
        assert code is not None, "the dispatcher does not end"
        return code


def main() -> None:
    output = os.dup(_OUTPUT)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _dispatch(output, **json.loads(line))
        _, status = os.waitpid(child, 0)
        _write_line(output, str(os.waitstatus_to_exitcode(status)))


def _dispatch(
    output: int,
    *,
    environment: dict[str, str],
    lease: float,
    log: str,
    how: str,
    point: str | None,
    call: int | None,
) -> NoReturn:
    """Run the real command with shorter leases; it kills itself at the point, if one is given."""
    _write_line(output, str(os.getpid()))
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, _LOG)
    # A worker says there that it ends.
    os.dup2(file, _OUTPUT)
    os.environ.update(environment, **{PARENT: str(os.getppid())})
    _shorten_leases(lease, how)
    _report_first_claim(output)
    if point is not None:
        arm(point, call)
    worker = ["worker", QUEUE, environment["MAIL_CONNECTIONS"]]
    cli(["process", *(worker if how == CELERY else ["dispatcher"])])
    raise AssertionError("unreachable: the command ends the program")


def _shorten_leases(lease: float, how: str) -> None:
    def options(app: Flask) -> DispatcherOptions:
        return replace(state_of(app).options, lease=lease)

    def shortened(app: Flask) -> None:
        run = _run_in_thread if how == THREAD else run_dispatcher
        run(app, options=options(app))

    def shortened_in_worker(app: Flask) -> Dispatcher:
        return make_dispatcher(app, options=options(app))

    setattr(processes, run_dispatcher.__name__, shortened)
    setattr(flask_outbox.celery, make_dispatcher.__name__, shortened_in_worker)


def _run_in_thread(app: Flask, *, options: DispatcherOptions) -> None:
    # Blocked in all threads, the signal waits for this one.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    thread = run_dispatcher(app, options=options, in_thread=True)
    signal.sigwait({signal.SIGTERM})
    thread.stop()


def _report_first_claim(output: int) -> None:
    settle_and_claim = Claims.settle_and_claim
    first = itertools.count()

    def reporting(*args: Any, **kwargs: Any) -> tuple[bool, Claim | None]:
        ours, claim = settle_and_claim(*args, **kwargs)
        if claim is not None and next(first) == 0:
            _write_line(output, BEGUN)
        return ours, claim

    Claims.settle_and_claim = reporting  # type: ignore[method-assign]


def _write_line(output: int, text: str) -> None:
    os.write(output, f"{text}\n".encode())


if __name__ == "__main__":
    main()
