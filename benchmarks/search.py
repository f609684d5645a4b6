"""Does search keep up with the home page, however much was written and however frequent the word?

A site has 1,000,000 posts of words that are as unevenly frequent as in a language: English ones,
Russian ones in several forms, and Chinese without blanks. Some words are put in so that it is known
how many posts have them. `microblog search rebuild` indexes them. Then whole pages are measured in
this process, the home page and a search for each word in turn, with warm caches.
"""

from __future__ import annotations

import argparse
import random
import secrets
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from sqlalchemy import insert, text

from benchmarks.databases import POSTGRES, SQLITE, available, engines, fresh_database
from benchmarks.reporting import Report, Table, milliseconds, parse
from benchmarks.running import prepared_site
from microblog.app import create_app
from microblog.blog.models import Post
from microblog.cli.ports import choose_free
from microblog.database import db, transaction
from microblog.search import index
from microblog.settings import Settings
from tests.visitor import Visitor, words

HOST = "127.0.0.1"
READER = "user0"
AT_MOST = {POSTGRES: 2.0, SQLITE: 3.0}
BATCH = 5_000
VOCABULARY = 30_000
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

PUT_IN = {"quokka": 100_000, "harvest": 1_000, "the": 2}
"""Words, and of how many posts one has it."""

SEARCHES = {
    "a rare word": "quokka",
    "a medium word": "harvest",
    "a frequent word": "the",
    "a frequent and a medium word": "the harvest",
    "a frequent and a rare word": "the quokka",
    "two frequent words that no post has together": "the 今天",
    "no word of any post": "zyzzyva",
    "two Chinese characters": "天氣",
    "one Chinese character": "天",
    "a Chinese sentence": "今天天氣很好",
    "a Russian word": "книга",
    "people and posts": "user1",
}

CHINESE = "今天天氣很好我們一起去看海邊的日出晚上吃飯朋友來家裡喝茶讀書寫字走路下雨出太陽"
RUSSIAN_ROOTS = ("книг", "мор", "дорог", "рек", "погод", "песн", "зим", "звезд")
RUSSIAN_ENDINGS = ("а", "и", "е", "у", "ой", "ам", "ами", "ах")
SYLLABLES = ("ba", "ke", "lo", "mi", "nu", "ra", "se", "ti", "vo", "wy", "pla", "stre", "ing")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--follows", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--engine", choices=available(), action="append", help="only this one")
    options, full = parse(parser)
    report = Report("search", __doc__, full=full)
    indexing = report.table("Index", "Posts a second", "Its size, beside the posts")
    pages = report.table("Page", "p50", "p95", "p95 beside home")
    for engine in engines(report, options.engine):
        with _site(engine, options) as app:
            _index(engine, app, options.posts, indexing)
            worst = _measure(engine, app, options.rounds, pages)
        report.promise(
            f"On {engine}, each search's p95 at most {AT_MOST[engine]:g} × the home page's",
            measured=f"at most {worst:.2f} ×",
            kept=worst <= AT_MOST[engine],
        )
    report.finish()


@contextmanager
def _site(engine: str, options: argparse.Namespace) -> Iterator[Flask]:
    """Make a site with these people and posts, which are not indexed."""
    with ExitStack() as stack:
        prefix = "microblog-benchmark-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        url = stack.enter_context(fresh_database(engine, folder, name="search"))
        # Neither is listened to: the pages are asked for in this process, and no mail leaves.
        ports = choose_free(HOST), choose_free(HOST)
        prepared_site(folder, *ports, url, people=options.people, follows=options.follows)
        app = create_app(
            Settings(
                SECRET_KEY=secrets.token_urlsafe(48),
                DATABASE_URL=url,
                INSTANCE_PATH=folder,
                RATELIMIT_ENABLED=False,
            )
        )
        with app.app_context():
            _write(options.people, options.posts)
        yield app
        with app.app_context():
            db.engine.dispose()


def _write(people: int, count: int) -> None:
    # The same texts in each run.
    chance = random.Random(18)
    vocabulary = [
        "".join(chance.choices(SYLLABLES, k=1 + number % 4)) for number in range(VOCABULARY)
    ]
    weights = [*accumulate(1 / (rank + 3) for rank in range(VOCABULARY))]
    for start in range(0, count, BATCH):
        rows: list[dict[str, Any]] = [
            {
                "user_id": 1 + number * 7919 % people,
                "body": _text(number, chance, vocabulary, weights),
                "created_at": BEGINNING + timedelta(seconds=20 * number),
            }
            for number in range(start, min(start + BATCH, count))
        ]
        with transaction() as writing:
            writing.execute(insert(Post), rows)


def _text(number: int, chance: random.Random, vocabulary: list[str], weights: list[float]) -> str:
    kind = number % 10
    if kind == 0:
        return "，".join("".join(chance.choices(CHINESE, k=12)) for _ in range(3)) + "今天天氣很好"
    if kind in (1, 2, 3):
        return " ".join(
            chance.choice(RUSSIAN_ROOTS) + chance.choice(RUSSIAN_ENDINGS) for _ in range(12)
        )
    said = chance.choices(vocabulary, cum_weights=weights, k=14)
    put_in = [
        word for word, every in PUT_IN.items() if number // every * every + 7 % every == number
    ]
    return " ".join([*said, *put_in])


def _index(engine: str, app: Flask, posts: int, table: Table) -> None:
    with app.app_context():
        before, started = _size(engine), time.perf_counter()
        for add in (index.add_people, index.add_posts):
            below: int | None = 2**31 - 1
            while below is not None:
                with transaction() as writing:
                    below = add(writing, below)
        seconds = time.perf_counter() - started
        grown = _size(engine) / before - 1
        if engine == POSTGRES:
            with db.engine.connect() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")
                connection.execute(text("VACUUM ANALYZE"))
    table.row(engine, f"{posts / seconds:,.0f}", f"{grown:.2f} × the database without it")


def _size(engine: str) -> int:
    statement = "SELECT pg_database_size(current_database())"
    if engine == SQLITE:
        statement = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    size = int(db.session.scalar(text(statement)) or 0)
    db.session.rollback()
    return size


def _measure(engine: str, app: Flask, rounds: int, table: Table) -> float:
    """Return the largest ratio of a search's p95 to the home page's."""
    visitor = Visitor(app)
    visitor.log_in(READER)
    paths = {"home": "/"} | {name: f"/search?q={quote(typed)}" for name, typed in SEARCHES.items()}
    times: dict[str, list[float]] = {name: [] for name in paths}
    for number in range(-3, rounds):
        # In turn, so that other load on the machine affects all equally.
        for name, path in paths.items():
            started = time.perf_counter()
            page = visitor.get(path, follow=False)
            if number >= 0:
                times[name].append(time.perf_counter() - started)
            elif page.status_code != 200 or "can't be found yet" in words(page):
                raise SystemExit(f"{path} was not answered as it should be.")
    home = _quantile(times["home"], 0.95)
    for name, found in times.items():
        p95 = _quantile(found, 0.95)
        cells = milliseconds(_quantile(found, 0.5)), milliseconds(p95), f"{p95 / home:.2f} ×"
        table.row(f"{engine}: {name}", *cells)
    return max(_quantile(found, 0.95) for found in times.values()) / home


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


if __name__ == "__main__":
    main()
