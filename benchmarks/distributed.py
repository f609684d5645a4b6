"""Do two workers deliver twice as much as one?

Workers with their own connections, which share a PostgreSQL database and are woken by a broker, or
by the database's own NOTIFY, deliver the same number of messages to a mail server that takes 100 ms
for each: first one worker, then two, each with an instance folder of its own, as on two hosts. The
messages are enqueued together, with their wake-ups, when the workers are ready; the time ends when
the last one is settled.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import text

from benchmarks.databases import POSTGRES, anything_waits, available, fresh_database
from benchmarks.filling import HTML, TEXT
from benchmarks.reporting import Report, parse
from benchmarks.sink import running_sink
from flask_outbox import current_outbox
from microblog.app import create_app
from microblog.database import db, transaction
from microblog.schema import upgrade
from microblog.settings import Settings, as_environment
from tests.brokers import RABBITMQ, REDIS, Broker, has_broker, remove_queues

NO_BROKER = "No broker, NOTIFY"
BROKERS = {"RabbitMQ": RABBITMQ, "Redis": REDIS}
DELAY_SECONDS = 0.1
CONNECTIONS = 4
AT_LEAST = 1.7
READY_WITHIN_SECONDS = 120.0
PATIENCE_SECONDS = 300.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=600)
    options, full = parse(parser)
    report = Report("distributed", __doc__, full=full)
    brokers = [name for name, url in BROKERS.items() if has_broker(url)]
    if POSTGRES not in available() or len(brokers) < len(BROKERS):
        report.note(f"Left out: there must be PostgreSQL, and {' and '.join(BROKERS)}.")
        report.promise("Two workers deliver more than one", measured="not measured", kept=False)
        report.finish()
    report.note(f"{options.messages:,} messages; {CONNECTIONS} connections for each worker.")
    table = report.table("Woken by, workers", "Messages a second", "Possible", "More than one")
    ratios = []
    for name in (NO_BROKER, *brokers):
        alone = deliver(name, options.messages, workers=1)
        together = deliver(name, options.messages, workers=2)
        ratios.append(together / alone)
        possible = CONNECTIONS / DELAY_SECONDS
        table.row(f"{name}, one", f"{alone:.1f}", f"{possible:.0f}", "")
        table.row(f"{name}, two", f"{together:.1f}", f"{2 * possible:.0f}", f"{ratios[-1]:.2f} ×")
    report.promise(
        f"Two workers deliver at least {AT_LEAST} × what one does, with a server of 100 ms",
        measured=f"{min(ratios):.2f} ×",
        kept=min(ratios) >= AT_LEAST,
    )
    report.finish()


def deliver(broker: str, count: int, *, workers: int) -> float:
    """Return the messages a second of so many workers."""
    own = Broker.at(BROKERS[broker]) if broker in BROKERS else None
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name,
        fresh_database(POSTGRES, Path(name), name="distributed") as url,
        running_sink(delay=DELAY_SECONDS) as mail_port,
        ExitStack() as running,
    ):
        settings = Settings(
            SECRET_KEY="a secret for a benchmark only, long enough",
            DATABASE_URL=url,
            INSTANCE_PATH=Path(name),
            PUBLIC_URL="http://blog.example.com",
            ADMINS=["admin@example.com"],
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=mail_port,
            MAIL_CONNECTIONS=CONNECTIONS,
        )
        if own is not None:
            queues = {"CELERY_BROKER_URL": own.url, "CELERY_QUEUE_PREFIX": own.prefix}
            settings = settings.model_copy(update=queues)
        app = create_app(settings)
        with app.app_context():
            upgrade()
            for number in range(workers):
                host = Path(name) / f"host-{number}"
                host.mkdir()
                running.enter_context(running_worker(settings, host))
            if own is None:
                wait_for_listeners(workers)
            seconds = _seconds(count)
            running.close()
            db.engine.dispose()
        if own is not None:
            remove_queues(own)
    return count / seconds


@contextmanager
def running_worker(settings: Settings, host: Path) -> Iterator[None]:
    """Run `microblog worker` with this instance folder; one with a broker is ready then."""
    log = host / "log"
    environment = os.environ | as_environment(settings)
    environment |= {"MICROBLOG_ENV_FILE": "", "INSTANCE_PATH": str(host)}
    with log.open("wb") as written:
        command = [sys.executable, "-m", "microblog", "worker"]
        worker = subprocess.Popen(command, env=environment, stdout=written, stderr=written)
    try:
        if settings.CELERY_BROKER_URL is not None:
            _wait(lambda: log.read_text().count(" ready.") == 2, READY_WITHIN_SECONDS)
        yield
    finally:
        worker.terminate()
        worker.wait()


def wait_for_listeners(count: int) -> None:
    """Wait until so many workers listen in the current application's database."""
    listening = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE query LIKE 'LISTEN %' AND datname = current_database()"
    )

    def all_listen() -> bool:
        with db.engine.connect() as connection:
            return bool(connection.scalar(listening) == count)

    _wait(all_listen, READY_WITHIN_SECONDS)


def _seconds(count: int) -> float:
    """Enqueue so many messages; return the seconds until all are settled."""
    with transaction() as writing:
        for number in range(count):
            current_outbox().send_email(
                f"Hello {number}", None, [f"user{number}@example.com"], TEXT, HTML, session=writing
            )
    started = time.perf_counter()
    _wait(lambda: not anything_waits(), PATIENCE_SECONDS)
    return time.perf_counter() - started


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("It took too long.")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
