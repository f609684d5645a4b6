"""A command imports what it needs: help and shell completion need next to nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask_alembic.cli import cli as alembic_commands

from flask_outbox.cli.lazy import LazyGroup, texts_of_help
from microblog.cli import cli
from microblog.cli.commands import db
from tests.cli.running import clean_environment

HEAVY = {"flask", "flask_outbox.outbox", "pydantic", "sqlalchemy"}
SITE = {"microblog.app", "microblog.accounts", "microblog.blog", "microblog.database"}

TELL_WHAT_IS_LOADED = """
import atexit, sys
sys.argv[0] = "microblog"
atexit.register(lambda: print("\\nLOADED", *sys.modules))
from microblog.cli import main
main()
"""


def entries(group: LazyGroup) -> Iterator[tuple[LazyGroup, str]]:
    for name, command in group.commands.items():
        yield group, name
        if isinstance(command, LazyGroup):
            yield from entries(command)


@pytest.mark.parametrize(
    ("group", "name"), [*entries(cli)], ids=lambda one: one if isinstance(one, str) else one.name
)
def test_lists_of_commands_say_what_each_says_of_itself(group: LazyGroup, name: str) -> None:
    command = group.commands[name]
    listed = group.get_command(click.Context(group), name)
    assert listed is not None
    hidden = command.hidden or group.hidden
    assert (command.name, listed.name, listed.hidden) == (name, name, hidden)
    if not hidden:
        assert listed.help == next(texts_of_help(command))


def test_every_command_of_alembic_is_there() -> None:
    ours = {"downgrade", "move"}
    assert set(db.commands) == set(alembic_commands.commands) - {"mkdir"} | ours


def loaded(*arguments: str, **environment: str) -> set[str]:
    """The modules that the command has loaded at its end."""
    done = subprocess.run(
        [sys.executable, "-c", TELL_WHAT_IS_LOADED, *arguments],
        env=clean_environment(**environment),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said, _, modules = done.stdout.rpartition("\nLOADED ")
    assert said + done.stderr
    return set(modules.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", ["--help", "--version", "mail", "user --help", "run --help", "demo -h", "nothing"]
)
def test_help_imports_next_to_nothing(arguments: str) -> None:
    assert not loaded(*arguments.split()) & HEAVY


@pytest.mark.slow
@pytest.mark.parametrize("typed", ["", "d", "mail ", "run --"])
def test_completion_imports_next_to_nothing(typed: str) -> None:
    line = f"microblog {typed}"
    position = str(len(f"{line}|".split()) - 1)
    found = loaded(_MICROBLOG_COMPLETE="bash_complete", COMP_WORDS=line, COMP_CWORD=position)
    assert "click.shell_completion" in found
    assert not found & HEAVY


@pytest.mark.slow
def test_the_mail_catcher_loads_nothing_of_the_site(tmp_path: Path) -> None:
    found = loaded("mail", "catch", "--help", INSTANCE_PATH=str(tmp_path))
    assert "flask_outbox.cli.catch" in found
    assert not found & (SITE | {"sqlalchemy"})
    assert loaded("user", "list", "--help") >= SITE


@pytest.mark.slow
def test_the_site_loads_no_mail_server() -> None:
    found = loaded("user", "list", "--help")
    assert "microblog.app" in found
    assert not any(name.startswith("aiosmtpd") for name in found)


@pytest.mark.slow
def test_a_site_is_made_without_what_few_processes_need() -> None:
    """Migrations, and the libraries of passkeys and of pictures, take megabytes in each process."""
    tell = "import sys, microblog.app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", tell], capture_output=True, text=True, check=True)
    few = {"alembic", "flask_alembic", "mako", "webauthn", "segno", "PIL"}
    assert not few & set(done.stdout.split())
