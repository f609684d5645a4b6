"""Making an account: what is accepted, what is taken, and what is kept."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from flask_outbox import AddressError
from microblog.accounts.actions.registration import TakenError, create_account
from microblog.accounts.models import KnownBrowser, LoginSession, SecurityEvent, User
from microblog.accounts.usernames import (
    UsernameError,
    UsernameProblem,
    username_key,
    username_problem,
)
from microblog.database import db, transaction, utc_now
from tests.bounded import TOWER, nothing_long_is_composed
from tests.outbox_rows import rows
from tests.visitor import ON_SQLITE, PASSWORD, Visitor, error_beside, make_user, value_in, words

MADE = "Welcome to Microblog. We sent a link to"


def fields(**changes: str) -> dict[str, object]:
    return {
        "username": "susan",
        "email": "susan@example.com",
        "password": PASSWORD,
        "password2": PASSWORD,
        **changes,
    }


def users(app: Flask) -> list[User]:
    with app.app_context():
        return list(db.session.scalars(select(User).order_by(User.id)))


def test_a_new_account(app: Flask, visitor: Visitor) -> None:
    before = utc_now()
    page = visitor.submit("/register", fields(username=" Susan ", email=" Susan@Example.COM "))
    assert page.request.path == "/"
    assert f"{MADE} Susan@example.com. Open it to start posting." in words(page)
    assert "Hi, Susan!" in words(page)
    (user,) = users(app)
    assert (user.username, user.email) == ("Susan", "Susan@example.com")
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(vars(user))
    assert before <= user.registered_at <= utc_now()
    assert user.email_verified_at is None
    assert "Hi, Susan!" in words(Visitor(app).log_in("susan"))


def test_someone_logged_in_is_sent_to_the_first_page(app: Flask, visitor: Visitor) -> None:
    make_user(app, "susan")
    visitor.log_in("susan")
    answer = visitor.get("/register", follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_one_is_signed_in_at_once_in_a_new_session(app: Flask) -> None:
    visitor = Visitor(app, new_browser=True)
    visitor.get("/login")
    with visitor.client.session_transaction() as session:
        session["planted"] = "by somebody else"
    token = visitor.csrf_token("/register")
    before = cookies(visitor)
    answer = visitor.submit("/register", fields(), token=token, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert cookies(visitor).keys() - before.keys() == {"microblog_browser"}
    assert "microblog_remember" not in cookies(visitor)
    with visitor.client.session_transaction() as session:
        assert "planted" not in session
    assert visitor.submit("/logout", token=token, follow=False).status_code == 400
    assert "Hi, susan!" in words(visitor.get("/"))
    assert "Edit profile" in words(visitor.get("/user/susan"))
    with app.app_context():
        (session_row,) = db.session.scalars(select(LoginSession))
        assert (session_row.user.username, session_row.remembered) == ("susan", False)
        known = db.session.scalars(select(KnownBrowser.user_id)).all()
        events = db.session.scalars(select(SecurityEvent.kind).order_by(SecurityEvent.id)).all()
    assert known == [session_row.user_id]
    assert events == ["registered", "logged_in"]
    assert [row.kind for row in rows(app)] == ["accounts.verify_email"]


def cookies(visitor: Visitor) -> dict[str, str]:
    named = ("microblog", "microblog_browser", "microblog_remember")
    found = {name: visitor.client.get_cookie(name) for name in named}
    return {name: cookie.value for name, cookie in found.items() if cookie}


def test_a_form_that_is_sent_twice_makes_one_account_and_signs_in(app: Flask) -> None:
    """By a double click: the second comes without the cookies of the first answer."""
    first, second = Visitor(app, new_browser=True), Visitor(app, new_browser=True)
    tokens = [one.csrf_token("/register") for one in (first, second)]
    pages = [
        one.submit("/register", fields(), token=token)
        for one, token in zip((first, second), tokens, strict=True)
    ]
    for page in pages:
        assert MADE in words(page)
        assert "Hi, susan!" in words(page)
    assert len(users(app)) == len(rows(app)) == 1
    again = first.submit("/register", fields(), token=first.csrf_token("/"))
    assert "Hi, susan!" in words(again)
    assert len(users(app)) == 1


def test_two_copies_of_a_form_at_once_make_one_account(app: Flask) -> None:
    visitors = [Visitor(app, new_browser=True) for _ in range(2)]
    tokens = [one.csrf_token("/register") for one in visitors]
    starting = threading.Barrier(len(visitors))
    said: list[str] = []

    def send(number: int) -> None:
        starting.wait(timeout=30)
        said.append(words(visitors[number].submit("/register", fields(), token=tokens[number])))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(len(visitors))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert all("Hi, susan!" in one for one in said), said
    assert len(users(app)) == len(rows(app)) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"password": "another one of mine", "password2": "another one of mine"},
        {"email": "other@example.com"},
    ],
    ids=["password", "address"],
)
def test_another_form_with_a_fresh_name_is_refused(app: Flask, change: dict[str, str]) -> None:
    Visitor(app).register("susan")
    page = Visitor(app).submit("/register", fields(**change))
    assert error_beside(page, "username") == "This username is taken. Choose another."


@pytest.mark.parametrize(
    "changed",
    [
        {"registered_at": utc_now() - timedelta(seconds=61)},
        {"email_verified_at": utc_now()},
        {"disabled_at": utc_now()},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_the_registration_form_logs_nobody_in_to_an_older_account(
    app: Flask, changed: dict[str, datetime]
) -> None:
    Visitor(app).register("susan")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(**changed))
    page = Visitor(app).submit("/register", fields())
    assert error_beside(page, "username") == "This username is taken. Choose another."


@pytest.mark.parametrize("name", ["susan", "SUSAN", "sUsAn", "ｓｕｓａｎ"])
def test_a_name_is_taken_in_every_case_and_width(app: Flask, visitor: Visitor, name: str) -> None:
    make_user(app, "Susan")
    page = visitor.submit("/register", fields(username=name, email="other@example.com"))
    assert error_beside(page, "username") == "This username is taken. Choose another."
    assert error_beside(page, "email") == ""
    assert value_in(page, "username") == name
    assert value_in(page, "email") == "other@example.com"
    assert value_in(page, "password") == value_in(page, "password2") == ""
    assert len(users(app)) == 1


def test_a_name_is_taken_however_its_letters_are_composed(app: Flask, visitor: Visitor) -> None:
    make_user(app, "jos\u00e9")
    page = visitor.submit("/register", fields(username="jose\u0301"))
    assert error_beside(page, "username") == "This username is taken. Choose another."
    assert "Hi, jos\u00e9!" in words(visitor.log_in("JOSE\u0301"))


def test_a_letter_that_becomes_another_one_is_refused(app: Flask, visitor: Visitor) -> None:
    """The Kelvin sign becomes a K as soon as the address is normalised."""
    make_user(app, "owner", email="kk@example.com")
    page = visitor.submit("/register", fields(email="k\u212a@example.com"))
    assert error_beside(page, "email") == "Enter a valid email address."


def test_a_look_alike_is_somebody_else(app: Flask, visitor: Visitor) -> None:
    """The long s becomes an s where letters are folded carelessly."""
    make_user(app, "owner", email="ss@example.com")
    assert MADE in words(visitor.submit("/register", fields(email="s\u017f@example.com")))
    assert "Hi, owner!" in words(Visitor(app).log_in("ss@example.com"))
    assert "Hi, susan!" in words(Visitor(app).log_in("s\u017f@example.com"))


@ON_SQLITE
@pytest.mark.parametrize(
    "name",
    [
        "susan",
        "a",
        "x" * 64,
        "susan.strong-1_2",
        "Ďábelské",
        "Мария",
        "小明",
        "مريم",
        "हिन्दी",
        "สวัสดี",
        "தமிழ்",
        "Jose\u0301",
    ],
    ids=ascii,
)
def test_letters_and_digits_of_any_script_make_a_name(
    app: Flask, visitor: Visitor, name: str
) -> None:
    page = visitor.submit("/register", fields(username=name))
    assert MADE in words(page), error_beside(page, "username")
    assert "Wrong username" not in words(Visitor(app).log_in(name))


@ON_SQLITE
@pytest.mark.parametrize(
    "name",
    [
        "two words",
        "a@b",
        "a/b",
        "a\\b",
        "<b>",
        "a\u202eb",
        "a\u200bb",
        "a\0b",
        "a\nb",
        "😀",
        "%",
        "\u0301e",
        "susan\ufe0f",
        "su\u034fsan",
        "su\u3164san",
        "\u1160susan",
        "susan\u17b4",
        "su\u2800san",
        "a" + "\u0323" * 30,
        "\u0958" * 64,
    ],
    ids=ascii,
)
def test_other_characters_do_not(app: Flask, visitor: Visitor, name: str) -> None:
    page = visitor.submit("/register", fields(username=name))
    assert error_beside(page, "username")
    assert username_problem(name) is UsernameProblem.CHARACTERS
    assert users(app) == []


@ON_SQLITE
@pytest.mark.parametrize(
    "name", [".", "..", "...", "-", ".susan", "susan.", "-susan", "susan-", "susan.atom", "s.ATOM"]
)
def test_a_name_whose_page_could_not_be_reached_is_refused(
    app: Flask, visitor: Visitor, name: str
) -> None:
    page = visitor.submit("/register", fields(username=name))
    said = "A username can't start or end with a dot or a hyphen"
    assert error_beside(page, "username").startswith(said)
    assert username_problem(name) is UsernameProblem.ENDS
    assert users(app) == []


@ON_SQLITE
@pytest.mark.parametrize("name", ["_", "_susan_", "1", "s.u-s_an", "atom", "susan-atom", "s.atoms"])
def test_dots_and_hyphens_are_fine_within_a_name(app: Flask, visitor: Visitor, name: str) -> None:
    assert MADE in words(visitor.submit("/register", fields(username=name)))
    assert visitor.get(f"/user/{name}").status_code == 200


def test_a_name_ends_at_64_letters(app: Flask, visitor: Visitor) -> None:
    page = visitor.submit("/register", fields(username="x" * 65))
    assert error_beside(page, "username")
    assert users(app) == []


def test_the_key_of_a_name_fits_its_column_however_much_it_grows() -> None:
    assert len(username_key("ﷺ" * 64)) <= 64


def test_the_key_of_what_is_no_name_takes_no_long_time() -> None:
    with nothing_long_is_composed():
        assert len(username_key(TOWER)) <= 64
    assert username_key("e\u0301" * 64) == "é" * 64


@ON_SQLITE
@pytest.mark.parametrize(
    ("password", "accepted"),
    [
        ("vq3 kwz", False),
        ("vq3 kwzx", True),
        ("é" * 7, False),
        ("é" * 8, True),
        ("🔑" * 7, False),
        ("🔑" * 8, True),
        ("x" * 1024, True),
        ("x" * 1025, False),
        ("🔑" * 1024, True),
    ],
    ids=lambda one: f"{len(one)} of {one[:1]!a}" if isinstance(one, str) else str(one),
)
def test_a_password_has_8_to_1024_code_points(
    app: Flask, visitor: Visitor, password: str, accepted: bool
) -> None:
    page = visitor.submit("/register", fields(password=password, password2=password))
    assert (MADE in words(page)) is accepted
    if not accepted:
        said = "Use 8 to 1024 characters."
        assert error_beside(page, "password") == said
    assert len(users(app)) == int(accepted)


def test_two_different_passwords_are_refused(app: Flask, visitor: Visitor) -> None:
    page = visitor.submit("/register", fields(password2=PASSWORD.upper()))
    assert error_beside(page, "password2") == "The passwords don't match."
    assert users(app) == []


def test_of_many_who_want_one_name_at_once_one_gets_it(app: Flask) -> None:
    count = 6
    starting = threading.Barrier(count)
    visitors = [Visitor(app) for _ in range(count)]
    tokens = [one.csrf_token("/register") for one in visitors]
    said: dict[int, str] = {}

    def want(number: int) -> None:
        wanted = fields(email=f"susan{number}@example.com")
        starting.wait(timeout=30)
        page = visitors[number].submit("/register", wanted, token=tokens[number])
        said[number] = words(page)

    threads = [threading.Thread(target=want, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(MADE in one for one in said.values()) == 1, said
    taken = [one for one in said.values() if "This username is taken. Choose another." in one]
    assert len(taken) == count - 1
    assert len(users(app)) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "address", "error"),
    [
        ("two words", "susan@example.com", UsernameError),
        ("susan", "susan@nowhere", AddressError),
        ("susan", "susan", AddressError),
    ],
)
def test_the_rule_refuses_what_the_form_does(
    app: Flask, name: str, address: str, error: type[Exception]
) -> None:
    with app.app_context(), transaction() as writing, pytest.raises(error):
        create_account(writing, username=name, email=address, password_hash="x")
    assert users(app) == []


@pytest.mark.parametrize(
    ("name", "address", "field"),
    [("SUSAN", "b@example.com", "username"), ("bob", "SUSAN@example.com", "email")],
)
def test_the_rule_says_which_field_is_taken(
    app: Flask, name: str, address: str, field: str
) -> None:
    make_user(app, "susan")

    def take() -> None:
        with transaction() as writing:
            create_account(
                writing, username=name, email=address, password_hash="x", verified_at=utc_now()
            )

    with app.app_context(), pytest.raises(TakenError) as caught:
        take()
    assert caught.value.field == field
    assert len(users(app)) == 1
