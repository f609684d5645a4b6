"""Links that end mail of a list: whole ones are read for ever, all others by nobody."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flask_outbox.message.unsubscribe_links import (
    TOKEN_MAXIMUM,
    Subscription,
    UnsubscribeLinks,
    make_token,
)

KEY, FORMER, OTHER = b"k" * 32, b"f" * 32, b"o" * 32
URL = "https://shop.example.com/unsubscribe"
SUSAN = Subscription("susan@example.com", "digest")


def links(*keys: bytes, url: str = URL) -> UnsubscribeLinks:
    return UnsubscribeLinks(url, keys or (KEY,))


def token(made: UnsubscribeLinks, one: Subscription = SUSAN) -> str:
    return made.link(one.address_key, one.list).rpartition("/")[2]


@pytest.mark.parametrize(
    "one",
    [
        SUSAN,
        Subscription("susan@example.com", "shop.news-2"),
        Subscription('"a b\\"@x"@example.com', "d"),
        Subscription("пример@example.com", "digest"),
        Subscription("a" * 64 + "@" + ".".join(["b" * 61] * 3) + ".com", "l" * 64),
    ],
)
def test_a_link_is_read_as_it_was_made(one: Subscription) -> None:
    made = links()
    assert made.read(token(made, one)) == one
    assert len(token(made, one)) <= TOKEN_MAXIMUM


def test_a_link_is_the_same_in_every_mail_and_tells_nothing_to_who_reads_it() -> None:
    made = links()
    link = made.link(SUSAN.address_key, SUSAN.list)
    assert link == made.link(SUSAN.address_key, SUSAN.list)
    sealed = base64.urlsafe_b64decode(token(made) + "==")
    assert b"susan" not in sealed
    assert b"digest" not in sealed
    others = {token(made, Subscription("susam@example.com", "digest")), token(links(OTHER))}
    assert token(made) not in others


def test_a_former_key_still_reads_and_a_foreign_one_does_not() -> None:
    old = token(links(FORMER))
    assert links(KEY, FORMER).read(old) == SUSAN
    assert links(KEY).read(old) is None


def test_no_changed_letter_and_no_cut_passes() -> None:
    made = links()
    whole = token(made)
    for place in range(len(whole)):
        for letter in "AZaz09-_":
            changed = whole[:place] + letter + whole[place + 1 :]
            found = made.read(changed)
            # The last letter's spare bits say nothing.
            assert found is None or (found == SUSAN and place == len(whole) - 1) or changed == whole
        assert made.read(whole[:place]) is None
    assert made.read(whole + "AAAA") is None


@pytest.mark.parametrize(
    "hostile",
    ["", "=", "A", "A" * 22, "A" * 100_000, "ä" * 40, "\x00" * 40, "A" * 39 + "/", " " * 40,
     "../" * 20],
)  # fmt: skip
def test_what_is_no_token_is_nobodys(hostile: str) -> None:
    assert links().read(hostile) is None


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert links(KEY, FORMER).read(text) is None


def test_a_token_of_one_list_is_none_of_another() -> None:
    """A list's name has no line break, so no address can move into it."""
    forged = make_token(KEY, Subscription("x\nsusan@example.com", "digest"))
    assert links().read(forged) == Subscription("x\nsusan@example.com", "digest")


def test_the_headers_of_a_list() -> None:
    made = links()
    link = made.link("susan@example.com", "digest")
    assert made.headers("susan@example.com", "digest", "shop.example.com") == {
        "List-Id": "<digest.shop.example.com>",
        "List-Unsubscribe": f"<{link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def test_one_click_is_only_promised_over_https() -> None:
    headers = links(url="http://127.0.0.1:5000/unsubscribe").headers(
        "a@b.example", "d", "b.example"
    )
    assert list(headers) == ["List-Id", "List-Unsubscribe"]


def test_an_address_with_a_slash_at_its_end_is_the_same() -> None:
    assert links(url=URL + "/").link("a@b.example", "d") == links().link("a@b.example", "d")


@pytest.mark.parametrize(
    "url",
    ["", "/unsubscribe", "ftp://x.example/", "https://x y/", "https://x.example/?a", "https://x/#a",
     "https://x.example/>", "https://", f"https://x.example/{'u' * 200}"],
)  # fmt: skip
def test_what_cannot_begin_a_link_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"isn't an address|too long"):
        links(url=url)


def test_links_need_a_key_and_never_show_it() -> None:
    with pytest.raises(ValueError, match="key"):
        UnsubscribeLinks(URL, ())
    assert "kkkk" not in repr(links())
