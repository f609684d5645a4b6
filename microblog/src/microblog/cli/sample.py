"""`microblog fake`: repeatable sample data, for benchmarks and for the demonstration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from gettext import gettext as _
from itertools import islice
from typing import Any

import click
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.passwords import hash_password
from microblog.blog.models import Post
from microblog.cli.search import index_everything
from microblog.cli.site import load_app
from microblog.database import transaction
from microblog.people.models import Follow

PASSWORD = "correct horse battery staple"  # noqa: S105 - known on purpose
BATCH = 5_000
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


@click.command()
@click.option("--users", type=click.IntRange(1), default=100, show_default=True)
@click.option("--posts", type=click.IntRange(0), default=1000, show_default=True)
@click.option(
    "--follows",
    type=click.IntRange(0),
    default=500,
    show_default=True,
    help="How many follows in all; user0 follows as many as there are, then user1, and so on.",
)
def fake(users: int, posts: int, follows: int) -> None:
    """Fill an empty database with sample people.

    They are user0, user1… with the addresses user0@example.com, user1@example.com…, verified, and
    all have the password "correct horse battery staple". The same numbers give the same data.
    Refuses a database with other people in it.
    """
    if follows > users * (users - 1):
        words = _("{people} people can follow each other at most {most} times.")
        raise click.ClickException(words.format(people=users, most=users * (users - 1)))
    app = load_app()
    with app.app_context():
        _fill(users, posts, follows)
        index_everything()
    words = _("{users} people (user0…), {posts} posts, {follows} follows; password: {password}")
    click.echo(words.format(users=users, posts=posts, follows=follows, password=PASSWORD))


def _fill(users: int, posts: int, follows: int) -> None:
    with transaction() as writing:
        first = writing.scalar(select(User.username).limit(1))
        if first is not None:
            words = _(
                "The database has people in it already ({name}, for one). Sample data goes into"
                " an empty one: set DATABASE_URL to another."
            )
            raise click.ClickException(words.format(name=first))
        numbers = _insert_users(writing, users)
        _insert(writing, _("posts"), Post, posts, _posts(numbers, posts))
        _insert(writing, _("follows"), Follow, follows, islice(_follows(numbers), follows))


def _insert_users(session: Session, count: int) -> list[int]:
    # One hash for all: a hash of each one's own would take half a minute a thousand.
    password_hash = hash_password(PASSWORD)
    rows = (
        {
            "username": f"user{number}",
            "username_key": f"user{number}",
            "email": f"user{number}@example.com",
            "email_key": f"user{number}@example.com",
            "password_hash": password_hash,
            "registered_at": BEGINNING,
            "email_verified_at": BEGINNING,
        }
        for number in range(count)
    )
    _insert(session, _("users"), User, count, rows)
    return list(session.scalars(select(User.id).order_by(User.id)))


def _posts(users: list[int], count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        # Fixed strides visit people in an order that looks like chance. Half of all is written by a
        # tenth of the people, as on any site.
        writers = max(len(users) // 10, 1) if number % 2 else len(users)
        author = users[(number // 2 * 7919) % writers]
        yield {
            "user_id": author,
            "body": f"Post number {number}, about nothing in particular.",
            "created_at": BEGINNING + timedelta(seconds=number),
        }


def _follows(users: list[int]) -> Iterator[dict[str, Any]]:
    for follower in users:
        for followed in users:
            if follower != followed:
                yield {"follower_id": follower, "followed_id": followed}


def _insert(
    session: Session, label: str, model: type[Any], count: int, rows: Iterable[dict[str, Any]]
) -> None:
    rows = iter(rows)
    with click.progressbar(length=count, label=f"{label:8}") as progress:
        while batch := list(islice(rows, BATCH)):
            session.execute(insert(model), batch)
            progress.update(len(batch))
