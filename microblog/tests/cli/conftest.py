"""The `microblog` command in this process, for commands that run to their end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from microblog.cli import cli
from tests.smtp_server import ScriptedServer

Command = Callable[..., Result]


@pytest.fixture
def site_environment(database_url: str, tmp_path: Path, smtp: ScriptedServer) -> dict[str, str]:
    """The settings of a whole site that sends to the scripted server."""
    return {
        "SECRET_KEY": "a secret for tests only, long enough to be one",
        "PUBLIC_URL": "http://localhost",
        "ADMINS": "admin@microblog.example.com",
        "DATABASE_URL": database_url,
        "INSTANCE_PATH": str(tmp_path),
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(smtp.port),
        "MAIL_TIMEOUT": "5",
    }


@pytest.fixture
def microblog(site_environment: dict[str, str]) -> Command:
    """Runs a command of the site; `typed` is its standard input, keywords change its settings."""

    def run(*arguments: str, typed: str | bytes = "", **changes: str) -> Result:
        environment = {**site_environment, **changes}
        return CliRunner().invoke(cli, list(arguments), input=typed, env=environment)

    return run
