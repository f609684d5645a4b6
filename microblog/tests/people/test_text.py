"""The texts that people write: stored in one form, with links, and never HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from microblog.people import text
from microblog.people.text import TextError, TextProblem
from tests.bounded import TOWER, comes_to_an_end, nothing_long_is_composed

NAMES = {"susan": "/user/susan"}


def html(written: str) -> str:
    return str(text.as_html(written, NAMES, "/tag/TAG"))


@pytest.mark.parametrize(
    ("written", "target", "shown", "rest"),
    [
        (
            "see https://example.com/a_(b)?x=1&y=2, ok",
            "https://example.com/a_(b)?x=1&y=2",
            "example.com/a_(b)?x=1&y=2",
            ", ok",
        ),
        ("http://example.com.", "http://example.com", "example.com", "."),
        ("(https://example.com)", "https://example.com", "example.com", ")"),
        ("https://example.com!", "https://example.com", "example.com", "!"),
        ("www.example.com.", "https://www.example.com", "example.com", "."),
        ("(www.example.com/a?b=1)", "https://www.example.com/a?b=1", "example.com/a?b=1", ")"),
        ("WWW.Example.com", "https://WWW.Example.com", "Example.com", ""),
        ("www.пример.рф!", "https://www.пример.рф", "пример.рф", "!"),
    ],
)
def test_an_address_becomes_a_link_without_what_follows_it(
    written: str, target: str, shown: str, rest: str
) -> None:
    link = f'<a href="{escape(target)}" rel="nofollow noopener ugc" dir="ltr">{escape(shown)}</a>'
    assert f"{link}{rest}" in html(written)


def test_an_address_that_is_shortened_is_whole_in_its_title() -> None:
    address = f"https://example.com/{'a-long-path/' * 12}?a=1&b=2"
    shown = "example.com/a-long-path/a-long-path/a-l…"
    assert html(address) == (
        f'<a href="{escape(address)}" title="{escape(address)}" rel="nofollow noopener ugc"'
        f' dir="ltr">{shown}</a>'
    )


@pytest.mark.parametrize(
    "written",
    [
        "javascript:alert(1)",
        "ftp://example.com/x",
        "mailto:susan@example.com",
        "//example.com/x",
        "susan@example.com",
        "example.com",
        "www.example",
        "awww.example.com",
        "susan@www.example.com",
        "//www.example.com",
        "data:text/html,x",
        "@nobody",
        "#123",
        "x#tag",
        "#" + "a" * 65,
    ],
)
def test_nothing_else_becomes_a_link(written: str) -> None:
    assert html(written) == str(escape(written))


def test_markup_is_text() -> None:
    assert html("<b>&amp;</b>") == "&lt;b&gt;&amp;amp;&lt;/b&gt;"
    assert "<script" not in html("https://example.com/<script>alert(1)</script>")
    assert 'onclick="' not in html('https://example.com/"onclick="x')


@pytest.mark.parametrize("written", ["@susan", "@Susan", "(@susan)", "@susan.", "hi @susan, you"])
def test_a_name_leads_to_its_person(written: str) -> None:
    assert '<a href="/user/susan">@' in html(written)


def test_a_name_may_begin_with_a_digit() -> None:
    assert text.names_in("@4ever, @٤ever and @1-2.") == {"4ever", "٤ever", "1-2"}
    shown = str(text.as_html("hi @4ever", {"4ever": "/user/4ever"}, "/tag/TAG"))
    assert shown == 'hi <a href="/user/4ever">@4ever</a>'


@pytest.mark.parametrize("tag", ["#Straße", "#STRASSE", "#strasse", "#ＳＴＲＡẞＥ"])
def test_a_tag_is_found_in_either_case_of_its_letters(tag: str) -> None:
    """A capital ß is SS: lower case alone would make two tags of them."""
    assert text.tags_in(tag) == {"strasse"}
    assert html(tag) == f'<a href="/tag/strasse" rel="tag">{tag}</a>'


@pytest.mark.parametrize(
    ("written", "kinds"),
    [
        ("#susan", ["tag"]),
        ("#1 @susan", ["text", "name"]),
        ("#1 #2 #b @susan", ["text", "tag", "text", "name"]),
        ("@susan#garden", ["name", "text"]),
        ("(@susan)#", ["text", "name", "text"]),
        ("#" + "a" * text.TAG_MAXIMUM, ["tag"]),
        ("#" + "a" * text.TAG_MAXIMUM + "b", ["text"]),
        ("@susan https://example.com #b", ["name", "text", "link", "text", "tag"]),
        ("192.0.2.1 and susan@192.0.2.1", ["text"]),
    ],
)
def test_each_part_is_what_it_looks_like(written: str, kinds: list[str]) -> None:
    """A tag that is spelt like a name is a tag, and one after something that is no tag is found."""
    found = list(text.segments(written))
    assert [piece.kind for piece in found] == kinds
    assert all(piece.text for piece in found)
    assert html("#susan") == '<a href="/tag/susan" rel="tag">#susan</a>'


def test_a_tag_leads_to_its_posts_under_one_spelling() -> None:
    assert html("#Garden") == '<a href="/tag/garden" rel="tag">#Garden</a>'
    assert text.tags_in("#Garden #garden #ｇarden #日本語 #1") == {"garden", "日本語"}
    assert text.names_in("@Susan @susan @bob.") == {"susan", "bob"}


@pytest.mark.parametrize(
    "written", ["", " \n\t", "\u200b\u200d", "\u3164", "\u2800", "\u0301", "\ufeff"]
)
def test_a_text_without_visible_characters_is_blank(written: str) -> None:
    assert text.is_blank(text.cleaned(written))


@pytest.mark.parametrize("hidden", ["\0", "\u202e", "\u2066", "\ud800", "\ue000", "\x1b", "\uffff"])
def test_characters_that_hide_or_reorder_are_found(hidden: str) -> None:
    assert text.has_hidden(f"a{hidden}b")
    assert not text.has_hidden("שלום \u200f (a)\u200e\n\tb 👩‍👩‍👧")


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("abc", None),
        ("\r\n a \u2028b ", None),
        ("e\u0301" * 3, None),
        ("abcd", TextProblem.LENGTH),
        ("🇹🇼" * 4, TextProblem.LENGTH),
        (TOWER, TextProblem.LENGTH),
        (" \n\u200b", TextProblem.BLANK),
        ("a\u202eb", TextProblem.HIDDEN),
        ("a" + "\u0323" * 30, TextProblem.MARKS),
    ],
    ids=ascii,
)
def test_a_text_is_accepted_if_everybody_can_read_it(
    written: str, problem: TextProblem | None
) -> None:
    if problem is None:
        assert text.readable(written, 3) == text.cleaned(written)
        return
    with nothing_long_is_composed(), pytest.raises(TextError) as refused:
        text.readable(written, 3)
    assert refused.value.problem is problem


def test_a_blank_text_may_be_accepted() -> None:
    assert text.readable(" \n", 3, may_be_blank=True) == ""


def test_a_text_is_stored_in_one_form() -> None:
    assert text.cleaned("  a\r\nb \r\n\r\n\r\n\r\nc\u2028d  ") == "a\nb\n\nc\nd"
    assert text.cleaned("e\u0301") == "\xe9"
    assert text.cleaned("a\u3000\n\t \n b\t \nc") == "a\n\n b\nc"


def test_a_long_run_of_blanks_takes_no_long_time() -> None:
    assert comes_to_an_end(lambda: len(text.cleaned("a" + " " * 100_000 + "b")) == 100_002)


@given(st.text(max_size=200))
def test_every_text_is_complete_and_none_of_it_is_markup(written: str) -> None:
    assert "".join(segment.text for segment in text.segments(written)) == written
    shown = html(written)
    tags = shown.count("<")
    assert tags == 2 * shown.count("<a href=")
    assert text.cleaned(text.cleaned(written)) == text.cleaned(written)
