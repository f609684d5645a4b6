"""Nobody new has a name that people would take for somebody else's."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import select, text

from microblog import schema
from microblog.accounts.actions.registration import TakenError
from microblog.accounts.actions.renaming import rename
from microblog.accounts.confusables import mixes_scripts, skeleton
from microblog.accounts.models import User
from microblog.accounts.usernames import UsernameError, UsernameProblem, username_problem
from microblog.database import db, transaction
from microblog.schema import migrations
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user, words

MIXED = "Use letters of one alphabet."
ALIKE = "This username looks like someone else's. Choose another."


@pytest.mark.parametrize(
    ("name", "is_mixed"),
    [
        ("susan", False),
        ("user_1.a-b", False),
        ("2026", False),
        ("José", False),
        ("Łukasz", False),
        ("админ", False),
        ("Олег_2", False),
        ("Ωμέγα", False),
        ("田中さん", False),
        ("田中スーパーtaro", False),
        ("李小明ㄅwang", False),
        ("김철수kim", False),
        ("नमस्ते१", False),
        ("محمد", False),
        ("\u0430dmin", True),  # CYRILLIC SMALL LETTER A
        ("admin\u043e", True),  # CYRILLIC SMALL LETTER O
        ("\u03bfmega", True),  # GREEK SMALL LETTER OMICRON
        ("\U0001d41aдмин", True),  # MATHEMATICAL BOLD SMALL A, which is an "a"
        ("user\u0967", True),  # DEVANAGARI DIGIT ONE
        ("김さん", True),
        ("ㄅさん", True),
        ("админ田中", True),
    ],
)
def test_letters_of_alphabets_that_are_not_written_together_are_no_name(
    name: str, *, is_mixed: bool
) -> None:
    assert mixes_scripts(name) is is_mixed
    assert (username_problem(name) is UsernameProblem.ALPHABETS) is is_mixed


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("admin", "\u0430dmin"),
        ("paypal", "paypaI"),
        ("paypal", "PAYPAI"),
        ("user1", "userl"),
        ("bob0", "bobO"),
        ("bob0", "bobo"),
        ("modern", "modem"),
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),  # all of it Cyrillic
        ("hot", "\u041d\u041e\u0422"),  # in capitals
        ("mat", "\u041c\u0410\u0422"),
        ("susan", "ＳＵＳＡＮ"),
        ("jose\u0301", "José"),
    ],
)
def test_names_that_look_alike_have_one_skeleton(name: str, other: str) -> None:
    assert skeleton(name) == skeleton(other)


def test_sample_people_and_names_of_other_letters_have_each_their_own() -> None:
    names = [*(f"user{number}" for number in range(2000)), "jose", "josé", "susan", "suzan", "iris"]
    assert len({skeleton(name) for name in names}) == len(names)


@ON_SQLITE
def test_who_registers_reads_why_a_name_is_refused(app: Flask) -> None:
    make_user(app, "paypal")
    for name, said in (("p\u0430ypal", MIXED), ("paypaI", ALIKE), ("\u0440\u0430\u0443", "")):
        page = Visitor(app).register(name, email="new@example.com")
        beside = error_beside(page, "username")
        assert beside.startswith(said) if said else "Welcome to Microblog. We sent" in words(page)


@ON_SQLITE
def test_who_takes_another_name_reads_why_it_is_refused(app: Flask) -> None:
    make_user(app, "paypal")
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    for name, said in (("sus\u0430n", MIXED), ("paypaI", ALIKE)):
        page = visitor.submit("/edit_profile", {"username": name, "about_me": ""})
        assert error_beside(page, "username").startswith(said)
    page = visitor.submit("/edit_profile", {"username": "SUSAN", "about_me": ""})
    assert "Your changes have been saved." in words(page)


def test_of_two_names_that_look_alike_taken_at_once_one_is_given(app: Flask) -> None:
    """Half of them register, half are renamed; the look before the write sees nobody."""
    names = ["paypal", "paypaI", "PaypaI", "paypa1"]
    people = [make_user(app, name) for name in ("anna", "bob")]
    barrier = threading.Barrier(len(names))
    refused: list[bool] = []

    def take(number: int) -> None:
        with app.app_context():
            barrier.wait(60)
        try:
            if number < len(people):
                with app.app_context(), transaction() as writing:
                    rename(writing, writing.get_one(User, people[number]), names[number])
            else:
                make_user(app, names[number])
        except TakenError as error:
            refused.append(error.is_confusable or error.field == "username")

    threads = [threading.Thread(target=take, args=[number]) for number in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert refused == [True] * (len(names) - 1)
    with app.app_context():
        looks = db.session.scalars(select(User.username_skeleton)).all()
    assert looks.count("paypal") == 1


PERSON_AT_0011 = """INSERT INTO users (id, username, username_key, email, email_key, password_hash,
    registered_at, is_admin) VALUES (:id, :name, :key, :name, :name, '-', '2026-01-01', FALSE)"""


@ON_SQLITE
def test_names_that_exist_already_are_kept(app: Flask) -> None:
    """The oldest has the skeleton for itself, the others keep their names, in capitals, too."""
    names = ["paypal", "paypaI", "p\u0430ypal", "susan"]
    with app.app_context():
        migrations().downgrade("0011")
        with db.engine.begin() as connection:
            for number, name in enumerate(names, 1):
                row = {"id": number, "name": name, "key": name.casefold()}
                connection.execute(text(PERSON_AT_0011), row)
        schema.upgrade()
        people = db.session.scalars(select(User).order_by(User.id)).all()
        assert [one.username for one in people] == names
        assert [one.confusable_username for one in people] == [False, True, True, False]
        with transaction() as writing:
            second = writing.get_one(User, 2)
            rename(writing, second, "PAYPAI".swapcase())
            with pytest.raises(TakenError) as caught:
                rename(writing, writing.get_one(User, 4), "Paypa1")
        assert caught.value.is_confusable
        with transaction() as writing:
            rename(writing, writing.get_one(User, 1), "somebody")
        with transaction() as writing, pytest.raises(UsernameError):
            rename(writing, writing.get_one(User, 4), "p\u0430ypal")
        # The others are still there to be taken for.
        with transaction() as writing, pytest.raises(TakenError):
            rename(writing, writing.get_one(User, 4), "paypa1")
