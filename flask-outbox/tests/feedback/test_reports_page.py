"""docs/reports.md shows the codes that the classifier knows, and what it makes of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flask_outbox.feedback.classification import (
    DEAD_CODES,
    MEANINGS_OF_CODES,
    MEANINGS_OF_SUBJECTS,
    VAGUE_CODES,
    classify,
)
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.reports import RecipientReport

PAGE = Path(__file__).parents[2] / "docs" / "reports.md"
ROW = re.compile(r"(?m)^\| ((?:[x5]\.\d+\.\w+(?:, | or none)?)+[^|]*) \| ([^|]+) \|$")


def shown() -> dict[str, str]:
    """What the page says of each code, without its class."""
    return {
        code: words
        for codes, words in ROW.findall(PAGE.read_text())
        for code in re.findall(r"[x5]\.(\d+\.\w+)", codes)
    }


def test_the_page_has_each_code() -> None:
    subjects = {f"{subject}.x" for subject in MEANINGS_OF_SUBJECTS}

    assert set(shown()) == DEAD_CODES | VAGUE_CODES | set(MEANINGS_OF_CODES) | subjects


@pytest.mark.parametrize("code", sorted(DEAD_CODES | set(MEANINGS_OF_CODES)))
def test_a_code_means_what_the_page_says(code: str) -> None:
    found = classify(RecipientReport("susan@example.com", "", "failed", f"5.{code}"), "")

    assert shown()[code].startswith(f"`{found.meaning}`")


@pytest.mark.parametrize("subject", MEANINGS_OF_SUBJECTS)
def test_a_subject_means_what_the_page_says(subject: str) -> None:
    found = classify(RecipientReport("susan@example.com", "", "failed", f"5.{subject}.99"), "")

    assert shown()[f"{subject}.x"].startswith(f"`{found.meaning}`")


@pytest.mark.parametrize("code", sorted(VAGUE_CODES))
def test_a_vague_code_says_nothing(code: str) -> None:
    for words, meaning in (("550 Over quota", Meaning.FULL), ("550 spam", Meaning.POLICY)):
        found = classify(RecipientReport("susan@example.com", "", "failed", f"5.{code}", words), "")
        assert found.meaning is meaning
