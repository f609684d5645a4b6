"""What the commands say of themselves, and in which language."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import flask_outbox.cli
from flask_outbox.cli import PLACES, commands
from flask_outbox.cli.lazy import texts_of_help
from tests.untranslated import untranslated

FOLDER = Path(flask_outbox.cli.__file__).parent

TELLS = {"echo", "say", "ClickException", "UsageError", "Verdict"}
"""The calls by which a command says something."""

NAMES = re.compile(r"[A-Z][A-Z_]+|flask outbox [a-z]+|\bok\b")
"""What is the same in all languages: settings, commands, and what scripts look for."""


@pytest.mark.parametrize("name", PLACES)
def test_the_list_says_what_a_command_says_of_itself(name: str) -> None:
    listed = commands.get_command(click.Context(commands), name)
    assert listed is not None
    assert listed.help == next(texts_of_help(commands.commands[name]))


@pytest.mark.parametrize("name", PLACES)
def test_a_command_says_what_it_is_for_without_an_application(name: str) -> None:
    shown = CliRunner().invoke(commands, [name, "--help"], prog_name="flask outbox")
    assert shown.exit_code == 0, shown.output
    assert f"Usage: flask outbox {name}" in shown.output


def test_examples_say_what_their_reader_types() -> None:
    shown = CliRunner().invoke(commands, ["list", "--help"], prog_name="other mail")
    assert "other mail list --status dead --since 2h" in shown.output
    shown = CliRunner().invoke(commands, ["--help"], prog_name="other mail")
    assert "other mail deliver" in shown.output
    assert "flask outbox" not in shown.output


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("ru", "Доставлять письма из очереди"),
        ("zh_Hant", "寄送佇列中的信件"),
        ("zh_TW.UTF-8", "寄送佇列中的信件"),
        ("de:zh_HK", "寄送佇列中的信件"),
    ],
)
def test_help_is_in_the_language_of_the_terminal(language: str, said: str) -> None:
    for arguments in (["--help"], ["deliver", "--help"]):
        shown = CliRunner().invoke(commands, arguments, env={"LANGUAGE": language})
        assert said in shown.output


def test_a_terminal_that_cannot_write_the_letters_stops_nothing() -> None:
    code = "from flask_outbox.cli import commands; commands(['--help'], 'flask outbox')"
    environment = {**os.environ, "LANGUAGE": "ru", "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert "????" in done.stdout


def test_the_commands_load_nothing_before_one_is_called() -> None:
    code = (
        "import sys, flask_outbox.cli; print(*sys.modules); import flask_outbox.extension;"
        " print(*[one for one in sys.modules if one.startswith('flask_outbox.cli.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert set(first.split()).isdisjoint({"flask", "sqlalchemy", "flask_outbox.outbox"})
    assert second.split() == ["flask_outbox.cli.lazy"]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.stem)
def test_nothing_is_said_that_is_not_translated(file: Path) -> None:
    assert list(untranslated(file, TELLS, NAMES)) == []
