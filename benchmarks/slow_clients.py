"""Do slow clients keep others waiting, with no proxy in front?

A reader asks a site on SQLite with eight threads for the home page again and again: alone; while
another process has 200 connections with half a header and 200 with an unfinished body, each of
which sends a byte a second and reconnects when it is closed; while 200 clients asked for a large
file and read nothing of it; and while 200 asked once and keep their connection. In between the
reader is measured alone again.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import tempfile
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink

AT_MOST = 2.0
PASSWORD = "correct horse battery staple"
EACH = 200
POSTS = 2_000
PAUSE_SECONDS = 0.005
"""Between two pages, for people read."""

ALONE = "nobody else"
HALVES = f"{EACH} half headers and {EACH} unfinished bodies"
UNREAD = f"{EACH} that read nothing"
IDLE = f"{EACH} that are kept"

POST = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
GET = b"GET /bootstrap/static/css/bootstrap.min.css HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"
OPENINGS = {
    HALVES: [POST + b"X-Head: "] * EACH + [POST + b"Content-Length: 100000\r\n\r\na="] * EACH,
    UNREAD: [GET] * EACH,
    IDLE: [b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n"] * EACH,
}
TRICKLING = {HALVES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds",
        type=float,
        default=60,
        help="with unfinished requests; half as long with others",
    )
    options, full = parse(parser)
    report = Report("slow_clients", __doc__, full=full)
    times: dict[str, list[float]] = {kind: [] for kind in (ALONE, *OPENINGS)}
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        running_sink() as mail_port,
        running_site(Path(folder), mail_port=mail_port, people=10, posts=POSTS, follows=3) as port,
    ):
        reader = Client(port)
        reader.log_in("user0", PASSWORD)
        reader.time_answers("/", 2, pause=PAUSE_SECONDS)
        for kind, openings in OPENINGS.items():
            seconds = options.seconds if kind == HALVES else options.seconds / 2
            times[ALONE] += reader.time_answers("/", options.seconds / 2, pause=PAUSE_SECONDS)
            with _Slow(port, openings, trickle=kind in TRICKLING):
                times[kind] += reader.time_answers("/", seconds, pause=PAUSE_SECONDS)
    _report_times(report, times)


def _report_times(report: Report, times: dict[str, list[float]]) -> None:
    table = report.table("Beside the reader there are", "Home page: median", "p99", "Against alone")
    alone = _p99(times[ALONE])
    for kind, ones in times.items():
        median, p99 = statistics.median(ones), _p99(ones)
        table.row(kind, milliseconds(median), milliseconds(p99), f"{p99 / alone:.2f} ×")
    worst = max(_p99(times[kind]) for kind in OPENINGS) / alone
    report.promise(
        f"p99 of a page beside hundreds of slow clients: at most {AT_MOST:.0f} × that alone",
        measured=f"{worst:.2f} ×",
        kept=worst <= AT_MOST,
    )
    report.note(f"{sum(map(len, times.values())):,} pages.")
    report.note(f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.")
    report.finish()


class _Slow:
    """Slow clients in a process of their own, for as long as the context lasts."""

    def __init__(self, port: int, openings: list[bytes], *, trickle: bool) -> None:
        spawn = get_context("spawn")
        self._ready, self._end = spawn.Event(), spawn.Event()
        given = (port, openings, trickle, self._ready, self._end)
        self._process = spawn.Process(target=_be_slow, args=given)

    def __enter__(self) -> None:
        self._process.start()
        assert self._ready.wait(60), "the slow clients did not start"

    def __exit__(self, *_exception: object) -> None:
        self._end.set()
        self._process.join()


def _be_slow(port: int, openings: list[bytes], trickle: bool, ready: Any, end: Any) -> None:
    clients = [_open(port, opening) for opening in openings]
    if not trickle:
        # Wait for the answers, so that producing them is not measured.
        for client in clients:
            client.recv(1, socket.MSG_PEEK)
    ready.set()
    while not end.wait(1):
        for number, client in enumerate(clients):
            if trickle and _is_cut_off(client):
                client.close()
                clients[number] = _open(port, openings[number])


def _open(port: int, opening: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port))
    # A small window, so that the system buffers little of what is not read.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.sendall(opening.replace(b"%d", str(port).encode()))
    return client


def _is_cut_off(client: socket.socket) -> bool:
    """Send one more byte; the server never answers these requests, and may close them."""
    try:
        client.sendall(b"a")
        return client.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
