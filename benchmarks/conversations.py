"""Do the pages of a large site cost the same however much was written, and however far one reads?

Of 100,000 people one reader follows 5,000, has 10,000 notifications and 10,000 conversations, one
of them with 50,000 messages, and wrote a post with 10,000 replies; there are 1,000,000 posts. Each
page is measured whole, in this process: that of somebody who has next to nothing, the reader's
first, and a far one, in turn; then the statements that the database gets for each of them. Posts
with mentions and without are written in turn, through the page as well. On SQLite nothing gathers
statistics for the planner, as on a site; PostgreSQL does so by itself.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from benchmarks.conversation_data import THREAD_ID, Amounts, fill, reply_id
from benchmarks.databases import available, engines, fresh_database
from benchmarks.reporting import Report, Table, milliseconds, parse
from benchmarks.running import prepared_site
from microblog.app import create_app
from microblog.cli.ports import choose_free
from microblog.database import db
from microblog.settings import Settings
from tests.statements import recorded
from tests.visitor import Visitor

HOST = "127.0.0.1"
READER = "user0"
ROUNDS = 40
FAR_AT_MOST = 1.5
MENTIONS = 20
MENTIONS_AT_MOST = 2.0


@dataclass(frozen=True)
class Page:
    """The addresses of a page: for somebody who has next to nothing, and for the reader the first
    page and a far one.
    """

    name: str
    small: str
    first: str
    far: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--follows", type=int, default=5_000)
    parser.add_argument("--replies", type=int, default=10_000, help="in the longest thread")
    parser.add_argument("--likes", type=int, default=500_000)
    parser.add_argument("--notifications", type=int, default=10_000, help="for the reader")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("conversations", __doc__, full=full)
    pages = report.table("Page", "Small: median", "Large", "Far", "Ratio", "Statements")
    writing = report.table("Writing a post", "No mention", f"{MENTIONS} mentions", "Ratio")
    depths: list[float] = []
    counts: list[list[int]] = []
    mentions: list[float] = []
    amounts = Amounts(**{name: getattr(options, name) for name in Amounts.__annotations__})
    for engine in engines(report, options.engine):
        with _site(engine, amounts, options.follows) as app:
            for page in pages_of(amounts):
                depth, statements = _measure(engine, app, page, amounts, pages)
                depths.append(depth)
                counts.append(statements)
            mentions.append(_measure_writing(engine, app, writing))
    _promise(report, depths, counts, mentions)
    report.finish()


def pages_of(amounts: Amounts) -> list[Page]:
    """The pages that are measured."""
    late_reply = reply_id(amounts, max(amounts.replies - 60, 1))
    thread, notifications = f"/post/{THREAD_ID}", "/notifications"
    # The reader's notifications are the first of all.
    early = amounts.notifications // 10
    # In the last of many rounds of messages, each conversation but the long one got its newest.
    last = amounts.messages - 2 * amounts.conversations + 120
    long = "/messages/user1"
    return [
        Page("home", "/", "/", f"/?before={amounts.posts // 50}"),
        Page("thread", "/post/3", thread, f"{thread}?after={late_reply}"),
        Page("notifications", notifications, notifications, f"{notifications}?before={early}"),
        Page("conversations", "/messages", "/messages", f"/messages?before={last}"),
        Page("messages", f"/messages/{READER}", long, f"{long}?before={amounts.messages // 20}"),
    ]


def small_reader(amounts: Amounts) -> str:
    """The name of somebody with a single conversation and a few posts, who follows nobody."""
    # Of the people with even numbers, some wrote nothing but replies.
    return f"user{(amounts.conversations - 1) | 1}"


@contextmanager
def _site(engine: str, amounts: Amounts, follows: int) -> Iterator[Flask]:
    """Make a site with all these people and what they wrote; say how that proceeds."""
    with ExitStack() as stack:
        prefix = "microblog-benchmark-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        url = stack.enter_context(fresh_database(engine, folder, name="conversations"))
        started = time.monotonic()
        _say(engine, started, f"{amounts.people:,} people")
        # Neither is listened to: the pages are asked for in this process, and no mail leaves.
        ports = choose_free(HOST), choose_free(HOST)
        prepared_site(folder, *ports, url, people=amounts.people, follows=follows)
        app = create_app(
            Settings(
                SECRET_KEY=secrets.token_urlsafe(48),
                DATABASE_URL=url,
                INSTANCE_PATH=folder,
                RATELIMIT_ENABLED=False,
            )
        )
        with app.app_context():
            for step in fill(db.engine, amounts):
                _say(engine, started, step)
        _say(engine, started, "everything is there")
        yield app
        with app.app_context():
            db.engine.dispose()


def _say(engine: str, started: float, words: str) -> None:
    print(f"  {engine}, {time.monotonic() - started:.0f} s: {words}", flush=True)


def _measure(
    engine: str, app: Flask, page: Page, amounts: Amounts, table: Table
) -> tuple[float, list[int]]:
    """Return the far page's ratio to the first, and the statements of the small, first and far."""
    reader, other = _logged_in(app, READER), _logged_in(app, small_reader(amounts))
    if _open(reader, page.far) < _open(reader, page.first) / 2:
        raise SystemExit(f"{page.far} is no full page.")
    ways = ((other, page.small), (reader, page.first), (reader, page.far))
    small, first, far = _in_turn(*(lambda _, way=way: _open(*way) for way in ways))
    counts = [count_statements(app, *way) for way in ways]
    table.row(
        f"{engine}: {page.name}",
        *(milliseconds(seconds) for seconds in (small, first, far)),
        f"{far / first:.2f} ×",
        " ".join(str(count) for count in counts),
    )
    return far / first, counts


