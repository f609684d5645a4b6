"""Does a long queue make it slower to take the next message from it?

A message is settled and the next one claimed in one transaction, as the dispatcher does: with 1,000
rows in the outbox, with 1,000,000 of which all but 1,000 were sent before, and with 1,000,000 that
all wait. With the long queues, 10,000 addresses are also suppressed. The three alternate in blocks,
so that other load on the machine affects them equally.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.orm import Session

from benchmarks.databases import available, engines, fresh_database
from benchmarks.filling import enqueue_example, multiply, tidy, vacuum
from benchmarks.reporting import Report, milliseconds, parse
from flask_outbox.delivery.claims import Claims, Settlement
from flask_outbox.delivery.dispatcher import ALL_PRIORITIES
from flask_outbox.outbox.models import Status
from flask_outbox.outbox.suppressions import suppress
from microblog.app import create_app
from microblog.database import db
from microblog.schema import upgrade
from microblog.settings import Settings

FEW = 1000
SUPPRESSED = 10_000
BLOCK = 250
POLLS = 50
LEASE_SECONDS = 60.0
ANSWER = "250 2.0.0 Ok: queued as 4bTz9K1c2dzB"
SECRET = "a secret for a benchmark only, long enough"
AT_MOST = 1.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--blocks", type=int, default=20, help=f"of {BLOCK} claims")
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("claims", __doc__, full=full)
    table = report.table("Outbox", "Claim: median", "p99", "Against few", "Poll: median")
    measured = engines(report, options.engine)
    ratios = []
    for engine in measured:
        queues = _measure(engine, options.rows, options.blocks)
        few = statistics.median(queues[0].times)
        for queue in queues:
            median = statistics.median(queue.times)
            ratios.append(median / few)
            p99 = statistics.quantiles(queue.times, n=100)[98]
            poll = statistics.median(queue.polls)
            times = (milliseconds(one) for one in (median, p99))
            ratio = f"{median / few:.2f} ×"
            table.row(f"{engine}, {queue.name}", *times, ratio, milliseconds(poll))
    report.promise(
        f"A claim among {options.rows:,} rows takes at most {AT_MOST} × that among {FEW:,}",
        measured=f"at most {max(ratios):.2f} × ({' and '.join(measured)})",
        kept=max(ratios) <= AT_MOST,
    )
    report.note("A poll asks when the next message is due; the dispatcher polls once a second.")
    report.finish()


def _measure(engine: str, rows: int, blocks: int) -> list[Queue]:
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="microblog-benchmark-"))
        )
        shapes = {"few": (0, FEW), "sent": (rows - FEW, FEW), "waiting": (0, rows)}
        queues = []
        for name, (sent, waiting) in shapes.items():
            url = stack.enter_context(fresh_database(engine, folder, name=name))
            queues.append(stack.enter_context(closing(Queue(url, folder, sent, waiting))))
        for _ in range(blocks):
            for queue in queues:
                queue.claim_block()
        for _ in range(POLLS):
            for queue in queues:
                queue.poll()
        return queues


class Queue:
    """An outbox in a database of its own, with rows that were sent before and rows that wait."""

    def __init__(self, url: str, folder: Path, sent: int, waiting: int) -> None:
        self.name = f"{sent + waiting:,} rows, {waiting:,} waiting"
        self.times: list[float] = []
        self.polls: list[float] = []
        app = create_app(Settings(SECRET_KEY=SECRET, DATABASE_URL=url, INSTANCE_PATH=folder))
        with app.app_context():
            upgrade()
            self._engine = db.engine
            self._example = enqueue_example()
        self._claims = Claims(self._engine, lease=LEASE_SECONDS)
        for count, status in ((sent, Status.SENT), (waiting, Status.QUEUED)):
            if count:
                multiply(self._engine, self._example, count, status=status)
        if sent + waiting > FEW:
            self._suppress(SUPPRESSED)
        tidy(self._engine)

    def claim_block(self) -> None:
        """Settle and claim one block, then reset its rows to waiting."""
        settlement, taken = None, []
        for _ in range(BLOCK):
            now = time.time()
            started = time.perf_counter()
            _ours, claim = self._claims.settle_and_claim(settlement, ALL_PRIORITIES, now=now)
            self.times.append(time.perf_counter() - started)
            assert claim is not None
            taken.append(claim.id)
            settlement = Settlement(claim, Status.SENT, ANSWER, now, kept_arguments={})
        assert settlement is not None
        self._claims.settle(settlement)
        self._reset_to_waiting(taken)

    def poll(self) -> None:
        """Ask when the next message is due."""
        started = time.perf_counter()
        self._claims.next_due()
        self.polls.append(time.perf_counter() - started)

    def close(self) -> None:
        self._claims.close()
        self._engine.dispose()

    def _suppress(self, count: int) -> None:
        addresses = ((f"nobody{number}@example.com", "550 5.1.1") for number in range(count))
        with self._engine.begin() as connection:
            suppress(Session(connection), addresses, now=time.time())

    def _reset_to_waiting(self, taken: list[int]) -> None:
        statement = text(
            "UPDATE outbox SET status = 'queued', attempts = 0, settled_at = NULL, due_at = :now,"
            " history = '[]', arguments = (SELECT arguments FROM outbox WHERE id = :example)"
            " WHERE id = :id"
        )
        values = {"now": time.time(), "example": self._example}
        with self._engine.begin() as connection:
            connection.execute(statement, [{"id": row_id, **values} for row_id in taken])
        vacuum(self._engine)


if __name__ == "__main__":
    main()
