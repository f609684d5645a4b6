"""How much memory does a site take, does it grow, and how quickly does a command start?

Both wheels are installed into an environment of their own and compiled to bytecode. There
`microblog --help`, `microblog --version` and the completion of a command take turns with a Python
that imports Flask and SQLAlchemy. Compared is the CPU time (user and system) of whole processes,
the median of nine.

A site on SQLite without visitors is at rest when its memory has been the same for three seconds.
Memory shared by processes is counted in equal parts (PSS). The CPU time of all its processes is
read after a minute without requests, and after the first page.

`microblog process dispatcher` sends 100,000 messages, half of them pre-rendered and half resets,
each for another account, so that every part of a delivery runs. Its resident memory is read after
10,000 messages, when all caches are filled and the allocator has taken what it keeps, and three
times more until the end, on both databases.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.databases import available, count_waiting, engines, fresh_database
from benchmarks.filling import enqueue_example, multiply, tidy
from benchmarks.installed import COMPARED_WITH, AtRest, cpu_seconds, install, site_at_rest
from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.sink import running_sink
from flask_outbox import Priority
from flask_outbox.outbox.models import Status
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.app import create_app
from microblog.database import db
from microblog.schema import upgrade
from microblog.settings import Settings, as_environment

WARM_UP = 10_000
"""Messages before the first reading."""

AT_MOST_BYTES = 50
"""Growth for each message after the warm-up. The smallest string takes as much, and a number in a
list nearly: anything that is kept of each message takes more."""

ENOUGH = 30_000
"""Fewer messages tell nothing: the allocator may take a MiB at any time, and once."""

START_UP_AT_MOST = 0.6
SUPERVISOR_AT_MOST_MIB = 20
SITE_AT_MOST_MIB = 175

POLL_SECONDS = 0.25
STUCK_SECONDS = 60.0
MIB = 1024 * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--messages", type=int, default=90_000, help=f"so many after the first {WARM_UP:,}"
    )
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("memory", __doc__, full=full)
    with tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder:
        commands = install(Path(folder))
        seconds = cpu_seconds(commands)
        report_start_up(report, seconds)
        rest = site_at_rest(commands, Path(folder))
    report_rest(report, rest.memory)
    report_work(report, rest, compared_with=seconds[COMPARED_WITH])
    report_growth(report, options.messages, options.engine)
    report.finish()


def report_start_up(report: Report, seconds: dict[str, float]) -> None:
    compared_with = seconds[COMPARED_WITH]
    table = report.table("CPU time of a whole process", "Time", "Compared")
    for name, taken in seconds.items():
        table.row(name, milliseconds(taken), f"{taken / compared_with:.2f} x")
    slowest = max(taken for name, taken in seconds.items() if name != COMPARED_WITH)
    report.promise(
        f"Help, version and completion take at most {START_UP_AT_MOST} times the CPU time of"
        " importing Flask and SQLAlchemy",
        measured=f"at most {slowest / compared_with:.2f} times",
        kept=slowest <= START_UP_AT_MOST * compared_with,
    )


def report_rest(report: Report, sizes: dict[str, int]) -> None:
    table = report.table("Memory at rest", "PSS")
    for name, size in sizes.items():
        table.row(name, f"{size / MIB:.1f} MiB")
    supervisor, site = sizes["supervisor"], sum(sizes.values())
    table.row("the whole site", f"{site / MIB:.1f} MiB")
    report.promise(
        f"The supervisor takes at most {SUPERVISOR_AT_MOST_MIB} MiB, the whole site at rest at most"
        f" {SITE_AT_MOST_MIB} MiB",
        measured=f"{supervisor / MIB:.1f} and {site / MIB:.1f} MiB",
        kept=supervisor <= SUPERVISOR_AT_MOST_MIB * MIB and site <= SITE_AT_MOST_MIB * MIB,
    )


def report_work(report: Report, rest: AtRest, *, compared_with: float) -> None:
    table = report.table("CPU time of all processes", "Time", "Compared")
    for name, taken in (
        ("from the start to the first page, with a new database", rest.start),
        ("a minute without requests", rest.idle),
    ):
        table.row(name, milliseconds(taken), f"{taken / compared_with:.2f} x")


def report_growth(report: Report, messages: int, only: list[str] | None) -> None:
    marks = [WARM_UP + messages * part // 3 for part in range(4)]
    table = report.table(
        "Resident memory after so many messages", *(f"{mark:,}" for mark in marks), "Growth"
    )
    growths = []
    for engine in engines(report, only):
        sizes = measure(engine, marks)
        growths.append((sizes[-1] - sizes[0]) / (marks[-1] - marks[0]))
        table.row(
            engine,
            *(f"{size / MIB:.1f} MiB" for size in sizes),
            f"{growths[-1]:.1f} bytes a message",
        )
    if messages < ENOUGH:
        report.note(
            f"Growth is judged from {ENOUGH:,} messages on: the allocator's steps are large."
        )
        return
    report.promise(
        f"The dispatcher's memory grows by less than {AT_MOST_BYTES} bytes a message",
        measured=f"at most {max(growths):.1f} bytes over {marks[-1] - marks[0]:,} messages",
        kept=max(growths) < AT_MOST_BYTES,
    )
    report.note(
        f"Why {AT_MOST_BYTES} bytes: the smallest string that might be kept of a message takes as"
        " much, an entry in a dictionary twice that. Less is the allocator's own."
    )


def measure(engine: str, marks: list[int]) -> list[int]:
    """Return the bytes of resident memory after so many messages were sent."""
    messages = marks[-1]
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name,
        fresh_database(engine, Path(name), name="memory") as url,
        running_sink() as mail_port,
    ):
        settings = Settings(
            SECRET_KEY="a secret for a benchmark only, long enough",
            PUBLIC_URL="http://localhost",
            ADMINS=("admin@example.com",),
            DATABASE_URL=url,
            INSTANCE_PATH=Path(name),
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=mail_port,
        )
        with create_app(settings).app_context():
            _fill(settings, messages // 2)
            with _dispatcher(settings, Path(name) / "dispatcher.log") as process:
                return [_memory_after(process, messages - mark) for mark in marks]


def _fill(settings: Settings, half: int) -> None:
    upgrade()
    sample = ["--users", str(half + 1), "--posts", "0", "--follows", "0"]
    subprocess.run(
        [sys.executable, "-m", "microblog", "fake", *sample],
        env=os.environ | as_environment(settings),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    examples = [enqueue_example(), enqueue_example(RESET_KIND)]
    now = time.time()
    for example in examples:
        # The same priority and times, so that both kinds leave mixed.
        columns = {"status": Status.QUEUED, "lane": Priority.NORMAL}
        multiply(db.engine, example, half, first_due_at=now, **columns)
    tidy(db.engine)


@contextmanager
def _dispatcher(settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "microblog", "process", "dispatcher"],
            env=os.environ | as_environment(settings),
            stderr=output,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def _memory_after(process: subprocess.Popen[bytes], remaining: int) -> int:
    """Return the bytes of resident memory once only so many messages wait."""
    waiting, changed_at = -1, time.monotonic()
    while (now_waiting := count_waiting()) > remaining:
        if now_waiting != waiting:
            waiting, changed_at = now_waiting, time.monotonic()
        if time.monotonic() - changed_at > STUCK_SECONDS:
            raise SystemExit(f"Nothing leaves any more; {waiting} messages wait.")
        time.sleep(POLL_SECONDS)
    found = re.search(r"VmRSS:\s*(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    assert found
    print(f"{remaining:,} messages wait, memory: {found[0]}", flush=True)
    return int(found[1]) * 1024


if __name__ == "__main__":
    main()
