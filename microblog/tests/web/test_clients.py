"""Browsers have names, and addresses are kept too coarse to tell neighbours apart."""

from __future__ import annotations

import pytest
from flask import Flask, request
from flask_babel import force_locale
from limits import parse_many

from microblog.web.clients import (
    PLACE_MAXIMUM,
    USER_AGENT_MAXIMUM,
    RequestOrigin,
    browser_in_words,
    browser_name,
    client_network,
    coarse,
    current_origin,
)
from microblog.web.ratelimits import FORM_LIMIT, current_client
from tests.visitor import ON_SQLITE

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (FIREFOX, "Firefox on Linux"),
        ("curl/8.0", "curl"),
        ("", ""),
        ("x" * 100_000, ""),
        ("\x00\r\n<script>", ""),
    ],
)
def test_a_browser_has_a_name(user_agent: str, name: str) -> None:
    assert browser_name(user_agent) == name


@ON_SQLITE
@pytest.mark.parametrize(
    ("name", "locale", "words"),
    [
        ("Firefox on Linux", "en", "Firefox on Linux"),
        ("Firefox on Linux", "ru", "Firefox на Linux"),
        ("Firefox on Linux", "zh_Hant", "Linux 上的 Firefox"),
        ("curl", "ru", "curl"),
        ("", "en", "an unknown browser"),
    ],
)
def test_a_browsers_name_is_told_in_the_readers_language(
    app: Flask, name: str, locale: str, words: str
) -> None:
    with app.app_context(), force_locale(locale):
        assert browser_in_words(name) == words


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_an_address_is_kept_coarsely(address: str, network: str) -> None:
    assert coarse(address) == network


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.77/32"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.77", "203.0.113.77/32"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_a_client_is_identified_by_its_network(address: str, network: str) -> None:
    assert client_network(address) == network


@ON_SQLITE
def test_a_request_has_an_origin(app: Flask) -> None:
    environment = {"REMOTE_ADDR": "203.0.113.77"}
    with app.test_request_context(headers={"User-Agent": FIREFOX}, environ_base=environment):
        assert current_origin() == RequestOrigin("Firefox on Linux", "203.0.113.0/24")
    # A client of a Unix socket has no address.
    with app.test_request_context(
        headers={"User-Agent": FIREFOX}, environ_base={"REMOTE_ADDR": ""}
    ):
        request.environ.pop("REMOTE_ADDR")
        assert current_origin() == RequestOrigin("Firefox on Linux", "")
    with app.app_context():
        assert current_origin() == RequestOrigin()


def test_a_client_may_post_thirty_forms_a_minute_and_three_hundred_an_hour() -> None:
    found = {(one.amount, one.get_expiry()) for one in parse_many(FORM_LIMIT)}
    assert found == {(30, 60), (300, 3600)}


@pytest.mark.parametrize(
    ("address", "counted_by"),
    [("203.0.113.77", "203.0.113.77/32"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64")],
)
@ON_SQLITE
def test_posts_are_counted_by_the_networks_of_a_client(
    app: Flask, address: str, counted_by: str
) -> None:
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}):
        assert current_client() == counted_by


def test_a_long_name_is_cut_to_its_column() -> None:
    """A long header is cut, and the name in it fits its column."""
    assert browser_name(FIREFOX + " " * USER_AGENT_MAXIMUM + "x" * 100_000) == "Firefox on Linux"
    assert browser_name(" " * USER_AGENT_MAXIMUM + FIREFOX) == ""
    long = browser_name("Mozilla/5.0 (Linux; Android 14) " + "EdgA/120.0.0.0 " + "A" * 500)
    assert 0 < len(long) <= PLACE_MAXIMUM == 64
