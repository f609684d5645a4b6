"""Runs the processes of a site together: all start, and all end, as one.

It stays as long as the site, and so imports nothing of it: what needs the site's code or settings
is done by processes that end, and can be done anew.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from gettext import gettext as _
from pathlib import Path
from types import FrameType
from typing import Any

import click
from gunicorn.systemd import sd_notify

PR_SET_PDEATHSIG = 1
RESTART_AFTER_SECONDS = (1, 2, 5, 10, 30)
READY_WITHIN_SECONDS = 60.0
STOP_WITHIN_SECONDS = 15.0
STEADY_AFTER_SECONDS = 60.0

PARENT = "MICROBLOG_SUPERVISOR"


def _microblog() -> list[str]:
    """Return the command as it was started, or this Python's where no file of that name was."""
    # A link on the way to it may lead to another release by the time of a reload.
    started = Path(sys.argv[0]).absolute()
    if started.name == "microblog" and started.is_file() and os.access(started, os.X_OK):
        return [str(started)]
    return [sys.executable, "-m", "microblog"]


MICROBLOG = _microblog()

Environment = Mapping[str, str]


@dataclass
class Child:
    """One process: `arguments` of the `microblog` command. An essential one's end ends all.

    It inherits the `sockets`; one that has any says when it is ready to serve them. Such a one is
    started again if it is killed: who asks for a page meanwhile waits in the socket.
    """

    name: str
    arguments: Sequence[str]
    essential: bool = False
    sockets: Sequence[socket.socket] = ()
    process: subprocess.Popen[bytes] | None = None
    ready: int | None = None
    started_at: float = 0.0
    restart_at: float | None = None
    restarts: int = 0

    def is_running(self) -> bool:
        """Whether its process has been started and not ended."""
        return self.process is not None and self.process.poll() is None

    def may_end(self) -> bool:
        """Whether the others go on without it, and it is started again."""
        was_killed = self.process is not None and (self.process.returncode or 0) < 0
        return not self.essential or (was_killed and bool(self.sockets))


