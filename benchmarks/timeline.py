"""Does the home page cost the same however far one reads, and how does it compare?

One reader follows 5,000 of 100,000 people, who wrote 1,000,000 posts. Whole pages are measured, the
first and the ten-thousandth in turn; then the statement behind them, beside the tutorial's, which
joins, groups, and skips rows by OFFSET. Under load (wrk, eight connections), the site is compared
with a Flask application that answers the same page from memory, behind the same server.
"""

from __future__ import annotations

import argparse
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from flask import Flask
from sqlalchemy import select, text

from benchmarks.databases import SQLITE, available, engines, fresh_database
from benchmarks.reporting import Report, Table, milliseconds, parse
from benchmarks.running import Client, running_site
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.blog import timeline
from microblog.blog.timeline import PAGE_SIZE, Cursor
from microblog.cli.ports import choose_free, wait_until_open
from microblog.cli.sample import PASSWORD
from microblog.database import db
from microblog.settings import Settings
from tests.visitor import Visitor

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
READER = "user0"
AT_MOST = 1.5
AT_LEAST = 10.0
ROUNDS = 60
LOAD_SECONDS = 8
CONNECTIONS = 8

# How the tutorial's last version reads a page of followed people's posts.
TUTORIAL = text(
    """SELECT posts.id, posts.body, posts.created_at, posts.user_id FROM posts
    JOIN users AS author ON author.id = posts.user_id
    LEFT JOIN follows ON follows.followed_id = author.id
    LEFT JOIN users AS follower ON follower.id = follows.follower_id
    WHERE follower.id = :reader OR author.id = :reader
    GROUP BY posts.id, posts.body, posts.created_at, posts.user_id
    ORDER BY posts.created_at DESC LIMIT :size OFFSET :skipped"""
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--follows", type=int, default=5_000)
    parser.add_argument("--page", type=int, default=10_000, help="the page far from the first")
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("timeline", __doc__, full=full)
    pages = report.table("Home page", "First: median", f"{options.page:,}th", "Ratio")
    statements = report.table("Statement", "Ours: median", "The tutorial's", "Ratio")
    depths, speedups = [], []
    load = report.table("Under load", "Pages a second", "p99")
    for engine in engines(report, options.engine):
        with _site(engine, options) as (app, port, folder):
            depth, speedup = _measure(engine, app, options.page, pages, statements)
            depths.append(depth)
            speedups.append(speedup)
            _under_load(engine, port, folder, load, report)
    report.promise(
        f"The first and the {options.page:,}th page within {AT_MOST} × of each other",
        measured=f"at most {max(depths):.2f} ×",
        kept=max(depths) <= AT_MOST,
    )
    report.promise(
        f"Home at least {AT_LEAST:g} × faster than the tutorial's query",
        measured=f"at least {min(speedups):.0f} ×",
        kept=min(speedups) >= AT_LEAST,
    )
    report.finish()


@contextmanager
def _site(engine: str, options: argparse.Namespace) -> Iterator[tuple[Flask, int, Path]]:
    """Run a site with sample data; give it as an application of this process, too."""
    with ExitStack() as stack:
        prefix = "microblog-benchmark-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        url = stack.enter_context(fresh_database(engine, folder))
        port = stack.enter_context(
            running_site(
                folder,
                mail_port=choose_free(HOST),
                people=options.people,
                posts=options.posts,
                follows=options.follows,
                database_url=url,
            )
        )
        settings = Settings(
            SECRET_KEY=secrets.token_urlsafe(48),
            DATABASE_URL=url,
            INSTANCE_PATH=folder,
            RATELIMIT_ENABLED=False,
        )
        app = create_app(settings)
        if engine != SQLITE:
            with app.app_context(), db.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("ANALYZE"))
        yield app, port, folder
        with app.app_context():
            db.engine.dispose()


