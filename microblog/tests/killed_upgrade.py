"""`microblog db upgrade`, which a signal hits at a given moment, as often as wanted.

`python -m tests.killed_upgrade` reads lines like `7 SIGKILL`: it forks, since importing everything
takes a second, and the child's upgrade sends itself the signal before its seventh statement or
commit, or at its end, whichever is the seventh. For each line it writes the child's PID and what
became of it: its exit code, negative for a signal, or that of the signal that stopped it.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from sqlalchemy import Engine, event

from microblog.cli import schema


class Upgrades:
    """Runs this module's program."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, moment: int, number: signal.Signals = signal.SIGKILL) -> tuple[int, int]:
        """Upgrade, and send the signal at this moment; return the PID and what became of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(moment, number.name, file=self._process.stdin, flush=True)
        pid, code = self._process.stdout.readline().split()
        return int(pid), int(code)


@contextmanager
def upgrades(environment: Mapping[str, str]) -> Iterator[Upgrades]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.killed_upgrade"],
        env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield Upgrades(process)
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    for line in sys.stdin:
        moment, name = line.split()
        child = os.fork()
        if child == 0:
            _upgrade(int(moment), signal.Signals[name])
        _, status = os.waitpid(child, os.WUNTRACED)
        code = -os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        sys.stdout.write(f"{child} {code}\n")
        sys.stdout.flush()


def _upgrade(moment: int, number: signal.Signals) -> NoReturn:
    moments = itertools.count(1)

    def pass_moment(*_event: object) -> None:
        if next(moments) == moment:
            os.kill(os.getpid(), number)

    event.listen(Engine, "before_cursor_execute", pass_moment)
    event.listen(Engine, "commit", pass_moment)
    code = 1
    try:
        schema.upgrade([], standalone_mode=False)
        pass_moment()
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
