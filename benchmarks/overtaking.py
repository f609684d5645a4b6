"""Does urgent mail overtake mail that can wait?

A whole site, whose dispatcher is composing and sending 100,000 digests, each of two unread posts
and an unread message, is asked for a reset again and again. The time counts from the insertion of
the reset's row until it is sent: the mail server has taken it and the dispatcher has settled it.
Measured on both databases, and with a mail server that answers at once or takes 100 ms for each
message.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from benchmarks.databases import count_waiting, engines, fresh_database
from benchmarks.digests import AUTHOR, enqueue_digests, fill
from benchmarks.filling import tidy
from benchmarks.reporting import Report, milliseconds, parse
from benchmarks.running import Client, running_site
from benchmarks.sink import running_sink
from flask_outbox.outbox.models import Status
from microblog.accounts.actions.password_reset import RESET_KIND
from microblog.app import create_app
from microblog.database import db
from microblog.schema import upgrade
from microblog.settings import Settings

FORM = "/reset_password_request"
SECRET = "a secret for a benchmark only, long enough"
DELAYS = {"at once": 0.0, "after 100 ms": 0.1}
LONGEST_PAUSE = 0.4
AT_MOST_SECONDS = 1.0
PATIENCE_SECONDS = 60.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--digests", type=int, default=100_000)
    parser.add_argument("--resets", type=int, default=100, help="of each database and server")
    options, full = parse(parser)
    report = Report("overtaking", __doc__, full=full)
    table = report.table("Database, the mail server answers", "Median", "Slowest", "Digests left")
    slowest, fewest = 0.0, options.digests
    for engine in engines(report):
        for words, delay in DELAYS.items():
            times, left = measure(engine, delay, options.digests, options.resets)
            slowest, fewest = max(slowest, *times), min(fewest, left)
            figures = (milliseconds(one) for one in (statistics.median(times), max(times)))
            table.row(f"{engine}, {words}", *figures, f"{left:,}")
    report.promise(
        f"With {options.digests:,} digests waiting, a reset is handed over within 1 s",
        measured=f"the slowest in {milliseconds(slowest)}",
        kept=slowest < AT_MOST_SECONDS and fewest > 0,
    )
    report.note(f"{options.resets} resets each, at random moments, each for another account.")
    report.finish()


def measure(engine: str, delay: float, digests: int, resets: int) -> tuple[list[float], int]:
    """Return the seconds of each reset, and how many digests still wait."""
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name,
        fresh_database(engine, Path(name), name="overtaking") as url,
        running_sink(delay=delay) as mail_port,
    ):
        app = create_app(Settings(SECRET_KEY=SECRET, DATABASE_URL=url, INSTANCE_PATH=Path(name)))
        with app.app_context():
            upgrade()
            fill(digests)
            enqueue_digests()
            tidy(db.engine)
            with running_site(Path(name), mail_port=mail_port, people=0, database_url=url) as port:
                _ask(port, resets)
                result = _times(resets), count_waiting()
            db.engine.dispose()
            return result


def _ask(port: int, resets: int) -> None:
    client = Client(port)
    client.open_form(FORM)
    for number in range(AUTHOR + 1, AUTHOR + 1 + resets):
        time.sleep(random.uniform(0, LONGEST_PAUSE))
        status = client.post(FORM, email=f"user{number}@example.com")
        assert status == 302, f"status {status}"


def _times(resets: int) -> list[float]:
    """Return the seconds of each reset, once all are settled."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        rows = _rows(
            "SELECT status, settled_at - created_at FROM outbox"
            f" WHERE kind = '{RESET_KIND}' AND settled_at IS NOT NULL"
        )
        if len(rows) == resets:
            assert {status for status, _ in rows} == {Status.SENT}
            return [seconds for _, seconds in rows]
        if time.monotonic() > deadline:
            raise SystemExit(f"Only {len(rows)} of {resets} resets were sent in time.")
        time.sleep(0.1)


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with db.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(sql))]


if __name__ == "__main__":
    main()
