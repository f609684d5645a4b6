"""Which texts have the same terms, and what a text must have to be found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from microblog.search.folding import TERM_MAXIMUM, pieces, terms, wanted_terms

SAME = [
    ("café", "CAFE\u0301"),
    ("Straße", "STRASSE"),
    ("ёлка", "ЕЛКА"),
    ("Ｍｉｃｒｏｂｌｏｇ", "microblog"),
    ("so\u00adlong", "solong"),
    ("ﬁne", "fine"),
    ("Ελλάς", "ΕΛΛΑΣ"),
    ("İstanbul", "istanbul"),
    ("مُحَمَّد", "محمد"),
    ("ﾊﾞｽ", "バス"),
    ("#tag_name", "tag name"),
    ("don't", "DON’T"),
]

DIFFERENT = [("мой", "мои"), ("が", "か"), ("क्षि", "कष"), ("น้ำ", "นา"), ("book", "books")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_makes_no_difference(one: str, other: str) -> None:
    assert terms(one) == terms(other) != []


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_makes_one(one: str, other: str) -> None:
    assert terms(one) != terms(other)


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ("天氣", "今天天氣很好"),
        ("天", "今天天氣很好"),
        ("天氣很好", "今天天氣很好"),
        ("東京", "東京タワーへ"),
        ("タワー", "東京タワーへ"),
        ("날씨", "오늘 날씨가 좋다"),
        ("비", "비가 온다"),
        ("น้ำ", "ดื่มน้ำมาก"),
        ("iphone", "我的iPhone壞了"),
        ("garden rain", "The #garden needs rain."),
        ("rain, garden!", "The #garden needs rain."),
        ("@alice", "@alice I am!"),
        ("example.org beans", "https://www.example.org/beans"),
        ("2026", "in 2026"),
        ("½", "1⁄2"),
    ],
)
def test_a_text_has_the_terms_of_what_finds_it(typed: str, text: str) -> None:
    assert wanted_terms(typed)
    assert set(wanted_terms(typed)) <= set(terms(text))


@pytest.mark.parametrize(
    ("typed", "text"),
    [("氣天", "今天天氣很好"), ("京東", "東京"), ("rain snow", "rain"), ("rai", "rain")],
)
def test_a_text_lacks_a_term_of_what_does_not_find_it(typed: str, text: str) -> None:
    assert not set(wanted_terms(typed)) <= set(terms(text))


@pytest.mark.parametrize(
    "text", ["", " ", "!?", "😀", "\0", "\u202e", "\ud800", "* : - ( )", "⺀", "⺀⺁"]
)
def test_without_a_letter_there_is_no_term(text: str) -> None:
    assert terms(text) == wanted_terms(text) == []


@given(st.text())
def test_terms_are_letters_and_digits_that_need_no_quotes(text: str) -> None:
    for term in terms(text):
        assert 0 < len(term) <= TERM_MAXIMUM
        assert not set(term) & set("\0'\"\\ #:*|&!()<>\n")
        assert not term.isspace()
        term.encode()


@given(st.text(alphabet="aé北京한국นา้๋ ๆﾊﾞ½ﷺ.", max_size=60))
def test_each_piece_says_where_it_is(text: str) -> None:
    for piece in pieces(text):
        assert 0 <= piece.start < piece.end <= len(text)
        assert piece.term in terms(text[piece.start : piece.end])


def test_a_long_word_is_found_by_its_beginning() -> None:
    assert terms("x" * 500) == ["x" * TERM_MAXIMUM]
