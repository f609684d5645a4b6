"""Tokens: what they are bound to, and that nobody else can make one."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from microblog.accounts.models import User
from microblog.accounts.tokens import RESET_PASSWORD, Keys, make_token, matches, read_token

KEY, FORMER, FOREIGN = "k" * 40, "f" * 40, "x" * 40
NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)


def account(**changes: Any) -> User:
    return User(**{"id": 7, "password_hash": "hash", "email_key": "susan@example.com", **changes})


def token_for(user: User, keys: Keys | None = None, purpose: str = RESET_PASSWORD) -> str:
    return make_token(keys or Keys(KEY), purpose, user, now=NOW, lifetime=TEN_MINUTES)


TOKEN = token_for(account())


def is_good(token: str, user: User, *, keys: Keys | None = None, now: datetime = NOW) -> bool:
    claims = read_token(keys or Keys(KEY), RESET_PASSWORD, token, now=now)
    return (
        claims is not None and claims.user_id == user.id and matches(claims, RESET_PASSWORD, user)
    )


def test_a_token_is_good_for_its_account() -> None:
    assert is_good(TOKEN, account())


def test_a_token_is_a_json_web_token_that_others_can_read() -> None:
    payload = jwt.decode(TOKEN, KEY, algorithms=["HS256"], options={"verify_exp": False})
    assert payload["reset_password"] == 7
    assert payload["exp"] == int(NOW.timestamp()) + 600


MAILED_BEFORE = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyZXNldF9wYXNzd29yZCI6NywiZXhwIjoxNzcyMzY3MDAwLCJmc"
    "HIiOiJkRXJSNE1GNC1BSnFuMWQxLTF5Q1pRIn0.ZpBtb08WhPjdUS0hw1yU9SYngbpS1VSXv3Tiq4jcgLY"
)
"""What a version before this one made for the same account, with a longer fingerprint."""


def test_a_link_that_was_mailed_before_the_tokens_were_shorter_works() -> None:
    assert is_good(MAILED_BEFORE, account())
    assert not is_good(MAILED_BEFORE, account(password_hash="another"))
    assert not is_good(MAILED_BEFORE, account(), now=NOW + TEN_MINUTES)
    assert len(TOKEN) < len(MAILED_BEFORE) - 20


@pytest.mark.parametrize("letters", [0, 1, 15, 17, 21])
def test_a_part_of_the_fingerprint_is_not_enough(letters: int) -> None:
    claims = jwt.decode(MAILED_BEFORE, options={"verify_signature": False})
    for name in ("f", "fpr"):
        short = {
            RESET_PASSWORD: 7,
            "exp": claims["exp"],
            name: claims["fpr"][:letters],
        }
        assert not is_good(jwt.encode(short, KEY, algorithm="HS256"), account())


@pytest.mark.parametrize(
    "changed",
    [{"id": 8}, {"password_hash": "another"}, {"email_key": "new@example.com"}],
    ids=lambda changed: next(iter(changed)),
)
def test_a_token_is_good_for_no_other_state(changed: dict[str, Any]) -> None:
    assert not is_good(TOKEN, account(**changed))


def test_a_token_can_be_bound_to_another_state_than_the_accounts() -> None:
    token = make_token(
        Keys(KEY), RESET_PASSWORD, account(), now=NOW, lifetime=TEN_MINUTES, state=("7", "a@b.c")
    )
    claims = read_token(Keys(KEY), RESET_PASSWORD, token, now=NOW)
    assert claims is not None
    changed = account(password_hash="another", email_key="new@example.com")
    assert matches(claims, RESET_PASSWORD, changed, state=("7", "a@b.c"))
    assert not matches(claims, RESET_PASSWORD, changed, state=("8", "a@b.c"))
    assert not matches(claims, RESET_PASSWORD, account(id=8), state=("7", "a@b.c"))
    assert not is_good(token, account())


def test_parts_of_the_state_cannot_be_moved_into_each_other() -> None:
    user = account(password_hash="ab", email_key="c@d")
    moved = account(password_hash="a", email_key="bc@d")
    assert not is_good(token_for(user), moved)


@pytest.mark.parametrize(
    ("after", "good"),
    [
        (timedelta(0), True),
        (timedelta(seconds=599), True),
        (timedelta(seconds=599, milliseconds=499), True),
        (timedelta(seconds=600), False),
        (timedelta(days=365), False),
    ],
)
def test_a_token_ends_after_its_lifetime(after: timedelta, good: bool) -> None:
    assert is_good(TOKEN, account(), now=NOW + after) is good


@pytest.mark.parametrize(
    ("keys", "good"),
    [
        (Keys(KEY), True),
        (Keys(FOREIGN, (KEY,)), True),
        (Keys(FOREIGN, (FORMER, KEY)), True),
        (Keys(KEY, (FOREIGN,)), True),
        (Keys(FOREIGN), False),
        (Keys(FOREIGN, (FORMER,)), False),
    ],
)
def test_a_token_is_believed_as_long_as_its_key_is(keys: Keys, good: bool) -> None:
    assert is_good(TOKEN, account(), keys=keys) is good


def test_a_token_is_too_old_at_the_very_second_that_it_names() -> None:
    """RFC 7519, 4.1.4: on or after it."""
    end = datetime.fromtimestamp(int(NOW.timestamp()) + 600, UTC)
    assert is_good(TOKEN, account(), now=end - timedelta(microseconds=1))
    assert not is_good(TOKEN, account(), now=end)


def test_new_tokens_are_signed_with_the_present_key() -> None:
    token = token_for(account(), Keys(KEY, (FORMER,)))
    assert is_good(token, account(), keys=Keys(KEY))
    assert not is_good(token, account(), keys=Keys(FORMER))


@pytest.mark.parametrize("purpose", ["verify_email", "reset", "reset_password_", "exp", "f", ""])
def test_a_token_for_another_purpose_is_refused(purpose: str) -> None:
    assert not is_good(token_for(account(), purpose=purpose), account())


def test_a_fingerprint_is_of_its_purpose() -> None:
    """Moving the number under another name in a token of ours would take the key; still."""
    claims = jwt.decode(
        token_for(account(), purpose="verify_email"),
        KEY,
        algorithms=["HS256"],
        options={"verify_exp": False},
    )
    moved = jwt.encode({**claims, RESET_PASSWORD: claims["verify_email"]}, KEY, algorithm="HS256")
    assert not is_good(moved, account())


def test_a_token_tells_nothing_about_the_password() -> None:
    claims = jwt.decode(TOKEN, options={"verify_signature": False})
    assert set(claims) == {"reset_password", "exp", "f"}
    assert "hash" not in claims["f"]
    assert token_for(account(), Keys(FOREIGN)).split(".")[1] != TOKEN.split(".")[1]


@given(st.text())
def test_no_text_is_a_token(text: str) -> None:
    assert read_token(Keys(KEY), RESET_PASSWORD, text, now=NOW) is None


@given(st.binary(max_size=40), st.binary(max_size=80), st.binary(max_size=40))
def test_no_three_parts_are_a_token(header: bytes, payload: bytes, signature: bytes) -> None:
    encoded = (jwt.utils.base64url_encode(one).decode() for one in (header, payload, signature))
    assert read_token(Keys(KEY), RESET_PASSWORD, ".".join(encoded), now=NOW) is None


LETTERS = string.ascii_letters + string.digits + "-_.=+/ \n!ä"


@given(st.integers(0, len(TOKEN) - 1), st.sampled_from(LETTERS))
def test_no_token_with_another_letter_is_good(place: int, letter: str) -> None:
    assume(TOKEN[place] != letter)
    assert not is_good(TOKEN[:place] + letter + TOKEN[place + 1 :], account())


@given(st.integers(0, len(TOKEN)), st.sampled_from(LETTERS))
def test_no_token_with_one_letter_more_is_good(place: int, letter: str) -> None:
    assert not is_good(TOKEN[:place] + letter + TOKEN[place:], account())


@given(st.integers(0, len(TOKEN) - 1), st.integers(1, 20))
def test_no_token_with_letters_missing_is_good(place: int, count: int) -> None:
    assert not is_good(TOKEN[:place] + TOKEN[place + count :], account())


def test_the_last_letter_has_one_spelling() -> None:
    """Two of its bits mean nothing: four letters there decode to the same signature."""
    alphabet = string.ascii_letters + string.digits + "-_"
    good = [letter for letter in alphabet if is_good(TOKEN[:-1] + letter, account())]
    assert good == [TOKEN[-1]]


@pytest.mark.parametrize("behind", ["=", "\n", " ", "!", "==", "%"])
def test_nothing_behind_a_token_is_ignored(behind: str) -> None:
    assert not is_good(TOKEN + behind, account())


CLAIMS: dict[str, Any] = jwt.decode(TOKEN, options={"verify_signature": False})


@given(
    st.fixed_dictionaries(
        {
            name: st.one_of(
                st.just(value),
                st.none(),
                st.booleans(),
                st.integers(-(2**70), 2**70),
                st.floats(allow_nan=False, allow_infinity=False),
                st.text(alphabet=st.characters(exclude_categories=["Cs"])),
                st.lists(st.integers(), max_size=2),
                st.dictionaries(st.text("ab"), st.integers(), max_size=2),
            )
            for name, value in CLAIMS.items()
        }
    )
)
def test_claims_of_any_shape_are_refused_and_never_an_error(claims: dict[str, Any]) -> None:
    signed = jwt.encode(claims, KEY, algorithm="HS256")
    read = read_token(Keys(KEY), RESET_PASSWORD, signed, now=NOW)
    if read is not None:
        same_account = claims["reset_password"] == 7 and type(claims["reset_password"]) is int
        assert is_good(signed, account()) == (same_account and claims["f"] == CLAIMS["f"])
