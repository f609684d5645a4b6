"""How long do readers wait when a process of the site is killed?

Sixteen readers ask `microblog run` on SQLite for pages, 200 a second in all, half of them on
connections that they keep. The site has its socket as from systemd, which this program holds.
Meanwhile a web worker, the mail dispatcher, the web server and the supervisor are ended with
SIGKILL, one after the other, again and again. The supervisor is started again two seconds later, as
by the unit in deploy/systemd. A request counts for the last kill before its end; it is lost if it
gets no answer, or another one than 200.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reload import READERS, Reader
from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import prepared_site
from benchmarks.sink import running_sink
from tests.cli.running import command_line, descendants
from tests.cli.test_reload import TAKE_AS_SYSTEMD_GIVES
from tests.waiting import eventually

AT_MOST = 2.0
RESTARTED_AFTER = 2.0
APART = 8.0

WORKER, DISPATCHER, WEB, SUPERVISOR = "web worker", "mail dispatcher", "web server", "supervisor"
LOSES_NOTHING = (DISPATCHER, WEB)


class _Site:
    """A site with a socket that outlives it."""

    def __init__(self, environment: dict[str, str], listener: socket.socket, log: Path) -> None:
        self._environment = environment
        self._listener = listener
        self._log = log
        self.start()

    def start(self) -> None:
        number = self._listener.fileno()
        with self._log.open("ab") as written:
            self._process = subprocess.Popen(
                [sys.executable, "-c", TAKE_AS_SYSTEMD_GIVES, str(number)],
                env=self._environment,
                stdout=written,
                stderr=written,
                pass_fds=[number],
            )

    def kill(self, kind: str) -> None:
        if kind == SUPERVISOR:
            self._process.kill()
            self._process.wait()
            time.sleep(RESTARTED_AFTER)
            self.start()
            return
        web = self._children("process web")
        pid = {WEB: web[0], WORKER: web[-1], DISPATCHER: self._children("dispatcher")[0]}[kind]
        os.kill(pid, signal.SIGKILL)

    def is_whole(self) -> bool:
        """Whether all processes run: web server, worker and dispatcher."""
        return (len(self._children("process web")), len(self._children("dispatcher"))) == (2, 1)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()

    def _children(self, words: str) -> list[int]:
        return [pid for pid in descendants(self._process.pid) if words in command_line(pid)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options, full = parse(parser)
    report = Report("crash", __doc__, full=full)
    kinds = (WORKER, DISPATCHER, WEB, SUPERVISOR)
    kills: list[tuple[float, str]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sink() as mail_port,
        socket.create_server(("127.0.0.1", 0), backlog=1000) as listener,
    ):
        port = listener.getsockname()[1]
        environment = prepared_site(Path(folder), port, mail_port, people=10, posts=200)
        site = _Site(environment, listener, Path(folder) / "site.log")
        if not eventually(site.is_whole):
            raise SystemExit("The site did not start.")
        time.sleep(APART)
        end = time.monotonic() + (options.rounds * len(kinds) + 1) * APART
        readers = [Reader(port, end, kept=bool(number % 2)) for number in range(READERS)]
        for one in readers:
            one.start()
        for kind in kinds * options.rounds:
            time.sleep(APART)
            if not site.is_whole():
                report.note(f"Not all processes ran when the {kind} was to be killed.")
                continue
            kills.append((time.monotonic(), kind))
            site.kill(kind)
        for one in readers:
            one.join()
        site.end()
    _report(report, readers, kills, wanted=options.rounds * len(kinds))


def _report(
    report: Report, readers: Sequence[Reader], kills: Sequence[tuple[float, str]], *, wanted: int
) -> None:
    table = report.table("Killed", "Times", "Requests", "Slowest", "Lost")
    slowest: dict[str, float] = {}
    lost: dict[str, int] = {}
    for kind in (WORKER, DISPATCHER, WEB, SUPERVISOR):
        ended = {
            (number, begun): taken
            for number, one in enumerate(readers)
            for begun, taken in one.times
            if _killed_last(kills, begun + taken) == kind
        }
        failed = [
            words
            for number, one in enumerate(readers)
            for begun, words in one.failures
            if (number, begun) in ended
        ]
        slowest[kind], lost[kind] = max(ended.values(), default=0.0), len(failed)
        times = sum(killed == kind for _at, killed in kills)
        table.row(kind, str(times), f"{len(ended):,}", milliseconds(slowest[kind]), str(lost[kind]))
        for words in sorted(set(failed)):
            report.note(f"{kind}: {failed.count(words)} × {words}.")
    longest = max(slowest[kind] for kind in (WORKER, DISPATCHER, WEB))
    report.promise(
        f"A web worker, the web server or the dispatcher killed: nobody waits for more than"
        f" {AT_MOST:g} s",
        measured=f"at most {longest:.2f} s",
        kept=len(kills) == wanted and longest <= AT_MOST,
    )
    report.promise(
        "The web server or the dispatcher killed: no request is lost",
        measured=f"{sum(lost[kind] for kind in LOSES_NOTHING)} lost",
        kept=len(kills) == wanted and not any(lost[kind] for kind in LOSES_NOTHING),
    )
    report.finish()


def _killed_last(kills: Sequence[tuple[float, str]], moment: float) -> str | None:
    return next((kind for at, kind in reversed(kills) if at <= moment), None)


if __name__ == "__main__":
    main()
