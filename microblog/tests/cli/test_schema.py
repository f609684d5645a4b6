"""`microblog db`: what is asked before data goes, and what is said of wrong versions."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from microblog.cli import upgrade_progress
from tests.cli.conftest import Command

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NONSENSE = [
    ("upgrade", "99", "didn't produce 99 migrations"),
    ("upgrade", "", "names no version"),
    ("upgrade", "@", "names no version"),
    ("downgrade", "bogus", "No such revision"),
    ("downgrade", "--", "-99", "names no version"),
    ("downgrade", "", "names no version"),
    ("stamp", "bogus", "Can't locate revision"),
    ("show", "bogus", "Can't locate revision"),
    ("show", "--", "-1", "names no version"),
    ("log", "--start", "bogus", "Can't locate revision"),
    ("log", "--end", "-1", "names no version"),
    ("merge", "-m", "x", "bogus", "Can't locate revision"),
    ("revision", "--empty", "-p", "bogus", "x", "Can't locate revision"),
    ("revision", "--empty", "-b", "@", "x", "names no version"),
]


def version(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "site.db")) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


@pytest.mark.parametrize("case", NONSENSE, ids=lambda case: "-".join(case[:-1]))
def test_a_version_that_does_not_exist_is_told_in_words(
    microblog: Command, case: tuple[str, ...]
) -> None:
    *arguments, words = case
    said = microblog("db", *arguments)
    assert said.exit_code == 2
    assert words in said.output
    assert "microblog db log" in said.output


@pytest.mark.parametrize(
    "arguments",
    [("upgrade",), ("downgrade", "--yes"), ("current",), ("stamp", "0001"),
     ("revision", "x")],
    ids=" ".join,
)  # fmt: skip
def test_a_database_of_a_newer_version_is_told_in_words_and_left_alone(
    microblog: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with closing(sqlite3.connect(tmp_path / "site.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    said = microblog("db", *arguments)
    assert said.exit_code == 1
    assert "made by a newer version of Microblog" in said.output
    assert version(tmp_path) == "9999"


def test_going_back_asks_before_it_deletes(microblog: Command, tmp_path: Path) -> None:
    newest = version(tmp_path)
    for typed in ("", "n\n"):
        said = microblog("db", "downgrade", typed=typed)
        assert said.exit_code == 1
        assert f"came with version {newest}" in said.output
        assert str(tmp_path / "site.db") in said.output
        assert version(tmp_path) == newest
    assert microblog("db", "downgrade", typed="y\n").exit_code == 0
    assert version(tmp_path) == f"{int(newest) - 1:04}"


@pytest.mark.parametrize("target", ["2", "-2", "0003", "THREE_BACK"])
def test_one_goes_back_so_many_versions_or_to_the_one_named(
    microblog: Command, tmp_path: Path, target: str
) -> None:
    """A name is a number, too, and was taken for a count; Alembic counts from its newest."""
    newest = int(version(tmp_path))
    assert microblog("db", "downgrade", "--yes", "1").exit_code == 0
    target = target.replace("THREE_BACK", f"{newest - 3:04}")
    expected = target if target.startswith("0") else f"{newest - 3:04}"
    assert microblog("db", "downgrade", "--yes", "--", target).exit_code == 0
    assert version(tmp_path) == expected


def test_an_upgrade_says_how_long_it_may_take_and_how_far_it_is(
    microblog: Command, tmp_path: Path
) -> None:
    newest = version(tmp_path)
    assert microblog("db", "downgrade", "--yes", "2").exit_code == 0
    older = version(tmp_path)
    said = microblog("db", "upgrade")
    assert said.exit_code == 0
    assert f" MB) is upgraded from version {older} to {newest}" in said.stderr
    assert "up to 1 minute." in said.stderr
    assert f"2 of 2: version {newest}\nDone after" in said.stderr
    assert "are left there" not in said.stderr
    assert "has this version already: nothing was changed" in microblog("db", "upgrade").stderr


def test_an_upgrade_says_that_the_disk_may_be_too_full(
    microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert microblog("db", "downgrade", "--yes").exit_code == 0
    monkeypatch.setattr(upgrade_progress, "COPIES", 10**9)
    assert "MB are left there." in microblog("db", "upgrade").stderr


def test_a_command_that_upgrades_says_so_unless_the_database_is_new(
    microblog: Command, tmp_path: Path
) -> None:
    assert microblog("db", "downgrade", "--yes").exit_code == 0
    assert "1 of 1: version" in microblog("user", "list").stderr
    (tmp_path / "site.db").unlink()
    made = microblog("user", "list")
    assert made.exit_code == 0
    assert "version" not in made.stderr
