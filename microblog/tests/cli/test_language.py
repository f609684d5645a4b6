"""The command line speaks the language of the terminal."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from microblog.cli.language import terminals_language
from tests.cli.running import clean_environment, run_command
from tests.untranslated import untranslated

CLI = Path(__file__).resolve().parents[2] / "src" / "microblog" / "cli"

TELLS = {"echo", "say", "prompt", "ClickException", "UsageError", "ok", "warning", "wrong"}
"""The calls by which a command says something."""

NAMES = re.compile(r"[A-Z][A-Z_]+|microblog [a-z ]+|\bok\b")
"""What is the same in all languages: settings, commands, and what scripts look for."""


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "zh_TW.UTF-8"}, "zh_Hant"),
        ({"LANG": "zh_HK"}, "zh_Hant"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, "ru"),
        ({"LC_ALL": "en_GB.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, "en"),
        ({"LANGUAGE": "de:ru:en", "LC_ALL": "en_US.UTF-8"}, "ru"),
        ({"LANGUAGE": "", "LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANGUAGE": "zh_Hant"}, "zh_Hant"),
        ({"LANG": "/nonsense:.."}, "en"),
    ],
)
def test_the_variables_of_gettext_say_which(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminals_language() == language


SPOKEN = {
    "help": {
        "en": "Send a test message to ADDRESS through the configured server, step by step.",
        "zh_Hant": "透過已設定的伺服器，逐步寄一封測試信件到 ADDRESS。",
        "ru": "Отправить тестовое письмо на ADDRESS через настроенный сервер",
    },
    "usage": {
        "en": "Missing argument",
        "zh_Hant": "錯誤：缺少引數",
        "ru": "Ошибка: Не указан аргумент",
    },
    "settings": {
        "en": "PUBLIC_URL is missing: the address people reach the site at",
        "zh_Hant": "PUBLIC_URL 沒有設定：這是人們連到網站所用的網址",
        "ru": "PUBLIC_URL не задано: это адрес, по которому люди открывают сайт",
    },
    "advice": {
        "en": "Nothing answers at 127.0.0.1, port 1.",
        "zh_Hant": "127.0.0.1 的連接埠 1 沒有回應。",
        "ru": "По адресу 127.0.0.1, порт 1, никто не отвечает.",
    },
}

COMMANDS = {
    "help": ["mail", "test", "--help"],
    "usage": ["mail", "test"],
    "settings": ["run"],
    "advice": ["mail", "test", "someone@example.com"],
}


@pytest.mark.slow
@pytest.mark.parametrize("part", SPOKEN)
@pytest.mark.parametrize("language", ["en", "zh_Hant", "ru"])
def test_every_part_of_a_command_speaks_it(part: str, language: str, tmp_path: Path) -> None:
    """The command's own help, click's words, the settings', and the mail package's."""
    environment = clean_environment(
        LANGUAGE=language,
        PYTHONIOENCODING="utf-8",
        COLUMNS="200",
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT="1",
    )
    done = run_command(COMMANDS[part], environment, tmp_path)
    assert SPOKEN[part][language] in re.sub(r"\s+", " ", done.stdout + done.stderr)


@pytest.mark.slow
def test_a_terminal_that_cannot_write_the_letters_stops_nothing(tmp_path: Path) -> None:
    environment = clean_environment(LANGUAGE="ru", PYTHONIOENCODING="latin-1")
    done = run_command(["mail", "--help"], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "????" in done.stdout


@pytest.mark.slow
def test_what_programs_read_is_the_same_in_all_languages(tmp_path: Path) -> None:
    told = [
        run_command(["mail", "stats", "--json"], clean_environment(LANGUAGE=language), tmp_path)
        for language in ("en", "ru")
    ]
    assert told[0].returncode == 0, told[0].stderr
    assert re.sub(r"\d", "", told[0].stdout) == re.sub(r"\d", "", told[1].stdout)


@pytest.mark.parametrize("file", sorted(CLI.rglob("*.py")), ids=lambda file: file.stem)
def test_nothing_is_said_that_is_not_translated(file: Path) -> None:
    assert list(untranslated(file, TELLS, NAMES)) == []
