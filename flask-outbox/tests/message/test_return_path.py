"""Tokens of the return path: they name a row, prove it, and end."""

from __future__ import annotations

import base64
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flask_outbox.message.addresses import address_digest, address_key, parse_address
from flask_outbox.message.return_path import (
    TOKENS_MAXIMUM,
    ReturnPath,
    ReturnToken,
    claimed_row,
    find_tokens,
)
from flask_outbox.operations.messages import MAX_ID

DAY = 86400.0
NOW = 20_787 * DAY + 3600
SUSAN, BOB = "susan@example.com", "bob@example.com"
PATH = ReturnPath(parse_address("bounces@example.com"), (b"a key",))


def test_a_token_tells_its_row_its_recipient_and_its_day() -> None:
    token = PATH.token(7, SUSAN, NOW)
    assert re.fullmatch(r"[a-z2-7]{32}", token)
    assert PATH.sender_for(7, SUSAN, NOW) == f"bounces+{token}@example.com"
    assert PATH.read(token, [BOB, SUSAN], NOW) == ReturnToken(7, SUSAN, 20_787 * DAY)
    assert claimed_row(token) == 7


def test_a_token_survives_servers_that_fold_case_or_shout() -> None:
    token = PATH.token(7, SUSAN, NOW)
    assert find_tokens(PATH.sender_for(7, SUSAN, NOW).upper()) == [token]
    assert PATH.read(token.upper(), ["Susan@Example.com"], NOW)


def test_a_token_of_a_row_that_was_reduced_can_still_be_verified() -> None:
    token = PATH.token(7, "Susan@Example.com", NOW)
    digest = address_digest(address_key(SUSAN))
    found = PATH.read(token, [address_digest(address_key(BOB)), digest], NOW)
    assert found == ReturnToken(7, digest, 20_787 * DAY)


@pytest.mark.parametrize(
    ("later", "is_good"),
    [(0, True), (30 * DAY, True), (31 * DAY, False), (-DAY, True), (-2 * DAY, False)],
)
def test_a_token_is_good_for_thirty_days(later: float, is_good: bool) -> None:
    token = PATH.token(7, SUSAN, NOW)
    assert (PATH.read(token, [SUSAN], NOW + later) is not None) is is_good


def test_nobody_elses_token_is_believed() -> None:
    token = PATH.token(7, SUSAN, NOW)
    stranger = ReturnPath(PATH.address, (b"another key",))
    assert PATH.read(token, [BOB, "no address", "sha256:short", ""], NOW) is None
    assert PATH.read(token, [], NOW) is None
    assert stranger.read(token, [SUSAN], NOW) is None
    assert PATH.read("", [SUSAN], NOW) is None
    assert PATH.read("sußan" * 7, [SUSAN], NOW) is None


@settings(deadline=None)
@given(st.integers(0, 31), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_no_letter_of_a_token_can_be_changed(place: int, letter: str) -> None:
    token = PATH.token(7, SUSAN, NOW)
    forged = token[:place] + letter + token[place + 1 :]
    assert (PATH.read(forged, [SUSAN], NOW) is None) is (forged != token)


@settings(deadline=None)
@given(st.integers(1, MAX_ID), st.emails(), st.floats(0, 4e9))
def test_every_token_fits_is_found_and_is_read(row: int, recipient: str, now: float) -> None:
    try:
        key = address_key(recipient)
    except ValueError:
        return
    longest = ReturnPath(parse_address(f"{'b' * 31}@example.com"), (b"a key",), "=")
    sender = longest.sender_for(row, key, now)
    assert len(sender.partition("@")[0]) <= 64
    assert parse_address(sender).mailbox == sender
    (token,) = find_tokens(f"Return-Path: <{sender}>")
    found = longest.read(token, [key], now)
    assert found is not None
    assert (found.row, found.recipient) == (row, key)


def test_tokens_are_found_once_each_and_only_so_many() -> None:
    mine, other = PATH.token(7, SUSAN, NOW), PATH.token(8, BOB, NOW)
    text = f"X-Outbox: {mine}\r\nTo: <bounces+{other}@example.com>\r\nENVID={mine.upper()} x{mine}"
    assert find_tokens(text) == [mine, other]
    many = [PATH.token(row, SUSAN, NOW) for row in range(1, TOKENS_MAXIMUM + 9)]
    assert find_tokens("\n".join(many)) == many[:TOKENS_MAXIMUM]


def test_an_attached_file_hides_no_token() -> None:
    token = PATH.token(7, SUSAN, NOW)
    attached = base64.encodebytes(random.Random(7).randbytes(300_000)).decode()
    assert find_tokens(attached + token) == [token]


def test_what_only_looks_like_a_token_is_none() -> None:
    assert find_tokens("a" * 32) == [], "there is no row 0"
    assert find_tokens("7" * 32) == [], "no row has so high a number"
    assert find_tokens("kezq" * 9) == []
    assert claimed_row("0" * 32) is None


def test_a_return_path_needs_a_key_and_room_for_a_token() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        ReturnPath(PATH.address, ())
    with pytest.raises(ValueError, match="31 letters"):
        ReturnPath(parse_address(f"{'b' * 32}@example.com"), (b"a key",))
    with pytest.raises(ValueError, match="one character"):
        ReturnPath(PATH.address, (b"a key",), "ab")
    domain = f"{'.'.join(['d' * 60] * 4)}.com"
    with pytest.raises(ValueError, match="letters"):
        ReturnPath(parse_address(f"bounces@{domain[-220:].strip('.')}"), (b"a key",))
