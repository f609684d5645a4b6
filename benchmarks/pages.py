"""Does a silent mail server slow the pages down?

Two whole sites on SQLite run side by side, each with its dispatcher: the mail server of one is
healthy, that of the other accepts connections and never answers. Both are asked for a reset and
for the log-in page, in alternating blocks, so that other load on the machine affects them equally.

Then the home page and the sign-in page are compared with a constant page of Flask and, if
MICROBLOG_TUTORIAL names a checkout of it, with the finished application of the Flask Mega-Tutorial,
with the same 50 people and 2,000 posts. Waitress serves each of the three in one process.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import rates
from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink

HEALTHY, SILENT = "healthy", "silent"
FORM, PLAIN = "/reset_password_request", "/login"
METHOD = {FORM: "POST", PLAIN: "GET"}
BLOCK = 50
WARM_UP = 100
AT_MOST = 1.2

Times = dict[tuple[str, str], list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="with fresh sites")
    parser.add_argument("--blocks", type=int, default=40, help=f"of {BLOCK} of each page, a round")
    options, full = parse(parser)
    report = Report("pages", __doc__, full=full)
    times: Times = {
        (page, state): [] for page, state in itertools.product(METHOD, (HEALTHY, SILENT))
    }
    for _ in range(options.rounds):
        _measure(times, options.blocks)
    table = report.table("Page, while the mail server is", "Median", "p99")
    for (page, state), ones in times.items():
        median, p99 = statistics.median(ones), _p99(ones)
        table.row(f"{METHOD[page]} {page}, {state}", milliseconds(median), milliseconds(p99))
    ratios = {page: _p99(times[page, SILENT]) / _p99(times[page, HEALTHY]) for page in METHOD}
    report.promise(
        f"p99 of a page with the mail server silent: at most {AT_MOST} × that with a healthy one",
        measured=", ".join(f"{page} {ratio:.2f} ×" for page, ratio in ratios.items()),
        kept=max(ratios.values()) <= AT_MOST,
    )
    each = options.rounds * options.blocks * BLOCK
    report.note(f"{each:,} requests of each page in each state.")
    rates.compare(report, options.blocks)
    report.finish()


def _measure(times: Times, blocks: int) -> None:
    """Measure one round, with fresh sites."""
    with _site(HEALTHY, blocks) as healthy, _site(SILENT, blocks) as silent:
        clients = {HEALTHY: healthy, SILENT: silent}
        for client in clients.values():
            _ask(client, range(WARM_UP))
        for block in range(blocks):
            first = WARM_UP + block * BLOCK
            for state, client in clients.items():
                posting, plain = _ask(client, range(first, first + BLOCK))
                times[FORM, state] += posting
                times[PLAIN, state] += plain


@contextmanager
def _site(state: str, blocks: int) -> Iterator[Client]:
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        running_sink(silent=state == SILENT) as mail_port,
        running_site(Path(folder), mail_port=mail_port, people=WARM_UP + blocks * BLOCK) as port,
    ):
        client = Client(port)
        client.open_form(FORM)
        yield client


def _ask(client: Client, users: range) -> tuple[list[float], list[float]]:
    """Return the seconds of each request for a reset, and of each log-in page after it."""
    client.reconnect()
    client.get(PLAIN)
    posting, plain = [], []
    for number in users:
        started = time.perf_counter()
        status = client.post(FORM, email=f"user{number}@example.com")
        between = time.perf_counter()
        shown = client.get(PLAIN)
        posting.append(between - started)
        plain.append(time.perf_counter() - between)
        assert (status, shown) == (302, 200), f"statuses {status} and {shown}"
    return posting, plain


def _p99(times: list[float]) -> float:
    return statistics.quantiles(times, n=100)[98]


if __name__ == "__main__":
    main()
