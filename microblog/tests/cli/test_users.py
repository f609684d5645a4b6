"""`microblog user`: accounts from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from microblog.accounts.models import SecurityEvent, User
from microblog.database import db
from tests.cli.conftest import Command
from tests.visitor import ON_SQLITE, PASSWORD, Visitor, make_user, words

CREATE = ("user", "create")


def users(app: Flask) -> list[User]:
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


@pytest.mark.parametrize("end", ["\n", "\r\n", "", "\nanother line\n"], ids=ascii)
def test_an_account_is_made_and_its_owner_logs_in(
    app: Flask, microblog: Command, visitor: Visitor, end: str
) -> None:
    made = microblog(
        *CREATE, "Susan", "Susan@Example.com", "--password-stdin", typed=PASSWORD + end
    )
    assert made.exit_code == 0, made.output
    assert made.stdout == "Created the account Susan with the address Susan@example.com.\n"
    assert PASSWORD not in made.output
    (user,) = users(app)
    assert user.email_verified_at is not None
    assert "Hi, Susan!" in words(visitor.log_in("susan"))


@ON_SQLITE
def test_the_password_is_asked_for_twice(app: Flask, microblog: Command, visitor: Visitor) -> None:
    made = microblog(*CREATE, "susan", "susan@example.com", typed=f"{PASSWORD}\n{PASSWORD}\n")
    assert made.exit_code == 0, made.output
    assert PASSWORD not in made.output
    assert "Hi, susan!" in words(visitor.log_in("susan"))
    refused = microblog(*CREATE, "bob", "bob@example.com", typed=f"{PASSWORD}\nanother one\n")
    assert refused.exit_code == 1
    assert len(users(app)) == 1


@ON_SQLITE
def test_blanks_belong_to_the_password(app: Flask, microblog: Command, visitor: Visitor) -> None:
    microblog(*CREATE, "susan", "susan@example.com", "--password-stdin", typed="  eight!  \n")
    assert "Wrong username" in words(visitor.log_in("susan", password="eight!"))
    assert "Hi, susan!" in words(visitor.log_in("susan", password="  eight!  "))


@pytest.mark.parametrize(
    ("name", "address", "said"),
    [
        ("SUSAN", "new@example.com", "Another account has this username."),
        ("bob", "SUSAN@EXAMPLE.COM", "Another account has this email."),
    ],
)
def test_what_is_taken_is_said(
    app: Flask, microblog: Command, name: str, address: str, said: str
) -> None:
    make_user(app, "susan")
    refused = microblog(*CREATE, name, address, "--password-stdin", typed=PASSWORD)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: {said}\n"
    assert len(users(app)) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    "name", ["", "two words", "a@b", "x" * 65, "a/b", "<b>", "a\nb", ".", "a.atom"]
)
def test_a_name_that_cannot_be_one_is_refused(app: Flask, microblog: Command, name: str) -> None:
    refused = microblog(*CREATE, name, "a@example.com", "--password-stdin", typed=PASSWORD)
    assert refused.exit_code == 1
    assert "can't be a username" in refused.stderr
    assert users(app) == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("p\u0430ypal", "it mixes letters of several alphabets"),  # CYRILLIC SMALL LETTER A
        ("paypaI", "This username looks like another account's."),
    ],
)
def test_a_name_that_people_would_take_for_another_is_refused(
    app: Flask, microblog: Command, name: str, said: str
) -> None:
    make_user(app, "paypal")
    done = microblog("user", "create", name, "new@example.com", "--password-stdin", typed=PASSWORD)
    assert done.exit_code == 1
    assert said in done.output


@ON_SQLITE
@pytest.mark.parametrize(
    "address", ["", "susan", "susan@", "@example.com", "a@b@c.example", "a@b.c\nBcc: x@y.example"]
)
def test_an_address_that_cannot_be_one_is_refused(
    app: Flask, microblog: Command, address: str
) -> None:
    refused = microblog(*CREATE, "susan", address, "--password-stdin", typed=PASSWORD)
    assert refused.exit_code == 1
    assert "isn't an email address" in refused.stderr
    assert users(app) == []


@ON_SQLITE
@pytest.mark.parametrize(
    "password", ["", "\n", "1234567\n", "x" * 1025], ids=["nothing", "a line", "short", "long"]
)
def test_a_password_that_is_too_short_or_too_long_is_refused(
    app: Flask, microblog: Command, password: str
) -> None:
    refused = microblog(*CREATE, "susan", "s@example.com", "--password-stdin", typed=password)
    assert refused.exit_code == 1
    assert refused.stderr == "Error: A password has between 8 and 1024 characters.\n"
    assert users(app) == []


@ON_SQLITE
def test_a_password_that_is_no_text_is_refused_in_words(app: Flask, microblog: Command) -> None:
    refused = microblog(
        *CREATE, "susan", "s@example.com", "--password-stdin", typed=b"\xff\xfe\xfd\xfc" * 4
    )
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: ")
    assert users(app) == []


@ON_SQLITE
def test_the_first_account_makes_the_database(microblog: Command, tmp_path: Path) -> None:
    new = f"sqlite:///{tmp_path / 'new.db'}"
    arguments = (*CREATE, "susan", "s@example.com", "--password-stdin")
    assert microblog(*arguments, typed=PASSWORD, DATABASE_URL=new).exit_code == 0
    again = microblog(*arguments, typed=PASSWORD, DATABASE_URL=new)
    assert again.stderr == "Error: Another account has this username.\n"


@ON_SQLITE
def test_a_database_that_cannot_be_reached_is_said_in_words(microblog: Command) -> None:
    refused = microblog(
        *(*CREATE, "susan", "s@example.com", "--password-stdin"),
        typed=PASSWORD,
        DATABASE_URL="postgresql://nobody:hunter2@127.0.0.1:1/nothing",
    )
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: The database cannot be used: ")
    assert "hunter2" not in refused.output


# Accounts that are there


def listed(microblog: Command, *arguments: str) -> list[dict[str, Any]]:
    shown = microblog("user", "list", *arguments, "--json")
    assert shown.exit_code == 0, shown.output
    found: list[dict[str, Any]] = json.loads(shown.stdout)
    return found


def test_accounts_are_listed_newest_first(app: Flask, microblog: Command) -> None:
    make_user(app, "susan")
    make_user(app, "bob", verified=False)
    microblog("user", "make-admin", "susan")
    shown = microblog("user", "list")
    assert shown.exit_code == 0
    lines = [line.split() for line in shown.stdout.splitlines()]
    assert [line[1:] for line in lines] == [
        ["bob", "bob@example.com", "unverified"],
        ["susan", "susan@example.com", "admin"],
    ]
    (susan,) = listed(microblog, "--only", "admin")
    assert {key: susan[key] for key in ("id", "username", "email", "states")} == {
        "id": 1,
        "username": "susan",
        "email": "susan@example.com",
        "states": ["admin"],
    }
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", susan["registered"])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (["--search", "SUSAN@"], ["susan"]),
        (["--search", "b"], ["bob"]),
        (["--search", "%"], []),
        (["--only", "disabled"], []),
        (["--only", "unverified"], []),
        (["--count", "1"], ["bob"]),
        ([], ["bob", "susan"]),
    ],
    ids=" ".join,
)
def test_accounts_are_found(
    app: Flask, microblog: Command, wanted: list[str], found: list[str]
) -> None:
    make_user(app, "susan")
    make_user(app, "bob")
    assert [one["username"] for one in listed(microblog, *wanted)] == found


@ON_SQLITE
def test_an_empty_list_is_said(microblog: Command) -> None:
    shown = microblog("user", "list")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "No account matches.\n")
    assert listed(microblog) == []


def test_an_account_is_disabled_and_enabled(
    app: Flask, microblog: Command, visitor: Visitor
) -> None:
    make_user(app, "susan")
    visitor.log_in("susan")
    done = microblog("user", "disable", "SUSAN")
    assert (done.exit_code, done.stdout) == (0, "susan is disabled.\n")
    assert "Sign in" in words(visitor.get("/"))
    assert "Wrong username" in words(visitor.log_in("susan"))
    assert microblog("user", "disable", "susan").stdout == "susan is already disabled.\n"
    assert [one["username"] for one in listed(microblog, "--only", "disabled")] == ["susan"]
    assert microblog("user", "enable", "susan").stdout == "susan is enabled.\n"
    assert microblog("user", "enable", "susan").stdout == "susan isn't disabled.\n"
    assert "Hi, susan!" in words(visitor.log_in("susan"))
    assert events(app) == ["disabled", "enabled"]


def test_an_administrator_is_made_and_unmade(app: Flask, microblog: Command) -> None:
    make_user(app, "susan")
    make_user(app, "bob")
    made = microblog("user", "make-admin", "Susan")
    assert (made.exit_code, made.stdout) == (0, "susan is an administrator.\n")
    assert microblog("user", "make-admin", "susan").stdout == "susan is already an administrator.\n"
    assert microblog("user", "unmake-admin", "bob").stdout == "bob isn't an administrator.\n"
    microblog("user", "make-admin", "bob")
    unmade = microblog("user", "unmake-admin", "susan")
    assert (unmade.exit_code, unmade.stdout) == (0, "susan is no longer an administrator.\n")
    assert [user.is_admin for user in users(app)] == [False, True]
    assert events(app) == ["admin_made", "admin_made", "admin_unmade"]


@pytest.mark.parametrize("command", ["disable", "unmake-admin"])
def test_the_last_administrator_stays(app: Flask, microblog: Command, command: str) -> None:
    make_user(app, "susan")
    microblog("user", "make-admin", "susan")
    refused = microblog("user", command, "susan")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == (
        "Error: susan is the last administrator. Make someone else one first.\n"
    )
    (susan,) = users(app)
    assert susan.is_admin
    assert susan.disabled_at is None


@ON_SQLITE
def test_a_disabled_account_is_no_administrator_s(app: Flask, microblog: Command) -> None:
    make_user(app, "susan")
    microblog("user", "disable", "susan")
    refused = microblog("user", "make-admin", "susan")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == "Error: susan is disabled: enable the account first.\n"


@ON_SQLITE
@pytest.mark.parametrize("command", ["disable", "enable", "make-admin", "unmake-admin"])
@pytest.mark.parametrize("name", ["nobody", "", "susan@example.com", "a\0b"], ids=ascii)
def test_a_name_that_nobody_has_is_said(
    app: Flask, microblog: Command, command: str, name: str
) -> None:
    make_user(app, "susan")
    refused = microblog("user", command, name)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith(f"Error: No account has the name {name!r}.")
    assert events(app) == []


def events(app: Flask) -> list[str]:
    """What is in the security logs, done by nobody else than the command line."""
    with app.app_context():
        found = db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id)).all()
    return [one.kind for one in found if one.details == {"by": "(command line)"}]
