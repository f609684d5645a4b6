"""How soon does mail leave after its commit, on another host and without a broker?

`microblog worker`, with an instance folder of its own, delivers from PostgreSQL to a mail server on
this machine. Messages are enqueued one at a time, at random moments: first so that the worker only
finds them when it looks each second, then with NOTIFY. A time is measured from the beginning of the
commit to the server's acceptance.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.databases import POSTGRES, available, fresh_database
from benchmarks.distributed import running_worker, wait_for_listeners
from benchmarks.filling import HTML, TEXT
from benchmarks.reporting import Report, milliseconds, parse
from flask_outbox import current_outbox
from flask_outbox.outbox.wakeup import NoWakeup
from microblog.app import create_app
from microblog.database import db, transaction
from microblog.schema import upgrade
from microblog.settings import Settings
from tests.smtp_server import ScriptedServer

AT_MOST = 0.1
LONGEST_PAUSE_SECONDS = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=40)
    options, full = parse(parser)
    report = Report("notify", __doc__, full=full)
    words = f"With NOTIFY the median time is at most {AT_MOST:g} × that of looking each second"
    if POSTGRES not in available():
        report.note("Left out: there must be PostgreSQL.")
        report.promise(words, measured="not measured", kept=False)
        report.finish()
    report.note(f"{options.messages} messages each.")
    looking, notified = _measure(options.messages)
    table = report.table("The worker finds mail", "Median", "Longest")
    for name, seconds in (("by looking each second", looking), ("by NOTIFY", notified)):
        table.row(name, milliseconds(statistics.median(seconds)), milliseconds(max(seconds)))
    ratio = statistics.median(notified) / statistics.median(looking)
    report.promise(words, measured=f"{ratio:.3f} ×", kept=ratio <= AT_MOST)
    report.finish()


def _measure(count: int) -> tuple[list[float], list[float]]:
    """The seconds from commit to acceptance, by looking and with NOTIFY."""
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name,
        fresh_database(POSTGRES, Path(name), name="notify") as url,
        ScriptedServer() as server,
    ):
        settings = Settings(
            SECRET_KEY="a secret for a benchmark only, long enough",
            DATABASE_URL=url,
            INSTANCE_PATH=Path(name),
            PUBLIC_URL="http://blog.example.com",
            ADMINS=["admin@example.com"],
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=server.port,
        )
        app = create_app(settings)
        host = Path(name) / "host"
        host.mkdir()
        with app.app_context():
            upgrade()
            outbox = current_outbox()
            with running_worker(settings, host):
                wait_for_listeners(1)
                notifying, outbox.wakeup = outbox.wakeup, NoWakeup()
                looking = [_seconds(server) for _ in range(count)]
                outbox.wakeup = notifying
                notified = [_seconds(server) for _ in range(count)]
            db.engine.dispose()
    return looking, notified


def _seconds(server: ScriptedServer) -> float:
    """Enqueue a message after a random pause; return the seconds from commit to acceptance."""
    time.sleep(random.uniform(0, LONGEST_PAUSE_SECONDS))
    before = len(server.received)
    with transaction() as writing:
        current_outbox().send_email(
            "Hello", None, ["user@example.com"], TEXT, HTML, session=writing
        )
        committing_at = time.time()
    return server.wait_for(before + 1, seconds=30)[-1].at - committing_at


if __name__ == "__main__":
    main()
