"""Display names: what they may hold, and whose user name they may not look like."""

from __future__ import annotations

import pytest
from flask import Flask

from microblog.accounts.display_names import (
    DisplayNameError,
    DisplayNameProblem,
    change_display_name,
)
from microblog.accounts.models import User
from microblog.database import db, transaction
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user, words


def change(app: Flask, number: int, name: str) -> str | None:
    with app.app_context():
        with transaction() as writing:
            change_display_name(writing, writing.get_one(User, number), name)
        return db.session.get_one(User, number).display_name


@ON_SQLITE
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Hanna Lindqvist", "Hanna Lindqvist"),
        ("  Hanna \t Lindqvist\n", "Hanna Lindqvist"),
        ("Jose\u0301", "José"),
        ("陳怡君", "陳怡君"),
        ("Анастасия Воскресенская", "Анастасия Воскресенская"),
        ("Mo 👨‍👩‍👧‍👦", "Mo 👨‍👩‍👧‍👦"),
        ("x" * 40, "x" * 40),
        ("", None),
        ("   ", None),
        ("susan", "susan"),
    ],
)
def test_a_name_is_kept_as_people_read_it(app: Flask, typed: str, stored: str | None) -> None:
    assert change(app, make_user(app, "susan"), typed) == stored


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 41, DisplayNameProblem.LENGTH),
        ("e" + "\u0301" * 159, DisplayNameProblem.HIDDEN),
        ("x" * 161, DisplayNameProblem.LENGTH),
        ("Su\0san", DisplayNameProblem.HIDDEN),
        ("Su\x1bsan", DisplayNameProblem.HIDDEN),
        ("\u202enasus", DisplayNameProblem.HIDDEN),
        ("Susan\u200f", DisplayNameProblem.HIDDEN),
        ("Su\u2066san", DisplayNameProblem.HIDDEN),
        ("Su\u200bsan", DisplayNameProblem.HIDDEN),
        ("Su\u00adsan", DisplayNameProblem.HIDDEN),
        ("\u200d", DisplayNameProblem.HIDDEN),
        ("\u3164", DisplayNameProblem.HIDDEN),
        ("@susan", DisplayNameProblem.AT_SIGN),
        ("\uff20susan", DisplayNameProblem.AT_SIGN),
        ("bob", DisplayNameProblem.USERNAME),
        ("BOB", DisplayNameProblem.USERNAME),
        ("b\u043eb", DisplayNameProblem.USERNAME),
        ("b\u200dob", DisplayNameProblem.USERNAME),
    ],
)
def test_a_name_that_misleads_is_refused(
    app: Flask, name: str, problem: DisplayNameProblem
) -> None:
    number = make_user(app, "susan")
    make_user(app, "bob")
    with pytest.raises(DisplayNameError) as refused:
        change(app, number, name)
    assert refused.value.problem is problem
    with app.app_context():
        assert db.session.get_one(User, number).display_name is None


@ON_SQLITE
def test_a_name_that_one_has_already_is_kept(app: Flask) -> None:
    number = make_user(app, "susan")
    change(app, number, "Robert")
    make_user(app, "robert")
    assert change(app, number, " Robert ") == "Robert"


def test_a_name_is_shown_beside_the_user_name(app: Flask) -> None:
    make_user(app, "susan")
    susan, reader = Visitor(app), Visitor(app)
    susan.log_in("susan")
    susan.submit("/", {"post": "Hello"})
    assert "@susan" not in words(reader.get("/explore"))
    page = susan.submit(
        "/edit_profile", {"username": "susan", "display_name": "Susan B", "about_me": ""}
    )
    assert "Susan B @susan" in words(page)
    assert "Susan B @susan" in words(reader.get("/explore"))
    assert "<title>Susan B (@susan) - Microblog</title>" in reader.get("/user/susan").text
    assert "<title>Susan B: Hello - Microblog</title>" in reader.get("/post/1").text


def test_a_refused_name_is_explained_and_changes_nothing(app: Flask) -> None:
    make_user(app, "susan")
    make_user(app, "bob")
    susan = Visitor(app)
    susan.log_in("susan")
    fields = {"username": "susanne", "display_name": "Bob", "about_me": "New"}
    page = susan.submit("/edit_profile", dict(fields))
    assert error_beside(page, "display_name") == "This is someone else's username."
    assert 'value="Bob"' in page.text
    assert susan.get("/user/susan").status_code == 200
    assert susan.get("/user/susanne").status_code == 404