def _measure_writing(engine: str, app: Flask, table: Table) -> float:
    """Return how much longer a post takes that mentions people."""
    reader = _logged_in(app, READER)
    token = reader.csrf_token("/")
    names = [f"user{number}" for number in range(1, MENTIONS + 1)]

    def write(words: str) -> None:
        answer = reader.submit("/", {"post": words}, token=token, follow=False)
        if answer.status_code != 302:
            raise SystemExit(f"The post was not written: {answer.status}")

    none, some = _in_turn(
        lambda number: write(f"{number}: to {', '.join(names)}"),
        lambda number: write(f"{number}: to @{', @'.join(names)}"),
    )
    table.row(engine, milliseconds(none), milliseconds(some), f"{some / none:.2f} ×")
    return some / none


def _logged_in(app: Flask, name: str) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in(name)
    return visitor


def _open(visitor: Visitor, path: str) -> int:
    """Return the length of the page."""
    answer = visitor.get(path, follow=False)
    if answer.status_code != 200:
        raise SystemExit(f"{path} was not answered: {answer.status}")
    return len(answer.data)


def _in_turn(*calls: Callable[[int], object]) -> list[float]:
    """Run all alternately, so that other load on the machine affects them equally; return the
    median of each one's seconds.
    """
    times: list[list[float]] = [[] for _ in calls]
    # The first of each only warms up.
    for number in range(ROUNDS + 1):
        for call, found in zip(calls, times, strict=True):
            started = time.perf_counter()
            call(number)
            found.append(time.perf_counter() - started)
    return [statistics.median(found[1:]) for found in times]


def count_statements(app: Flask, visitor: Visitor, path: str) -> int:
    """How many statements the database gets for this page, once it was opened before."""
    with app.app_context():
        engine = db.engine
    _open(visitor, path)
    with recorded(engine) as statements:
        _open(visitor, path)
    return len(statements)


def _promise(
    report: Report, depths: list[float], counts: list[list[int]], mentions: list[float]
) -> None:
    report.promise(
        f"A far page takes at most {FAR_AT_MOST} × the first",
        measured=f"at most {max(depths):.2f} ×",
        kept=max(depths) <= FAR_AT_MOST,
    )
    different = [one for one in counts if len(set(one)) > 1]
    most = max(max(one) for one in counts)
    report.promise(
        "As many statements for a page with many rows as for one with few",
        measured=f"at most {most}, {len(different)} of {len(counts)} differ",
        kept=not different,
    )
    report.promise(
        f"A post with {MENTIONS} mentions takes at most {MENTIONS_AT_MOST:g} × one with none",
        measured=f"at most {max(mentions):.2f} ×",
        kept=max(mentions) <= MENTIONS_AT_MOST,
    )


if __name__ == "__main__":
    main()
