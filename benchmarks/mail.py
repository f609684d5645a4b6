"""How fast does mail leave?

Messages with text and HTML go to a mail server on the same machine, from queue to acceptance: ours
from SQLite with synchronous FULL, each claimed and settled by itself, and those of other systems,
installed from the package registry, in the same run. Then the mail server takes 100 ms for each
message, so that the number of connections limits the rate.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.databases import anything_waits
from benchmarks.other_systems import CELERY, PEERS, POST_OFFICE, measure, versions
from benchmarks.reporting import Report, parse
from benchmarks.sink import running_sink
from flask_outbox import current_outbox
from flask_outbox.application import make_dispatcher
from flask_outbox.delivery.dispatcher import Dispatcher
from flask_outbox.outbox.wakeup import WakeupListener
from microblog.app import create_app
from microblog.database import transaction
from microblog.schema import upgrade
from microblog.settings import Settings
from tests.brokers import REDIS, has_broker

OURS = "Microblog"
AT_LEAST_OF_POST_OFFICE = 1.5
AT_LEAST_OF_IDEAL = 0.9
DELAY_SECONDS = 0.1
CONNECTIONS = 8
EACH = 100
"""Messages for each connection to a slow server: ten seconds, so that the start hardly counts."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many runs counts")
    parser.add_argument("--without-peers", action="store_true")
    options, full = parse(parser)
    report = Report("mail", __doc__, full=full)
    report.note(f"{options.messages:,} messages; of {options.repeat} runs the best counts.")
    names = [] if options.without_peers else _peers(report)
    best = _best_of(options.repeat, options.messages, names)
    table = report.table("System", "Messages a second", "Ours is")
    ours = best.pop(OURS)
    table.row(OURS, f"{ours:,.0f}", "")
    for name, rate in best.items():
        table.row(name, f"{rate:,.0f}", f"{ours / rate:.2f} ×")
    if names:
        report.note(f"The others: {versions(names)}.")
        other = best[POST_OFFICE]
        report.promise(
            f"At least {AT_LEAST_OF_POST_OFFICE} × {POST_OFFICE}, and nothing lost at SIGKILL",
            measured=f"{ours / other:.2f} × ({ours:,.0f} against {other:,.0f} messages a second)",
            kept=ours >= AT_LEAST_OF_POST_OFFICE * other,
        )
    _against_a_slow_server(report, options.repeat)
    report.finish()


def _peers(report: Report) -> list[str]:
    """The names of the other systems that can be measured here."""
    if has_broker(REDIS):
        return list(PEERS)
    report.note(f"{CELERY}: left out, since no Redis answers.")
    return [name for name in PEERS if name != CELERY]


def _best_of(repeat: int, messages: int, names: Sequence[str]) -> dict[str, float]:
    """The best rate of each system. All take turns, so that other load affects them equally."""
    best = dict.fromkeys([OURS, *names], 0.0)
    for number in range(repeat):
        print(f"run {number + 1} of {repeat}", flush=True)
        best[OURS] = max(best[OURS], deliver(messages, connections=CONNECTIONS))
        for name in names:
            best[name] = max(best[name], measure(PEERS[name], messages))
    return best


def _against_a_slow_server(report: Report, repeat: int) -> None:
    table = report.table("Connections to a server of 100 ms", "Messages a second", "Possible")
    shares = []
    for connections in (4, 16):
        ideal = connections / DELAY_SECONDS
        rate = max(
            deliver(connections * EACH, connections=connections, delay=DELAY_SECONDS)
            for _ in range(repeat)
        )
        shares.append(rate / ideal)
        table.row(str(connections), f"{rate:.1f}", f"{ideal:.0f}")
    report.promise(
        f"At least {AT_LEAST_OF_IDEAL} × connections / 0.1 s with a server of 100 ms",
        measured=f"{min(shares):.2f} ×",
        kept=min(shares) >= AT_LEAST_OF_IDEAL,
    )


def deliver(count: int, *, connections: int, delay: float = 0.0) -> float:
    """Return the messages a second of our dispatcher, on a fresh SQLite database."""
    with (
        running_sink(delay=delay) as port,
        tempfile.TemporaryDirectory(prefix="microblog-benchmark-") as folder,
    ):
        settings = Settings(
            SECRET_KEY="a secret for a benchmark only, long enough",
            INSTANCE_PATH=Path(folder),
            MAIL_SERVER="127.0.0.1",
            MAIL_PORT=port,
            MAIL_CONNECTIONS=connections,
        )
        app = create_app(settings)
        with app.app_context():
            upgrade()
            _queue(count)
            return count / _seconds(make_dispatcher(app))


def _queue(count: int) -> None:
    with transaction() as writing:
        for number in range(count):
            current_outbox().send_email(
                f"Hello {number}",
                "me@example.com",
                [f"user{number}@example.com"],
                "A line of text.\n" * 20,
                "<p>A line of text.</p>\n" * 20,
                session=writing,
            )


def _seconds(dispatcher: Dispatcher) -> float:
    """Run the dispatcher; return the seconds until the last message is settled."""
    with WakeupListener(None) as listener:
        thread = threading.Thread(target=dispatcher.run, args=(listener,))
        started = time.perf_counter()
        thread.start()
        while anything_waits():
            time.sleep(0.02)
        seconds = time.perf_counter() - started
        dispatcher.stop()
        listener.wake()
        thread.join()
    return seconds


if __name__ == "__main__":
    main()
