"""Which passwords are accepted, at every door through which one comes in."""

from __future__ import annotations

import subprocess
import sys

import pytest
from flask import Flask
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from microblog.accounts.password_rules import (
    COMMONEST,
    PasswordError,
    Problem,
    hash_new_password,
    problem_with,
)
from microblog.accounts.passwords import verify_password
from tests.bounded import TOWER, nothing_long_is_composed
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    error_beside,
    make_user,
    reset_link_for,
    words,
)

COMMON = "This password is too common and easy to guess. Choose another."
PERSONAL = "Your password can't be your username or your email."
OWN = ("Susan.Strong", "susan.s1@example.com")


def test_the_commonest_are_refused() -> None:
    for most_common_first in FREQUENCY_LISTS.values():
        long_enough = [one for one in most_common_first[:COMMONEST] if len(one) >= 8]
        assert all(problem_with(one) is Problem.COMMON for one in long_enough)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("password", Problem.COMMON),
        ("PassWord", Problem.COMMON),
        ("ｐａｓｓｗｏｒｄ", Problem.COMMON),
        ("1234567890", Problem.COMMON),
        ("susan.strong", Problem.PERSONAL),
        ("ＳＵＳＡＮ.ＳＴＲＯＮＧ", Problem.PERSONAL),
        ("SUSAN.S1@example.com", Problem.PERSONAL),
        ("susan.s1", Problem.PERSONAL),
        ("1234567", Problem.LENGTH),
        ("a\u0308" * 7, Problem.LENGTH),
        ("a\u0308" * 8, None),
        ("x" * 1025, Problem.LENGTH),
        ("a\u0308" * 1024, None),
        ("\u03b1\u0313\u0300\u0345" * 1024, None),
        ("\u03b1\u0313\u0300\u0345" * 1025, Problem.LENGTH),
        (TOWER, Problem.LENGTH),
        ("пароль как пароль", None),
        (PASSWORD, None),
    ],
    ids=lambda one: ascii(one)[:20],
)
def test_the_rules(password: str, problem: Problem | None) -> None:
    with nothing_long_is_composed():
        assert problem_with(password, personal=OWN) is problem


def test_a_password_that_is_not_accepted_is_not_hashed() -> None:
    for password in ("1234567", "password", "susan.strong"):
        with pytest.raises(PasswordError) as refused:
            hash_new_password(password, personal=OWN)
        assert refused.value.problem is problem_with(password, personal=OWN)
    assert verify_password(hash_new_password(PASSWORD, personal=OWN), PASSWORD)


def test_a_name_that_is_none_takes_no_time() -> None:
    with nothing_long_is_composed():
        assert problem_with(PASSWORD, personal=(TOWER, f"{TOWER}@example.com")) is None


def test_the_longest_password_opens_its_account_however_it_is_composed(
    app: Flask, visitor: Visitor
) -> None:
    longest = "\u03b1\u0313\u0300\u0345" * 1024
    visitor.register("susan", password=longest)
    assert "Hi, susan!" in words(visitor.log_in("susan", password=longest))
    fields: dict[str, object] = {"current_password": longest}
    fields |= {"password": PASSWORD, "password2": PASSWORD}
    page = visitor.submit("/settings/password", fields)
    assert "Your password was changed" in words(page)


@ON_SQLITE
@pytest.mark.parametrize(
    ("password", "said"), [("password1", COMMON), ("SusanStrong", PERSONAL), ("susan.s1", PERSONAL)]
)
def test_each_form_refuses_them_beside_the_field(app: Flask, password: str, said: str) -> None:
    both: dict[str, object] = {"password": password, "password2": password}
    names = {"username": "SusanStrong", "email": "susan.s1@example.com"}
    page = Visitor(app).submit("/register", names | both)
    assert error_beside(page, "password") == said
    make_user(app, names["username"], email=names["email"])
    visitor = Visitor(app)
    page = visitor.submit(visitor.get(reset_link_for(app, names["email"])).request.path, both)
    assert error_beside(page, "password") == said
    visitor.log_in("susanstrong")
    page = visitor.submit("/settings/password", {"current_password": PASSWORD, **both})
    assert error_beside(page, "password") == said


@ON_SQLITE
@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("summer2024", "The one you typed was weak."),
        (PASSWORD, "The one you typed was strong."),
        ("short", ""),
    ],
)
def test_after_an_error_elsewhere_the_hint_says_how_strong_it_was(
    app: Flask, password: str, said: str
) -> None:
    page = Visitor(app).submit("/register", {"password": password, "password2": "other"})
    assert ("The one you typed" in words(page)) is bool(said)
    assert said in words(page)
    assert "Longer is safer." in words(page)


@pytest.mark.slow
def test_the_lists_are_not_loaded_before_they_are_needed() -> None:
    code = "import sys, microblog.app; sys.exit('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
