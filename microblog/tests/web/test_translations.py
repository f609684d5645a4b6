"""Every catalogue has every text and no other, and keeps to the glossary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from microblog.web.supported_languages import LANGUAGES
from scripts import translations

LONGEST_LABEL = 90

_GLOSSARY = translations.ROOT / "docs" / "translating.md"
_ELEMENT = re.compile(r"(?s)<(h[1-6]|button|label|legend|summary|th|dt)\b[^>]*>(.*?)</\1>")
_BUTTON = re.compile(r'(?s)<(a)\b[^>]*class="btn[^>]*>(.*?)</a>')
_TEXT = re.compile(r"""\b_\((?:"([^"]+)"|'([^']+)')""")
_PLACE = re.compile(r"%\(\w+\)s|\{[^}]*\}|\S+://\S*")
_EXAMPLE = re.compile(r"(?m)^  .*$")
_CHINESE = "[\u3400-\u9fff]"


@dataclass(frozen=True)
class Term:
    """A row of the glossary: where the English is, one of the patterns of a language must be."""

    english: re.Pattern[str]
    translations: dict[str, re.Pattern[str]]


def glossary() -> dict[str, Term]:
    found = {}
    for line in _GLOSSARY.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4 or cells[0] in {"English", "---"}:
            continue
        english, russian, chinese, _note = cells
        found[english] = Term(_english(english), {"ru": _any(russian), "zh_Hant": _any(chinese)})
    return found


def _english(term: str) -> re.Pattern[str]:
    """The term as a word of its own, but not in options, addresses and commands."""
    first, rest = re.escape(term[0]), re.escape(term[1:])
    return re.compile(
        r"(?<![\w/-])(?<!flask )(?<!outbox )(?<!microblog )"
        rf"[{first.upper()}{first}]{rest}(?:s|es)?(?![\w-])"
    )


def _any(cell: str) -> re.Pattern[str]:
    """One of the words between slashes; each part of a word ends at a dot, if it has one."""
    choices = []
    for choice in cell.split("/"):
        parts = [
            re.escape(word.partition("·")[0]) + (r"\w*" if "·" in word else "")
            for word in choice.split()
        ]
        choices.append(r"\s+".join(parts))
    return re.compile("|".join(choices), re.IGNORECASE)


def texts(
    distribution: translations.Distribution, language: str
) -> Iterator[tuple[str, Sequence[str]]]:
    """Each English text, with its translation: in several forms, if it has a plural."""
    for one in translations.stored(distribution, language):
        if one.id:
            english = one.id if isinstance(one.id, str) else one.id[-1]
            yield english, [one.string] if isinstance(one.string, str) else list(one.string or ())


def labels(source: Path) -> set[str]:
    """The English texts in headings, labels and buttons of a distribution's templates."""
    found = set()
    for path in source.rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        for pattern in (_ELEMENT, _BUTTON):
            for _tag, content in pattern.findall(page):
                found |= {double or single for double, single in _TEXT.findall(content)}
    return found


def test_there_is_a_catalogue_for_each_other_language() -> None:
    assert LANGUAGES[1:] == translations.LANGUAGES


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.domain)
@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_nothing_is_untranslated_unused_or_stale(
    language: str, distribution: translations.Distribution
) -> None:
    assert translations.problems(distribution, language) == []


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.domain)
@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_translations_use_the_words_of_the_glossary(
    language: str, distribution: translations.Distribution
) -> None:
    terms = glossary()
    assert len(terms) > 40, "the table was not read"
    wrong = [
        f"{name}: {english} -> {form}"
        for english, forms in texts(distribution, language)
        for name, term in terms.items()
        if term.english.search(_PLACE.sub("", _EXAMPLE.sub("", english)))
        for form in forms
        if not term.translations[language].search(form)
    ]
    assert wrong == []


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.domain)
@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_headings_labels_and_buttons_are_short(
    language: str, distribution: translations.Distribution
) -> None:
    short = labels(distribution.source)
    assert len(short) > 20, "the templates were not read"
    wrong = [
        text
        for english, forms in texts(distribution, language)
        if english in short
        for text in (english, *forms)
        if len(text) > LONGEST_LABEL
    ]
    assert wrong == []


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.domain)
@pytest.mark.parametrize(
    ("language", "wrong"),
    [
        ("ru", re.compile(r'"| - |\.\.\.|(?<!\)s)!(?!r)')),
        ("zh_Hant", re.compile(rf"{_CHINESE}[,;:?!]|{_CHINESE}\.(?!\w)|</a>\.|\.\.\.")),
    ],
)
def test_punctuation_is_that_of_the_language(
    language: str, wrong: re.Pattern[str], distribution: translations.Distribution
) -> None:
    found = [form for _, forms in texts(distribution, language) for form in forms]
    assert [form for form in found if wrong.search(_EXAMPLE.sub("", form))] == []


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.name)
def test_no_translation_is_in_the_other_language(distribution: translations.Distribution) -> None:
    for language, others in (("ru", _CHINESE), ("zh_Hant", "[\u0400-\u04ff]")):
        for english, translated in texts(distribution, language):
            assert not re.search(others, " ".join(translated)), f"{language}: {english}"
