"""What readers see of an address: short, and never another host than the one it leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.people.link_text import LINK_MAXIMUM, link_text
from microblog.web.characters import count_characters


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://example.com", "example.com"),
        ("https://example.com/", "example.com"),
        ("HTTP://WWW.Example.com/A/", "Example.com/A/"),
        ("http://localhost:8080/x", "localhost:8080/x"),
        ("https://www.com/x", "www.com/x"),
        ("https://example.com?x=1", "example.com?x=1"),
        ("https://example.com/#top", "example.com/#top"),
        ("https://example.com/a?utm_source=somewhere&utm_medium=post", "example.com/a…"),
        ("https://example.com/?utm_source=somewhere&utm_medium=post", "example.com/…"),
        ("https://example.com/" + "a" * 28, "example.com/" + "a" * 28),
        ("https://example.com/" + "a" * 29, "example.com/" + "a" * 27 + "…"),
        ("https://a.com/" + "e\u0301" * 60, "a.com/" + "e\u0301" * 33 + "…"),
    ],
)
def test_host_and_path_are_shown(address: str, shown: str) -> None:
    assert link_text(address) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://paypal.com@evil.com/x", "evil.com/x"),
        ("https://paypal.com:443@evil.com", "evil.com"),
        ("https://a@b@evil.com", "evil.com"),
        ("https://evil.com\\@paypal.com", "evil.com\\@paypal.com"),
        ("https://bank.c\u2100.evil.com", "bank.xn--c-qun.evil.com"),
        ("https://bank.com\u2488evil.com", "bank.xn--comevil-pi4d.com"),
        (
            "https://" + "login.paypal.com." * 4 + "evil.com",
            "…n.paypal.com.login.paypal.com.evil.com",
        ),
        (
            "https://" + "login.paypal.com." * 4 + "evil.com/a",
            "…n.paypal.com.login.paypal.com.evil.com…",
        ),
    ],
)
def test_no_other_host_is_shown_than_the_one_it_leads_to(address: str, shown: str) -> None:
    assert link_text(address) == shown


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("пример.рф", "пример.рф"),
        ("münchen.de", "münchen.de"),
        ("例え.jp", "例え.jp"),
        ("ａpple.com", "apple.com"),
        ("p\u0430ypal.com", "xn--pypal-4ve.com"),
        ("\u0441\u043e\u0440.com", "xn--n1aeb.com"),
        ("com\u30cefoo.evil.jp", "xn--comfoo-kx4e.evil.jp"),
        ("example.com\u2044foo.evil.com", "example.xn--comfoo-rq0c.evil.com"),
        ("exam\u00adple.com", "xn--example-oka.com"),
        ("a\u200db.com", "xn--ab-m1t.com"),
        ("evil\u3002com", "evil.com"),
        ("xn--e1afmkfd.xn--p1ai", "xn--e1afmkfd.xn--p1ai"),
    ],
    ids=ascii,
)
def test_letters_that_could_be_taken_for_others_are_shown_as_punycode(
    host: str, shown: str
) -> None:
    assert link_text(f"https://{host}/x") == f"{shown}/x"


@given(st.text(max_size=200))
def test_no_more_is_shown_than_there_is_room_for(rest: str) -> None:
    assert count_characters(link_text(f"https://{rest}")) <= LINK_MAXIMUM
