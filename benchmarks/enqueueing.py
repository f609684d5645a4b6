"""How much faster are many messages enqueued at once than one by one?

The same messages, each with two arguments and to another address, are written in one transaction by
`enqueue` in a loop, and in another by `enqueue_many`, from an application with a FlaskOutbox and
sessions of plain SQLAlchemy. The time includes the commit. The two take turns, each time in an
empty outbox; the median of each counts.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.orm import Session, sessionmaker

from benchmarks.databases import POSTGRES, SQLITE, available, engines, fresh_database
from benchmarks.filling import tidy
from benchmarks.reporting import Report, parse
from flask_outbox import Email, FlaskOutbox, schema

AT_LEAST = {SQLITE: 4, POSTGRES: 10}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("enqueueing", __doc__, full=full)
    table = report.table("Database", "In a loop", "At once", "Compared")
    for engine in engines(report, options.engine):
        one, many = measure(engine, options.messages, options.rounds)
        ratio = one / many
        rates = (f"{options.messages / seconds:,.0f} a second" for seconds in (one, many))
        table.row(engine, *rates, f"{ratio:.1f} ×")
        report.promise(
            f"On {engine}, {options.messages:,} messages are enqueued at least {AT_LEAST[engine]} ×"
            " as fast at once as in a loop",
            measured=f"{ratio:.1f} × ({options.messages / many:,.0f} messages a second)",
            kept=ratio >= AT_LEAST[engine],
        )
    report.note(
        "SQLite gains less, since a loop waits for no server there: of a message in `enqueue_many`,"
        " half of the time is SQLite's own, for the row and its indexes."
    )
    report.finish()


def measure(engine: str, messages: int, rounds: int) -> tuple[float, float]:
    """The median seconds for so many messages, in a loop and at once."""
    with (
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
        fresh_database(engine, Path(folder), name="enqueueing") as url,
    ):
        database = create_engine(url)
        schema.create_all(database)
        outbox = _outbox(database)
        times: dict[Callable[..., None], list[float]] = {_in_a_loop: [], _at_once: []}
        for _ in range(rounds):
            for enqueue, taken in times.items():
                taken.append(_seconds(enqueue, outbox, database, messages))
        database.dispose()
        one, many = (statistics.median(taken) for taken in times.values())
        return one, many


def _outbox(engine: Engine) -> FlaskOutbox:
    app = Flask("benchmark")
    app.config["MAIL_DEFAULT_SENDER"] = "news@example.com"
    outbox = FlaskOutbox(app, sessions=sessionmaker(engine))

    @outbox.email("news")
    def news(_session: Session, *, issue: int, name: str) -> Email:
        return Email(f"Issue {issue}", name)

    return outbox


def _seconds(
    enqueue: Callable[..., None], outbox: FlaskOutbox, engine: Engine, messages: int
) -> float:
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM outbox"))
    tidy(engine)
    begun = time.perf_counter()
    with Session(engine) as session:
        enqueue(outbox, session, messages)
        session.commit()
    return time.perf_counter() - begun


def _in_a_loop(outbox: FlaskOutbox, session: Session, count: int) -> None:
    for message in _messages(count):
        outbox.enqueue("news", session=session, **message)


def _at_once(outbox: FlaskOutbox, session: Session, count: int) -> None:
    written = outbox.enqueue_many("news", _messages(count), session=session)
    assert written == count, f"{written} were written"


def _messages(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {"to": f"user{number}@example.com", "issue": 7, "name": f"User {number}"}


if __name__ == "__main__":
    main()
