"""Lines of plain text mail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.web.plain_text import WIDTH, quote, wrap

LINK = "https://microblog.example/" + "x" * 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "two\nlines\n\nand a third",
        "x" * WIDTH,
        "字" * (WIDTH // 2),
        LINK,
        "-- ",
        "  in",
    ],
)
def test_what_fits_or_cannot_be_broken_stays(text: str) -> None:
    assert wrap(text) == text


def test_each_line_of_what_somebody_else_wrote_is_marked() -> None:
    text = f"{'word ' * 30}\n\n-- \n> deeper\n{LINK}\n{'字' * WIDTH}"
    quoted = quote(text)
    lines = quoted.split("\n")
    assert all(line == ">" or line.startswith("> ") for line in lines)
    assert f"> {LINK}" in lines
    assert max(len(line) for line in lines if LINK not in line) <= WIDTH
    assert wrap(quoted) == quoted


def test_words_are_not_broken() -> None:
    text = "word " * 30
    lines = wrap(text).split("\n")
    assert [len(line) for line in lines] == [69, 69, 9]
    assert " ".join(lines) == text.strip()


def test_a_link_gets_a_line_of_its_own_if_it_must() -> None:
    assert wrap(f"Microblog: {LINK}").split("\n") == ["Microblog:", LINK]


def test_chinese_is_broken_between_characters_and_not_before_punctuation() -> None:
    text = "一" * 36 + "，二" + "三" * 34 + "「四」Firefox 瀏覽器"
    assert wrap(text).split("\n") == [
        "一" * 35,
        "一，二" + "三" * 33,
        "三「四」Firefox 瀏覽器",
    ]


@given(st.text(st.sampled_from("ab 字，「」 。\n"), max_size=300))
def test_only_blanks_are_lost(text: str) -> None:
    assert "".join(wrap(text).split()) == "".join(text.split())
