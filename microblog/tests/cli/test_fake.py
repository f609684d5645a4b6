"""`microblog fake`: sample data that can be repeated."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.database import db
from microblog.people.models import Follow
from tests.cli.conftest import Command
from tests.visitor import ON_SQLITE, Visitor, make_user, words


def contents(app: Flask) -> dict[str, list[Any]]:
    """All that was made, but for the hash of the password, which has its own salt each time."""
    columns = [column for column in User.__table__.c if column.name != "password_hash"]
    with app.app_context():
        return {
            "users": list(db.session.execute(select(*columns).order_by(User.id))),
            "posts": list(db.session.execute(select(Post.__table__).order_by(Post.id))),
            "follows": list(
                db.session.execute(
                    select(Follow.__table__).order_by(Follow.follower_id, Follow.followed_id)
                )
            ),
        }


def numbers(users: int, posts: int, follows: int) -> tuple[str, ...]:
    return ("fake", "--users", str(users), "--posts", str(posts), "--follows", str(follows))


def test_there_is_as_much_as_was_asked_for(app: Flask, microblog: Command) -> None:
    made = microblog(*numbers(7, 20, 9))
    assert made.exit_code == 0, made.output
    assert "7 people (user0…), 20 posts, 9 follows; password: correct horse" in made.output
    found = contents(app)
    assert {name: len(rows) for name, rows in found.items()} == {
        "users": 7,
        "posts": 20,
        "follows": 9,
    }
    assert [(one.username, one.email) for one in found["users"]] == [
        (f"user{number}", f"user{number}@example.com") for number in range(7)
    ]
    assert all(one.email_verified_at for one in found["users"])


def test_everybody_logs_in_with_the_known_password(app: Flask, microblog: Command) -> None:
    microblog(*numbers(3, 3, 2))
    for number in range(3):
        page = words(Visitor(app).log_in(f"user{number}"))
        assert f"Hi, user{number}!" in page
        # The first one follows the others.
        assert ("Post number 2, about nothing in particular." in page) == (number != 1)
    assert "Hi, user2!" in words(Visitor(app).log_in("USER2@example.com"))


def test_search_finds_the_people_and_what_they_wrote(app: Flask, microblog: Command) -> None:
    microblog(*numbers(3, 30, 2))
    visitor = Visitor(app)
    assert "Post number <mark>29</mark>" in visitor.get("/search?q=nothing+29").text
    assert visitor.get("/search?q=user2&kind=people").text.count('href="/user/user2"')


def test_user0_follows_as_many_as_there_are_then_user1(app: Flask, microblog: Command) -> None:
    microblog(*numbers(4, 0, 5))
    first, second, third, fourth = (one.id for one in contents(app)["users"])
    followed = [(one.follower_id, one.followed_id) for one in contents(app)["follows"]]
    assert followed == [
        (first, second),
        (first, third),
        (first, fourth),
        (second, first),
        (second, third),
    ]


@ON_SQLITE
def test_the_same_numbers_give_the_same_data(
    app: Flask, microblog: Command, tmp_path: Path, database_url: str
) -> None:
    path = Path(database_url.removeprefix("sqlite:///"))
    empty = tmp_path / "empty.db"
    shutil.copy(path, empty)
    microblog(*numbers(12, 40, 30))
    first = contents(app)
    with app.app_context():
        db.engine.dispose()
    for stale in tmp_path.glob(f"{path.name}*"):
        stale.unlink()
    shutil.copy(empty, path)
    microblog(*numbers(12, 40, 30))
    assert contents(app) == first
    assert len(first["posts"]) == 40


@ON_SQLITE
def test_posts_are_by_many_and_in_the_order_of_their_times(app: Flask, microblog: Command) -> None:
    microblog(*numbers(10, 50, 0))
    posts = contents(app)["posts"]
    assert len({one.user_id for one in posts}) == 10
    assert [one.created_at for one in posts] == sorted({one.created_at for one in posts})


@pytest.mark.parametrize("before", ["people", "sample data"])
def test_a_database_with_people_in_it_is_left_alone(
    app: Flask, microblog: Command, before: str
) -> None:
    if before == "people":
        make_user(app, "susan")
    else:
        microblog(*numbers(2, 2, 1))
    found = contents(app)
    refused = microblog(*numbers(3, 3, 3))
    assert refused.exit_code == 1
    assert "The database has people in it already" in refused.stderr
    assert contents(app) == found


@ON_SQLITE
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (numbers(2, 0, 3), 1),
        (numbers(1, 0, 1), 1),
        (numbers(0, 0, 0), 2),
        (numbers(-1, 0, 0), 2),
        (("fake", "--posts", "many"), 2),
    ],
)
def test_what_cannot_be_made_is_refused(
    app: Flask, microblog: Command, asked: tuple[str, ...], code: int
) -> None:
    refused = microblog(*asked)
    assert refused.exit_code == code
    assert "Error: " in refused.stderr
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 0


@ON_SQLITE
def test_all_that_is_possible_is_made(app: Flask, microblog: Command) -> None:
    assert microblog(*numbers(3, 0, 6)).exit_code == 0
    assert len(contents(app)["follows"]) == 6
