"""Does a reload of the running site fail a request?

Sixteen readers ask `microblog run` on SQLite for pages, 200 a second in all, half of them on
connections that they keep. Meanwhile the site is told ten times, at even distances, to reload its
settings and code (SIGHUP). A request fails if it gets no answer, or another one than 200.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import signal
import statistics
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import running_site
from benchmarks.sink import running_sink
from tests.cli.running import command_line, descendants

READERS = 16
A_SECOND = 200
PATHS = ("/login", "/explore", "/healthz", "/static/site.css")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--reloads", type=int, default=10)
    options, full = parse(parser)
    report = Report("reload", __doc__, full=full)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sink() as mail_port,
        running_site(Path(folder), mail_port=mail_port, people=10, posts=200) as port,
    ):
        below = descendants(os.getpid())
        # The first one: a process that it is just starting still has its command line.
        supervisor = next(pid for pid in below if "microblog run" in command_line(pid))
        end = time.monotonic() + options.seconds
        readers = [Reader(port, end, kept=bool(number % 2)) for number in range(READERS)]
        for one in readers:
            one.start()
        for _ in range(options.reloads):
            time.sleep(options.seconds / (options.reloads + 1))
            os.kill(supervisor, signal.SIGHUP)
        for one in readers:
            one.join()
        done = (Path(folder) / "site.log").read_text().count("Reloaded.")
    times = [taken for one in readers for _begun, taken in one.times]
    failures = [words for one in readers for _begun, words in one.failures]
    table = report.table("Requests", "Reloads", "median", "p99", "slowest", "Failed")
    table.row(
        f"{len(times):,}",
        str(done),
        milliseconds(statistics.median(times)),
        milliseconds(statistics.quantiles(times, n=100)[98]),
        milliseconds(max(times)),
        str(len(failures)),
    )
    for words in sorted(set(failures)):
        report.note(f"{failures.count(words)} × {words}.")
    report.promise(
        f"{options.reloads} reloads in {options.seconds} s at {A_SECOND} requests a second:"
        " none fails",
        measured=f"{len(failures)} of {len(times):,} failed",
        kept=not failures and done == options.reloads,
    )
    report.finish()


class Reader(threading.Thread):
    """Asks for one page after the other at the same distance, whatever the last one took."""

    def __init__(self, port: int, end: float, *, kept: bool) -> None:
        super().__init__()
        self.times: list[tuple[float, float]] = []
        """When each request began, by the monotonic clock, and how many seconds it took."""
        self.failures: list[tuple[float, str]] = []
        """When each request that failed began, and what went wrong."""
        self._port, self._end, self._kept = port, end, kept

    def run(self) -> None:
        """Read until the end."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        headers = {} if self._kept else {"Connection": "close"}
        due = time.monotonic()
        for path in itertools.cycle(PATHS):
            due += READERS / A_SECOND
            if due > self._end:
                break
            time.sleep(max(due - time.monotonic(), 0))
            begun = time.monotonic()
            try:
                connection.request("GET", path, headers=headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append((begun, f"status {answer.status}"))
            except (OSError, http.client.HTTPException) as error:
                self.failures.append((begun, repr(error)))
                connection.close()
            self.times.append((begun, time.monotonic() - begun))
        connection.close()


if __name__ == "__main__":
    main()
