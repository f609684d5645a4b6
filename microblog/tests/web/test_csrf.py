"""Forged forms: with planted cookies, and from other sites."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from tests.constants import Make
from tests.visitor import ON_SQLITE, Visitor, make_user, words

pytestmark = ON_SQLITE

INVALID = "This form has expired"
SESSION = "microblog"


def planted(attacker: Visitor, victim: Visitor, page: str) -> str:
    """Put the attacker's session cookie into the victim's browser; return its token."""
    token = attacker.csrf_token(page)
    cookie = attacker.client.get_cookie(SESSION)
    assert cookie
    victim.client.set_cookie(SESSION, cookie.value)
    return token


@pytest.mark.parametrize("who", ["a stranger", "somebody logged in", "somebody who was"])
def test_a_planted_session_cookie_sends_no_form_as_the_owner_of_a_remember_cookie(
    app: Flask, who: str
) -> None:
    """The victim's remember cookie opens the account, the attacker's session holds the token."""
    for name in ("susan", "mallory"):
        make_user(app, name)
    victim, attacker = Visitor(app), Visitor(app)
    victim.log_in("susan", remember=True)
    if who != "a stranger":
        attacker.log_in("mallory")
    token = planted(attacker, victim, "/login" if who == "a stranger" else "/")
    if who == "somebody who was":
        attacker.submit("/logout", token=token)
    answer = victim.submit("/", {"post": "I give mallory everything"}, token=token)
    assert "I give mallory everything" not in words(Visitor(app).get("/user/susan"))
    if who != "somebody logged in":
        assert (answer.status_code, INVALID in words(answer)) == (400, True)


def test_a_form_that_was_open_when_the_browser_closed_can_be_sent(app: Flask) -> None:
    """The session cookie is gone, but the remembered log-in is the one the token belongs to."""
    make_user(app, "susan")
    susan = Visitor(app)
    susan.log_in("susan", remember=True)
    token = susan.csrf_token("/")
    susan.client.delete_cookie(SESSION)
    assert "Good morning" in words(susan.submit("/", {"post": "Good morning"}, token=token))


def test_the_token_of_one_log_in_is_worthless_in_the_next(app: Flask, visitor: Visitor) -> None:
    make_user(app, "susan")
    visitor.log_in("susan")
    token = visitor.csrf_token("/")
    visitor.submit("/logout", token=token)
    visitor.log_in("susan")
    assert visitor.submit("/", {"post": "again"}, token=token).status_code == 400


PUBLIC, DEMO = "https://blog.example.com", "http://127.0.0.1:5000"

SENDERS: dict[str, tuple[str | None, list[dict[str, str]], list[dict[str, str]]]] = {
    PUBLIC: (
        PUBLIC,
        [
            {},
            {"Sec-Fetch-Site": "same-origin"},
            {"Sec-Fetch-Site": "none"},
            # What browsers send from the pages behind secret links, which send no referrer.
            {"Sec-Fetch-Site": "same-origin", "Origin": "null"},
            {"Origin": "null"},
            {"Origin": "https://blog.example.com"},
            {"Origin": "https://blog.example.com:443"},
        ],
        [
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site", "Origin": "null"},
            {"Origin": "https://evil.example.com"},
            {"Origin": "https://blog.example.com:8443"},
            {"Origin": "http://blog.example.com"},
            {"Origin": "https://blog.example.com.evil.example"},
            {"Origin": "https://[evil"},
        ],
    ),
    "a demonstration": (
        "http://localhost:5000",
        [{"Origin": "http://127.0.0.1:5000"}],
        [{"Origin": "http://127.0.0.1:5001"}, {"Origin": "http://evil.example:5000"}],
    ),
    "no public address": (
        None,
        [{"Origin": "http://127.0.0.1:5000"}],
        [{"Origin": "http://evil.example:5000"}],
    ),
}
"""For a PUBLIC_URL, what browsers send with the site's own forms, and with those of others."""


@pytest.mark.parametrize(("public_url", "own", "others"), SENDERS.values(), ids=list(SENDERS))
def test_a_form_from_another_site_is_refused_even_if_nobody_is_logged_in(
    make_app: Make, public_url: str | None, own: list[dict[str, str]], others: list[dict[str, str]]
) -> None:
    """Token and cookie are the attacker's, to log the victim in as the attacker."""
    client = make_app(PUBLIC_URL=public_url).test_client()
    base = PUBLIC if public_url == PUBLIC else DEMO
    page = client.get("/login", base_url=base).get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    for headers in own + others:
        answer = client.post(
            "/login", data={"csrf_token": token[1]}, base_url=base, headers=headers
        )
        is_refused = (answer.status_code, INVALID in words(answer)) == (400, True)
        assert is_refused is (headers in others), headers
