"""Does a dispatcher that is killed lose mail, or send it twice?

`microblog process dispatcher`, its leases shortened to 2 seconds, is ended with SIGKILL at each
step of a delivery in turn, at a random call, and at random moments. Before each kill more messages
are enqueued; every tenth is a reset. Afterwards the log of the mail server is compared with the
outbox. A message that was claimed and not settled at a kill was in flight; only such a message may
have a second copy, under the same Message-ID. The same is tried, with a tenth of the messages and
kills, for a dispatcher in a thread of a process that is killed, and on PostgreSQL for one that
listens when the messages are enqueued one by one, each with its NOTIFY, and for a Celery worker
with a pool of threads, whose tasks RabbitMQ gives out again after a kill.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.databases import POSTGRES, engines, fresh_database
from benchmarks.forking import CELERY, PROCESS
from benchmarks.killing import HOW, NOTIFY, SINK_DELAY, Campaign, Outcome
from benchmarks.reporting import Report, parse
from benchmarks.sink import running_sink
from microblog.app import create_app
from microblog.database import db
from microblog.schema import upgrade
from microblog.settings import Settings
from tests.brokers import RABBITMQ, Broker, has_broker, remove_queues

SMALLER = 10
ON_POSTGRES = {NOTIFY, CELERY}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, help="repeat the random numbers of another run")
    parser.add_argument("--how", choices=HOW, help="only this one, with all messages and kills")
    options, full = parse(parser)
    report = Report("kill", __doc__, full=full)
    seed = random.randrange(2**32) if options.seed is None else options.seed
    report.note(f"The seed of the random numbers was {seed}.")
    table = report.table(
        "Database, how", "Messages", "Kills", "In flight", "Copies", "Lost", "Not sent"
    )
    outcomes = {}
    for engine, how, share in _runs(report, options.how):
        name = f"{engine}, {how}"
        messages, kills = options.messages // share, max(options.kills // share, 1)
        made = outcomes[name] = _kill(engine, messages, kills, seed, how=how)
        figures = (made.messages, made.kills.total(), made.in_flight, made.copies)
        table.row(name, *(f"{one:,}" for one in (*figures, made.lost, made.not_sent)))
        for words in made.words:
            report.note(f"{name}: {words}")
    _promise(report, list(outcomes.values()))
    _report_steps(report, list(outcomes.values()))
    report.finish()


def _runs(report: Report, only: str | None) -> list[tuple[str, str, int]]:
    """Each engine with what is killed on it, and the share of the messages and kills."""
    ways = [only] if only else list(HOW)
    if CELERY in ways and not has_broker(RABBITMQ):
        report.note("Celery workers were left out: no RabbitMQ answers.")
        ways.remove(CELERY)
    return [
        (engine, how, 1 if only or how == PROCESS else SMALLER)
        for engine in engines(report)
        for how in ways
        if how not in ON_POSTGRES or engine == POSTGRES
    ]


def _promise(report: Report, outcomes: list[Outcome]) -> None:
    if not outcomes:
        report.promise("None is lost, each ends as sent", measured="not measured", kept=False)
        return
    lost = sum(one.lost for one in outcomes)
    not_sent = sum(one.not_sent for one in outcomes)
    report.promise(
        f"Killed {outcomes[0].kills.total()} times over {outcomes[0].messages:,} messages:"
        " none is lost, each ends as sent",
        measured=f"{lost} lost, {not_sent} not sent",
        kept=lost + not_sent == 0 and all(one.clean_end for one in outcomes),
    )
    copies = sum(one.copies for one in outcomes)
    others = sum(one.unexplained + one.strange + one.claims for one in outcomes)
    report.promise(
        "Second copies only of what was in flight at a kill, under the same Message-ID",
        measured=f"{copies} such copies, {others} others",
        kept=others == 0,
    )


def _report_steps(report: Report, outcomes: list[Outcome]) -> None:
    table = report.table("Killed", "Times")
    for way, times in sum((one.kills for one in outcomes), Counter[str]()).items():
        table.row(way, str(times))


def _kill(engine: str, messages: int, kills: int, seed: int, *, how: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as name:
        folder = Path(name)
        taken = folder / "taken"
        with (
            fresh_database(engine, folder, name="kill") as url,
            running_sink(delay=SINK_DELAY, log=taken) as port,
            _queues(how) as queues,
        ):
            settings = Settings(
                SECRET_KEY="a secret for a benchmark only, long enough",
                PUBLIC_URL="http://localhost",
                DATABASE_URL=url,
                INSTANCE_PATH=folder,
                ADMINS=("admin@example.com",),
                MAIL_SERVER="127.0.0.1",
                MAIL_PORT=port,
                **queues,
            )
            app = create_app(settings)
            with app.app_context():
                upgrade()
            campaign = Campaign(app, settings, taken, random.Random(seed), how=how)
            outcome = campaign.run(messages, kills)
            with app.app_context():
                db.engine.dispose()
            return outcome


@contextmanager
def _queues(how: str) -> Iterator[dict[str, Any]]:
    """The settings of queues that belong to this run, if it needs some."""
    if how != CELERY:
        yield {}
        return
    broker = Broker.at(RABBITMQ)
    try:
        yield dict(broker.settings)
    finally:
        remove_queues(broker)


if __name__ == "__main__":
    main()
