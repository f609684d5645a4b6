"""Browsers by their names, and addresses too coarse to tell neighbours apart."""

from __future__ import annotations

import pytest
from flask import Flask

from microblog.web.clients import Place, browser_name, client_network, coarse, current_place
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
def test_one_client_is_told_from_another(address: str, network: str) -> None:
    assert client_network(address) == network


@ON_SQLITE
def test_a_request_has_a_place(app: Flask) -> None:
    environment = {"REMOTE_ADDR": "203.0.113.77"}
    with app.test_request_context(headers={"User-Agent": FIREFOX}, environ_base=environment):
        assert current_place() == Place("Firefox on Linux", "203.0.113.0/24")
    with app.app_context():
        assert current_place() == Place()
