"""The schema, how transactions begin and end, and moments that are stored and read."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, text
from sqlalchemy.exc import IntegrityError, StatementError
from sqlalchemy.orm import Session

from flask_outbox.outbox.models import Model as MailModel
from microblog import schema
from microblog.accounts.actions.verification import remove_unverified
from microblog.accounts.models import EmailChange, LoginSession, User
from microblog.app import create_app
from microblog.blog.models import Post
from microblog.database import Model, current_transaction, db, transaction, utc_now
from microblog.schema import migrations
from microblog.settings import Settings
from tests import sites
from tests.constants import Make
from tests.schemas import site_without_tables
from tests.visitor import Visitor, make_user

METADATA = (Model.metadata, MailModel.metadata)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """A site whose database has no tables at all."""
    with site_without_tables(request.param, tmp_path) as app:
        yield app


def tables_now() -> dict[str, Any]:
    """Everything that the database knows about its tables, except that of the migrations."""
    found = inspect(db.engine)
    return {
        name: {
            "columns": [
                (one["name"], str(one["type"]), one["nullable"], one["default"])
                for one in found.get_columns(name)
            ],
            "key": found.get_pk_constraint(name),
            "foreign keys": by_name(found.get_foreign_keys(name)),
            "unique": by_name(found.get_unique_constraints(name)),
            "indexes": by_name(found.get_indexes(name)),
        }
        for name in found.get_table_names()
        if name != "alembic_version"
    }


def by_name(parts: Any) -> list[str]:
    return sorted(in_words(part) for part in parts)


def in_words(part: Any) -> str:
    """A part of the schema as text, since a partial index has an expression as its condition."""
    if isinstance(part, dict):
        return repr(sorted((key, in_words(value)) for key, value in part.items()))
    return str(part)


def test_migrations_make_exactly_the_tables_of_the_models(empty_database: Flask) -> None:
    with empty_database.app_context():
        assert schema.needs_upgrade()
        schema.upgrade()
        assert not schema.needs_upgrade()
        assert migrations().compare_metadata() == []
        migrated = tables_now()
        migrations().downgrade("base")
        assert tables_now() == {}
        for metadata in METADATA:
            metadata.create_all(db.engine)
        modelled = tables_now()
    named = {table for table in modelled if not schema.is_index_of_texts(table)}
    assert named == {table for one in METADATA for table in one.tables}
    assert migrated == modelled


def test_downgrading_and_upgrading_restores_the_schema(empty_database: Flask) -> None:
    with empty_database.app_context():
        schema.upgrade()
        first = tables_now()
        migrations().downgrade("base")
        assert schema.needs_upgrade()
        schema.upgrade()
        assert tables_now() == first
    make_user(empty_database, "susan")


def test_rows_that_refer_to_people_survive_a_change_of_their_table(
    empty_database: Flask,
) -> None:
    """SQLite makes the table of people anew: rows that refer to it must not be lost."""
    with empty_database.app_context():
        migrations().upgrade("0003")
        with db.engine.begin() as connection:
            connection.execute(text(PERSON_AT_0003))
            connection.execute(text(SESSION_AT_0003))
        schema.upgrade()
        migrations().downgrade("0003")
        schema.upgrade()
        with db.engine.connect() as connection:
            found = connection.execute(
                text("SELECT username FROM sessions JOIN users ON users.id = user_id")
            )
            assert found.scalars().all() == ["susan"]
    make_user(empty_database, "john")


def test_accounts_older_than_verification_stay_usable(
    empty_database: Flask,
) -> None:
    with empty_database.app_context():
        migrations().upgrade("0003")
        with db.engine.begin() as connection:
            connection.execute(text(PERSON_AT_0003))
        schema.upgrade()
        with transaction() as writing:
            assert remove_unverified(writing, utc_now()) is False
        user = db.session.scalars(select(User)).one()
        assert user.email_verified_at == user.registered_at


def test_old_changes_of_address_are_found_by_their_addresses(
    empty_database: Flask,
) -> None:
    with empty_database.app_context():
        migrations().upgrade("0003")
        with db.engine.begin() as connection:
            connection.execute(text(PERSON_AT_0003))
        migrations().upgrade("0010")
        with db.engine.begin() as connection:
            connection.execute(text(CHANGE_AT_0010))
        schema.upgrade()
        change = db.session.scalars(select(EmailChange)).one()
        assert (change.old_email_key, change.new_email_key) == ("Éa@example.com", "new@example.com")


PERSON_AT_0003 = """INSERT INTO users
    (id, username, username_key, email, email_key, password_hash, registered_at)
    VALUES (1001, 'susan', 'susan', 's@example.com', 's@example.com', '-', '2026-01-01 12:00:00')"""
SESSION_AT_0003 = """INSERT INTO sessions
    (id, user_id, digest, remembered, created_at, seen_at)
    VALUES (1001, 1001, 'x', FALSE, '2026-01-01 12:00:00', '2026-01-01 12:00:00')"""
CHANGE_AT_0010 = """INSERT INTO email_changes (id, user_id, old_email, new_email, requested_at)
    VALUES (1001, 1001, 'ÉA@example.com', 'New@example.com', '2026-01-01 12:00:00')"""


@pytest.fixture
def sqlite_file(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("_sqlite_url")
    return url.removeprefix("sqlite:///")


@pytest.fixture
def sqlite_app(sqlite_file: str, tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings(DATABASE_URL=f"sqlite:///{sqlite_file}", INSTANCE_PATH=tmp_path))
    yield app
    with app.app_context():
        db.engine.dispose()


def test_sqlite_syncs_commits_and_checks_foreign_keys(
    sqlite_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sites, "wait_for_disk", True)
    with sqlite_app.app_context():
        pragmas = {
            name: db.session.scalar(text(f"PRAGMA {name}"))
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_compiles_no_statements(app: Flask) -> None:
    with app.app_context():
        assert db.session.scalar(text("SHOW jit")) == "off"


def test_a_request_starts_no_thread(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    def start(thread: threading.Thread) -> None:
        started.append(thread.name)
        start_thread(thread)

    start_thread = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", start)
    assert Visitor(app).get("/login").status_code == 200
    assert started == []


def write(post: Post) -> None:
    with transaction() as writing:
        writing.add(post)


def test_a_post_needs_its_author(app: Flask) -> None:
    with app.app_context(), pytest.raises(IntegrityError):
        write(Post(user_id=4711, body="from nobody"))


def test_an_account_takes_its_posts_and_sessions_with_it(app: Flask) -> None:
    number = make_user(app, "susan")
    with app.app_context():
        with transaction() as writing:
            writing.add(Post(user_id=number, body="hello"))
            writing.add(LoginSession(user_id=number, digest=b"x" * 32))
        with transaction() as writing:
            writing.execute(text("DELETE FROM users"))
        assert count(db.session, Post) == 0
        assert count(db.session, LoginSession) == 0


def count(session: Session, model: type[Any]) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def test_two_transactions_that_read_first_and_write_later_both_succeed(app: Flask) -> None:
    """If both could read before either writes, SQLite would refuse the second one at once."""
    number = make_user(app, "susan")
    both_have_read = threading.Barrier(2)
    failures: list[BaseException] = []

    def read_then_write(body: str) -> None:
        try:
            with app.app_context(), transaction() as writing:
                count(writing, Post)
                with suppress(threading.BrokenBarrierError):
                    both_have_read.wait(timeout=0.5)
                writing.add(Post(user_id=number, body=body))
        except BaseException as error:  # noqa: BLE001 - the test raises it, whatever it is
            failures.append(error)

    threads = [threading.Thread(target=read_then_write, args=(one,)) for one in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failures == []
    with app.app_context():
        assert sorted(db.session.scalars(select(Post.body))) == ["a", "b"]


def test_on_sqlite_a_transaction_is_the_only_writer_from_its_beginning(
    sqlite_app: Flask, sqlite_file: str
) -> None:
    with sqlite_app.app_context(), closing(sqlite3.connect(sqlite_file, timeout=0)) as other:
        with transaction():
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            assert other.execute("SELECT count(*) FROM users").fetchone() == (0,)
        other.execute("BEGIN IMMEDIATE")
        other.rollback()


def test_on_sqlite_reading_does_not_block_writing(sqlite_app: Flask, sqlite_file: str) -> None:
    with sqlite_app.app_context(), closing(sqlite3.connect(sqlite_file, timeout=0)) as other:
        count(db.session, User)
        other.execute("BEGIN IMMEDIATE")
        other.rollback()


def write_then_fail(number: int) -> None:
    with transaction() as outer:
        with transaction() as inner:
            assert inner is outer
            assert current_transaction() is outer
            inner.add(Post(user_id=number, body="lost"))
            inner.flush()
        assert current_transaction() is outer
        raise LookupError


def test_an_error_undoes_the_whole_transaction_with_those_inside_it(app: Flask) -> None:
    number = make_user(app, "susan")
    with app.app_context():
        with pytest.raises(LookupError):
            write_then_fail(number)
        assert current_transaction() is None
        write(Post(user_id=number, body="kept"))
        assert list(db.session.scalars(select(Post.body))) == ["kept"]


def test_rows_read_before_a_transaction_ends_are_read_anew_after_it(app: Flask) -> None:
    number = make_user(app, "susan")
    with app.app_context():
        with transaction() as writing:
            assert db.session.get_one(User, number).username == "susan"
            writing.get_one(User, number).username = "renamed"
        assert db.session.get_one(User, number).username == "renamed"


def test_outside_an_application_there_is_no_transaction() -> None:
    assert current_transaction() is None


NOON = datetime(2026, 3, 29, 12, 30, 15, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone", [UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11))]
)
def test_a_moment_comes_back_in_utc(app: Flask, zone: timezone) -> None:
    assert stored(app, NOON.astimezone(zone)) == (NOON, timedelta(0))


def test_a_moment_comes_back_in_utc_from_a_database_in_another_zone(
    make_app: Make, database_url: str
) -> None:
    if database_url.startswith("postgresql"):
        database_url += "?options=-c%20timezone%3DAsia/Kathmandu"
    assert stored(make_app(DATABASE_URL=database_url), NOON) == (NOON, timedelta(0))


def stored(app: Flask, moment: datetime) -> tuple[datetime, timedelta | None]:
    """The moment as it is read from the database, and its offset from UTC."""
    number = make_user(app, "susan")
    with app.app_context():
        write(Post(user_id=number, body="now", created_at=moment))
        read = db.session.scalar(select(Post.created_at))
    assert read is not None
    return read, read.utcoffset()


def test_a_moment_can_be_looked_for_in_any_zone(app: Flask) -> None:
    stored(app, NOON)
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    with app.app_context():
        later = select(Post).where(Post.created_at > elsewhere)
        assert db.session.scalar(select(Post).where(Post.created_at == elsewhere))
        assert db.session.scalar(later) is None
        assert db.session.scalar(
            select(Post).where(Post.created_at > elsewhere - timedelta(microseconds=1))
        )


def test_a_moment_without_a_zone_is_refused(app: Flask) -> None:
    number = make_user(app, "susan")
    naive = NOON.replace(tzinfo=None)
    with app.app_context():
        with pytest.raises(StatementError, match="needs its zone"):
            write(Post(user_id=number, body="now", created_at=naive))
        with pytest.raises(StatementError, match="needs its zone"):
            db.session.scalar(select(Post).where(Post.created_at == naive))
        db.session.rollback()
        assert count(db.session, Post) == 0


def test_no_moment_at_all_is_possible(app: Flask) -> None:
    make_user(app, "susan", verified=False)
    with app.app_context():
        assert db.session.scalar(select(User.email_verified_at)) is None
