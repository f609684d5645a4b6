"""Does the time of an answer tell who has an account?

A whole site on SQLite, with its dispatcher, is asked for a reset with known and with unknown
addresses, in random order, while its mail server is healthy, slow, silent or dead. The AUC is the
chance that a request with a known address takes longer than one with an unknown: at 0.5 there is
nothing to see.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path

from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink
from microblog.cli.ports import choose_free

LOWEST, HIGHEST = 0.47, 0.53
STATES = ("healthy", "300 ms", "silent", "dead")
FORM = "/reset_password_request"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=3000, help="requests of each kind and state")
    parser.add_argument("--state", choices=STATES, action="append", help="measure only this state")
    options, full = parse(parser)
    report = Report("enumeration", __doc__, full=full)
    report.note(f"{options.each:,} requests of each kind in each state.")
    table = report.table(
        "The mail server is", "known: median", "p99", "unknown: median", "p99", "AUC"
    )
    areas = []
    for state in options.state or STATES:
        known, unknown = measure(state, options.each)
        areas.append(auc(known, unknown))
        table.row(state, *_figures(known), *_figures(unknown), f"{areas[-1]:.3f}")
    report.promise(
        f"Known against unknown addresses: an AUC within {LOWEST} and {HIGHEST} in each state",
        measured=f"{min(areas):.3f} to {max(areas):.3f}",
        kept=all(LOWEST <= area <= HIGHEST for area in areas),
    )
    report.finish()


def measure(state: str, each: int) -> tuple[list[float], list[float]]:
    """Seconds of each answer, for known and for unknown addresses."""
    if state == "dead":
        return _measure_with(choose_free("127.0.0.1"), each)
    with running_sink(delay=0.3 if state == "300 ms" else 0, silent=state == "silent") as port:
        return _measure_with(port, each)


def _measure_with(mail_port: int, each: int) -> tuple[list[float], list[float]]:
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        running_site(Path(folder), mail_port=mail_port, people=each) as port,
    ):
        client = Client(port)
        client.open_form(FORM)
        for _ in range(50):
            client.post(FORM, email="warm@example.com")
        known = [(f"user{number}@example.com", True) for number in range(each)]
        unknown = [(f"uzer{number}@example.com", False) for number in range(each)]
        requests = [*known, *unknown]
        random.shuffle(requests)
        times: dict[bool, list[float]] = {True: [], False: []}
        for address, is_known in requests:
            started = time.perf_counter()
            status = client.post(FORM, email=address)
            times[is_known].append(time.perf_counter() - started)
            assert status == 302, f"status {status}"
    return times[True], times[False]


def auc(slower: Sequence[float], faster: Sequence[float]) -> float:
    """The chance that one of the first is larger than one of the second; ties count half."""
    ordered = sorted(faster)
    wins = sum(bisect_left(ordered, one) + bisect_right(ordered, one) for one in slower) / 2
    return wins / (len(slower) * len(faster))


def _figures(times: Sequence[float]) -> tuple[str, str]:
    p99 = statistics.quantiles(times, n=100)[98]
    return milliseconds(statistics.median(times)), milliseconds(p99)


if __name__ == "__main__":
    main()
