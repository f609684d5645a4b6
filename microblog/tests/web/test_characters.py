"""Characters as people see them are counted, and must not be overloaded with marks."""

from __future__ import annotations

import pytest

from microblog.web.characters import count_characters, is_overloaded
from tests.bounded import comes_to_an_end


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("", 0),
        ("abc", 3),
        ("e\u0301", 1),
        ("👨‍👩‍👧‍👦", 1),
        ("🇹🇼🇬🇧", 2),
        ("🇹🇼🇬", 2),
        ("🇹🇼\u0301a", 2),
        ("각", 1),
        ("नमस्ते", 3),
        ("\r\n", 1),
    ],
    ids=ascii,
)
def test_characters_are_counted_as_people_count_them(written: str, count: int) -> None:
    assert count_characters(written) == count


def test_too_many_marks_on_a_character_are_found() -> None:
    assert is_overloaded("a" + "\u0301" * 10_000)
    assert not is_overloaded("🏴󠁧󠁢󠁥󠁮󠁧󠁿 👩🏽‍❤️‍💋‍👩🏿 á̧")


@pytest.mark.parametrize("letter", ["🇹", "x", "\u0301", "👩\u200d"], ids=ascii)
def test_counting_takes_time_linear_in_the_length(letter: str) -> None:
    assert comes_to_an_end(lambda: count_characters(letter * 100_001) > 0)
