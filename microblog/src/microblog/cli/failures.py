"""What is said where something outside is wrong: settings, the database, a file."""

from __future__ import annotations

from gettext import gettext as _

import click
from sqlalchemy.exc import SQLAlchemyError

from flask_outbox.cli import in_words
from microblog.settings import SettingsError


def tell(error: Exception) -> int | None:
    """Tell an error in words; returns the exit code, and None for one that is a mistake of ours."""
    if isinstance(error, SettingsError):
        click.echo(_("Microblog cannot start with these settings:"), err=True)
        for problem in error.problems:
            click.echo(f"  - {problem}", err=True)
        click.echo(_("Settings come from the environment and from the file .env here."), err=True)
        return 2
    told = in_words(error)
    if told is None:
        return None
    told.show()
    return told.exit_code


def database_reason(error: SQLAlchemyError) -> str:
    """The driver's own words, in one line."""
    return str(getattr(error, "orig", None) or error).strip().splitlines()[0]
