"""Every catalogue has every text, and no other."""

from __future__ import annotations

import pytest

from microblog.web.supported_languages import LANGUAGES
from scripts import translations


def test_there_is_a_catalogue_for_each_other_language() -> None:
    assert LANGUAGES[1:] == translations.LANGUAGES


@pytest.mark.parametrize("distribution", translations.DISTRIBUTIONS, ids=lambda one: one.domain)
@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_nothing_is_untranslated_unused_or_stale(
    language: str, distribution: translations.Distribution
) -> None:
    assert translations.problems(distribution, language) == []