class Supervisor:
    """Starts children, restarts those that fail, replaces them on SIGHUP, and stops them together.

    `children` gives those for an environment, which `prepare` makes anew for each SIGHUP; it says
    what is wrong and raises SystemExit where it cannot. Without it, SIGHUP ends all.
    """

    def __init__(
        self,
        children: Callable[[Environment], Sequence[Child]],
        environment: Environment,
        *,
        prepare: Callable[[], Environment] | None = None,
        drain_seconds: float = 0.0,
    ) -> None:
        self._make_children = children
        self._environment = environment
        self._prepare = prepare
        self._drain_seconds = drain_seconds
        self._children: Sequence[Child] = ()
        self._leaving: list[tuple[subprocess.Popen[bytes], float]] = []
        # Its end closes the pipe, which is how those who read it learn that the site will end.
        self._until_stop, self._stop_pipe = os.pipe()
        self._stopping = self._reloading = False

    def run(self, *, ready: Callable[[], int | None] = lambda: None) -> int:
        """Until a signal, or the end of an essential child. `ready` is called once all are started.

        A number from `ready` ends the run with it. Returns the exit code.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        signal.signal(signal.SIGHUP, self._reload if self._prepare else self._stop)
        try:
            self._children = self._make_children(self._environment)
            self._start_all(self._children)
            failed = self._not_ready(self._children)
            if failed and not self._stopping:
                return self._ended(failed)
            outcome = None if self._stopping else ready()
            if outcome is not None:
                return outcome
            _tell_systemd("READY=1")
            return self._watch()
        finally:
            self._end_all()

    def _watch(self) -> int:
        while not self._stopping:
            for child in self._children:
                if child.is_running():
                    continue
                if not child.may_end():
                    return self._ended(child)
                self._restart(child)
            self._reap(wait=False)
            if self._reloading and self._prepare:
                self._reloading = False
                self._replace(self._prepare)
            time.sleep(0.1)
        return 0

    def _ended(self, child: Child) -> int:
        code = child.process.returncode if child.process else None
        words = _("The {name} ended by itself (exit code {code}).")
        click.echo(words.format(name=child.name, code=code), err=True)
        return code or 1

    def _restart(self, child: Child) -> None:
        now = time.monotonic()
        if child.restart_at is None:
            if now - child.started_at > STEADY_AFTER_SECONDS:
                child.restarts = 0
            waits = (0, *RESTART_AFTER_SECONDS) if child.sockets else RESTART_AFTER_SECONDS
            wait = waits[min(child.restarts, len(waits) - 1)]
            child.restart_at = now + wait
            child.restarts += 1
            code = child.process.returncode if child.process else None
            words = _("The {name} ended (exit code {code}); it starts again in {wait} s.")
            click.echo(words.format(name=child.name, code=code, wait=wait), err=True)
        elif now >= child.restart_at:
            self._start(child)
            if child.ready is not None:
                # Nobody waits for it; should it end by itself, all does.
                os.close(child.ready)
                child.ready = None

    def _start_all(self, children: Sequence[Child]) -> None:
        for child in children:
            self._start(child)

    def _start(self, child: Child) -> None:
        child.started_at, child.restart_at = time.monotonic(), None
        arguments = [*MICROBLOG, *child.arguments]
        inherited = [one.fileno() for one in child.sockets]
        arguments += [f"--socket={number}" for number in inherited]
        told = None
        if child.sockets:
            child.ready, told = os.pipe()
            arguments += [f"--ready={told}", f"--until-stop={self._until_stop}"]
            inherited += [told, self._until_stop]
        environment = {**os.environ, **self._environment, PARENT: str(os.getpid())}
        environment.pop("NOTIFY_SOCKET", None)
        # A session of its own: Ctrl-C reaches this process only, which ends the others in order.
        child.process = subprocess.Popen(  # noqa: S603 - our own command
            arguments,
            env=environment,
            pass_fds=inherited,
            start_new_session=True,
        )
        if told is not None:
            os.close(told)

    def _not_ready(self, children: Sequence[Child]) -> Child | None:
        """Wait until all that say so are ready; returns the first that ended or took too long."""
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        for child in children:
            if child.ready is None:
                continue
            said = False
            while not (said or self._stopping) and time.monotonic() < deadline:
                readable, _writable, _other = select.select([child.ready], [], [], 0.1)
                if readable:
                    said = bool(os.read(child.ready, 1))
                    break
            os.close(child.ready)
            child.ready = None
            if not said:
                return child
        return None

    def _replace(self, prepare: Callable[[], Environment]) -> None:
        """Start all anew, with the code and settings of now; the old ones end once these serve."""
        click.echo(_("Reloading."), err=True)
        _tell_systemd("RELOADING=1")
        if self._have_new_ones(prepare):
            click.echo(_("Reloaded."), err=True)
        elif not self._stopping:
            click.echo(_("Nothing was reloaded: the site goes on as before."), err=True)
        _tell_systemd("READY=1")

    def _have_new_ones(self, prepare: Callable[[], Environment]) -> bool:
        before = self._environment
        try:
            self._environment = prepare()
        except SystemExit:
            return False
        children = self._make_children(self._environment)
        self._start_all(children)
        failed = self._not_ready(children)
        if failed:
            self._environment = before
            self._retire(children)
            return False
        self._retire(self._children)
        self._children = children
        return True

    def _retire(self, children: Sequence[Child]) -> None:
        deadline = time.monotonic() + STOP_WITHIN_SECONDS
        for child in children:
            if child.process is not None:
                with suppress(ProcessLookupError):
                    child.process.terminate()
                self._leaving.append((child.process, deadline))

    def _reap(self, *, wait: bool) -> None:
        """Kill those that were told to end and do not; with `wait`, stay until all have ended."""
        for process, deadline in list(self._leaving):
            if wait:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(max(deadline - time.monotonic(), 0.1))
            if process.poll() is None and time.monotonic() >= deadline:
                process.kill()
                process.wait()
            if process.poll() is not None:
                self._leaving.remove((process, deadline))

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping:
            raise SystemExit(1)
        self._stopping = True

    def _reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reloading = True

    def _end_all(self) -> None:
        _tell_systemd("STOPPING=1")
        os.close(self._stop_pipe)
        try:
            if self._stopping:
                # Now /readyz answers 503; whoever asks it has so long to send people elsewhere.
                time.sleep(self._drain_seconds)
        finally:
            self._retire(self._children)
            self._reap(wait=True)


def prepared(*arguments: str) -> dict[str, Any]:
    """What `microblog process …` prints as JSON. Raises SystemExit with its exit code if it fails.

    It does what needs the site's code, and its end gives all back that it has loaded.
    """
    done = subprocess.run(  # noqa: S603 - our own command
        [*MICROBLOG, "process", *arguments],
        env={**os.environ, PARENT: str(os.getpid())},
        stdout=subprocess.PIPE,
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        # A signal's number is negative.
        sys.exit(max(done.returncode, 1))
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _tell_systemd(state: str) -> None:
    sd_notify(state, logging.getLogger(__name__))


def end_with_supervisor() -> None:
    """In a child: be told to stop when the supervisor is killed, so that no port stays taken."""
    parent = os.environ.get(PARENT)
    if parent is None:
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        raise SystemExit(_("The supervisor has ended."))
