"""Every command says what it is for, without needing a site."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from microblog.cli import cli

PROJECT = Path(__file__).resolve().parents[2]

Words = tuple[str, ...]


def commands(group: click.Group = cli, above: Words = ()) -> Iterator[tuple[Words, click.Command]]:
    yield above, group
    for name, command in group.commands.items():
        if command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))
        else:
            yield (*above, name), command


COMMANDS = dict(commands())

PROMISED = [
    ("demo",),
    ("run",),
    ("shell",),
    ("db", "upgrade"),
    ("mail", "catch"),
    ("mail", "test"),
    ("mail", "list"),
    ("mail", "show"),
    ("mail", "retry"),
    ("mail", "cancel"),
    ("mail", "stats"),
    ("user", "create"),
    ("fake",),
]


@pytest.mark.parametrize("path", PROMISED, ids=" ".join)
def test_a_promised_command_is_there(path: Words) -> None:
    assert path in COMMANDS


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_says_what_it_is_for(
    path: Words, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the settings are wrong, and nothing is made on the way."""
    monkeypatch.chdir(tmp_path)
    for option in ("--help", "-h"):
        shown = CliRunner().invoke(cli, [*path, option], env={"MAIL_PORT": "wrong"})
        assert shown.exit_code == 0, shown.output or shown.exception
        assert f"Usage: cli {' '.join(path)}".rstrip() in shown.output
    assert list(tmp_path.iterdir()) == []
    assert COMMANDS[path].help


@pytest.mark.parametrize("wrong", [["nothing"], ["mail", "nothing"], ["demo", "--nothing"]])
def test_what_is_no_command_is_refused_with_a_hint(wrong: list[str]) -> None:
    refused = CliRunner().invoke(cli, wrong)
    assert refused.exit_code == 2
    assert "Try 'cli" in refused.output


def test_the_version_is_told() -> None:
    shown = CliRunner().invoke(cli, ["--version"])
    assert shown.exit_code == 0
    written = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"]
    assert shown.output.strip().rpartition(" ")[2] == written
