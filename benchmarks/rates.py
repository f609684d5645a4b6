"""The home page and the sign-in page, beside a constant page and the tutorial's application.

Every site runs in one process that Waitress serves, with as many threads. They are asked in
alternating blocks over a connection each.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.other_systems import ROOT, environment
from benchmarks.reporting import Report
from benchmarks.running import Client, running_site
from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.sample import PASSWORD

HOST = "127.0.0.1"
CHECKOUT = "MICROBLOG_TUTORIAL"
READER = "user0"
PEOPLE, POSTS, FOLLOWS = 50, 2_000, 500
BLOCK = 20
HOME, SIGN_IN = "Home, 25 posts", "Sign-in page"
THEIR_HOME, THEIR_SIGN_IN = "The tutorial's home, 25 posts", "The tutorial's login page"
CONSTANT = "Flask, a constant page"
AT_LEAST = {(HOME, THEIR_HOME): 4.0, (SIGN_IN, THEIR_SIGN_IN): 1.5}

Pages = dict[str, tuple[Client, str]]


def compare(report: Report, blocks: int) -> None:
    """Measure the pages a second, and judge them if there is a checkout of the tutorial."""
    with ExitStack() as stack:
        pages = _ours(stack)
        checkout = os.environ.get(CHECKOUT)
        if checkout:
            port = stack.enter_context(_running_tutorial(Path(checkout).resolve()))
            pages |= _theirs(port)
        rates = _measure(pages, blocks)
    table = report.table("One worker, one reader", "Pages a second", "Of the constant page")
    for name, rate in rates.items():
        table.row(name, f"{rate:,.0f}", f"{rate / rates[CONSTANT]:.0%}")
    if not checkout:
        report.note(
            "The tutorial's application was not measured: set"
            f" {CHECKOUT} to a checkout of github.com/miguelgrinberg/microblog."
        )
        return
    for (ours, theirs), least in AT_LEAST.items():
        ratio = rates[ours] / rates[theirs]
        report.promise(
            f"{ours}: at least {least:g} × as many a second as the tutorial's",
            measured=f"{ratio:.1f} ×",
            kept=ratio >= least,
        )


def _ours(stack: ExitStack) -> Pages:
    folder = _folder(stack)
    port = stack.enter_context(
        running_site(
            folder, mail_port=choose_free(HOST), people=PEOPLE, posts=POSTS, follows=FOLLOWS
        )
    )
    reader, stranger = Client(port), Client(port)
    page = reader.log_in(READER, PASSWORD)
    stranger.open_form("/login")
    file = folder / "page.html"
    file.write_text(page)
    constant = choose_free(HOST)
    program = ROOT / "benchmarks" / "peers" / "constant_page.py"
    stack.enter_context(
        _running([sys.executable, str(program), str(file), str(constant)], constant)
    )
    return {
        CONSTANT: (Client(constant), "/"),
        HOME: (reader, "/"),
        SIGN_IN: (stranger, "/login"),
    }


def _theirs(port: int) -> Pages:
    reader, stranger = Client(port), Client(port)
    stranger.open_form("/auth/login")
    reader.open_form("/auth/login")
    status = reader.post("/auth/login", keep_cookies=True, username=READER, password=PASSWORD)
    assert status == 302, f"signing in to the tutorial's application: {status}"
    return {THEIR_HOME: (reader, "/index"), THEIR_SIGN_IN: (stranger, "/auth/login")}


def _measure(pages: Pages, blocks: int) -> dict[str, float]:
    """The pages a second, by the median time of each."""
    times: dict[str, list[float]] = {name: [] for name in pages}
    for block in range(blocks + 1):
        for name, (client, path) in pages.items():
            client.reconnect()
            client.get(path)
            for _ in range(BLOCK):
                started = time.perf_counter()
                status = client.get(path)
                elapsed = time.perf_counter() - started
                assert status == 200, f"{name}: status {status}"
                if block:
                    times[name].append(elapsed)
    return {name: 1 / statistics.median(ones) for name, ones in times.items()}


@contextmanager
def _running_tutorial(checkout: Path) -> Iterator[int]:
    lines = (checkout / "requirements.txt").read_text().split()
    # The driver for PostgreSQL is not used, and has no wheels for new versions of Python.
    packages = [line for line in lines if not line.startswith("psycopg2")]
    server = f"waitress=={version('waitress')}"
    python = environment((*packages, server), name="tutorial")
    with ExitStack() as stack:
        port = choose_free(HOST)
        program = ROOT / "benchmarks" / "peers" / "tutorial_peer.py"
        numbers = map(str, (port, PEOPLE, POSTS, FOLLOWS))
        command = [
            str(python),
            str(program),
            str(checkout),
            str(_folder(stack)),
            *numbers,
            PASSWORD,
        ]
        # The site's own modules are not for the tutorial's Python.
        stack.enter_context(_running(["env", "--unset=PYTHONPATH", *command], port))
        yield port


@contextmanager
def _running(command: list[str], port: int) -> Iterator[None]:
    peer = subprocess.Popen(command)
    try:
        if not wait_until_open(HOST, port, seconds=60):
            raise SystemExit(f"This did not start: {' '.join(command)}")
        yield
    finally:
        peer.terminate()
        peer.wait()


def _folder(stack: ExitStack) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="microblog-benchmark-")
    return Path(stack.enter_context(folder))
