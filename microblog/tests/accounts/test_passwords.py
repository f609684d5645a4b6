"""How passwords are kept and compared."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher
from hypothesis import example, given, settings
from hypothesis import strategies as st

from microblog.accounts.passwords import hash_password, needs_rehash, verify_password

pytestmark = [pytest.mark.real_hashing, pytest.mark.slow]

STORED = hash_password("correct horse battery staple")


def test_a_password_is_kept_as_owasp_advises() -> None:
    assert STORED.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert len(STORED) <= 255
    assert not needs_rehash(STORED)


def test_two_equal_passwords_are_kept_differently() -> None:
    assert hash_password("the same") != hash_password("the same")


@settings(max_examples=15, deadline=None)
@given(password=st.text(), other=st.text())
@example(password="nul\0here", other="nul\0there")
@example(password="x" * 1024, other="x" * 1023 + "y")
def test_a_password_opens_its_own_hash_and_no_other(password: str, other: str) -> None:
    stored = hash_password(password)
    assert verify_password(stored, password)
    assert not verify_password(stored, password + "x")
    if not same(other, password):
        assert not verify_password(stored, other)


def same(one: str, other: str) -> bool:
    """As OpenType, keyboards and this site see it: composed and decomposed letters are one."""
    return unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("pässwörter", "pa\u0308sswo\u0308rter", True),
        ("각각각각각각각각", "각" * 8, True),
        ("passwort", "Passwort", False),
        ("ﬁlesystem", "filesystem", False),
        ("passwort1", "passwort１", False),
        ("passwort", "passwort ", False),
        ("passwort", "passwort\0", False),
    ],
    ids=ascii,
)
def test_one_password_however_its_letters_are_composed(one: str, other: str, equal: bool) -> None:
    assert verify_password(hash_password(one), other) is equal
    assert verify_password(hash_password(other), one) is equal


@pytest.mark.parametrize(
    "broken",
    ["", "x", "$argon2id$", "plain text", STORED[:-10], "$2b$12$abc"],
    ids=["nothing", "a letter", "a beginning", "words", "the end missing", "another kind"],
)
def test_a_broken_hash_opens_to_nobody(broken: str) -> None:
    assert not verify_password(broken, "correct horse battery staple")
    assert not verify_password(broken, broken)


def test_where_there_is_no_account_no_password_is_right() -> None:
    for password in ("", "nobody's", "correct horse battery staple"):
        assert verify_password(None, password) is False


@pytest.mark.parametrize(
    "weaker",
    [
        PasswordHasher(time_cost=1, memory_cost=19 * 1024, parallelism=1),
        PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1),
        PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, hash_len=16),
    ],
    ids=["fewer passes", "less memory", "a shorter hash"],
)
def test_a_hash_with_weaker_parameters_works_and_is_to_be_renewed(weaker: PasswordHasher) -> None:
    stored = weaker.hash("correct horse")
    assert verify_password(stored, "correct horse")
    assert needs_rehash(stored)
