"""The library's texts come from its own catalogues, whatever domain the application has."""

from __future__ import annotations

import gettext
from pathlib import Path

import pytest

from flask_outbox import AddressError, parse_address
from flask_outbox.smtp.errors import Step

TOO_LONG = {
    "en": "The address is too long.",
    "de": "The address is too long.",
    "ru": "Адрес слишком длинный.",
    "zh_Hant": "電子郵件地址太長。",
}


@pytest.mark.parametrize("language", TOO_LONG)
def test_an_error_is_in_the_language_of_the_environment(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", language)
    with pytest.raises(AddressError) as error:
        parse_address("a" * 1000 + "@example.com")
    assert str(error.value) == TOO_LONG[language]


def test_a_step_is_stored_in_english_and_shown_in_the_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LANGUAGE", "ru")
    assert (f"{Step.AUTH}", Step.AUTH.label) == ("log-in", "вход")
    assert Step.TLS.label == "TLS"


def test_an_application_may_bind_and_choose_any_domain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "ru")
    bound, chosen = gettext.bindtextdomain("messages"), gettext.textdomain()
    try:
        gettext.bindtextdomain("messages", tmp_path)
        gettext.textdomain("shop")
        assert Step.AUTH.label == "вход"
    finally:
        gettext.bindtextdomain("messages", bound)
        gettext.textdomain(chosen)