def _measure(
    engine: str, app: Flask, page: int, pages: Table, statements: Table
) -> tuple[float, float]:
    """Return the far page's ratio to the first, and the tutorial's statement's ratio to ours."""
    visitor = Visitor(app)
    visitor.log_in(READER)
    with app.app_context():
        reader = db.session.scalar(select(User.id).where(User.username == READER)) or 0
        far = _tutorial_page(reader, (page - 1) * PAGE_SIZE)
        if len(far) < PAGE_SIZE:
            raise SystemExit(f"There are no {page} pages; take more posts.")
        near_times, far_times = _in_turn(
            lambda: visitor.get("/"), lambda: visitor.get(f"/?before={far[0] + 1}")
        )
        depth = statistics.median(far_times) / statistics.median(near_times)
        medians = [milliseconds(statistics.median(one)) for one in (near_times, far_times)]
        pages.row(engine, *medians, f"{depth:.2f} ×")
        ours = statistics.median(_times(lambda: timeline.home(db.session, reader, Cursor()), 30))
        theirs = statistics.median(_times(lambda: _tutorial_page(reader, 0), 3))
    statements.row(engine, milliseconds(ours), milliseconds(theirs), f"{theirs / ours:.0f} ×")
    return max(depth, 1 / depth), theirs / ours


def _tutorial_page(reader: int, skipped: int) -> list[int]:
    """The ids of a page of posts, found by the tutorial's statement."""
    values = {"reader": reader, "size": PAGE_SIZE, "skipped": skipped}
    return [row.id for row in db.session.execute(TUTORIAL, values)]


def _in_turn(
    one: Callable[[], object], other: Callable[[], object]
) -> tuple[list[float], list[float]]:
    """Time both calls alternately, so that other load on the machine affects them equally."""
    one(), other()
    ones, others = [], []
    for _ in range(ROUNDS):
        ones += _times(one, 1)
        others += _times(other, 1)
    return ones, others


def _times(call: Callable[[], object], count: int) -> list[float]:
    found = []
    for _ in range(count):
        started = time.perf_counter()
        call()
        found.append(time.perf_counter() - started)
        db.session.rollback()
    return found


def _under_load(engine: str, port: int, folder: Path, load: Table, report: Report) -> None:
    if shutil.which("wrk") is None:
        report.note("Pages under load were not measured: there is no wrk on this machine.")
        return
    site = f"http://{HOST}:{port}"
    client = Client(port)
    page = client.log_in(READER, PASSWORD)
    file = folder / "page.html"
    file.write_text(page)
    constant = choose_free(HOST)
    peer = subprocess.Popen(
        [sys.executable, str(ROOT / "benchmarks/peers/constant_page.py"), str(file), str(constant)]
    )
    try:
        wait_until_open(HOST, constant, seconds=20)
        ours = _wrk(f"{site}/", client.cookies)
        explore = _wrk(f"{site}/explore", client.cookies)
        flask = _wrk(f"http://{HOST}:{constant}/", "")
    finally:
        peer.terminate()
        peer.wait()
    load.row(f"{engine}: home", f"{ours[0]:,.0f}", milliseconds(ours[1]))
    load.row(f"{engine}: explore", f"{explore[0]:,.0f}", milliseconds(explore[1]))
    load.row("Flask, the same page from memory", f"{flask[0]:,.0f}", milliseconds(flask[1]))
    report.note(
        f"{engine}: the p99 of the home page under load is {ours[1] / flask[1]:.1f} × that of Flask"
        f" with a constant page; it answers {flask[0] / ours[0]:.1f} × fewer pages a second."
    )


def _wrk(address: str, cookies: str) -> tuple[float, float]:
    """Return the pages a second, and the p99 of their seconds."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_SECONDS}s", "--latency"]
    output = subprocess.run(
        [*command, "-H", f"Cookie: {cookies}", address], capture_output=True, text=True, check=True
    ).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", output)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    if "Non-2xx" in output or not rate or not p99:
        raise SystemExit(f"wrk failed:\n{output}")
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[p99[2]]
    return float(rate[1]), float(p99[1]) * unit


if __name__ == "__main__":
    main()
