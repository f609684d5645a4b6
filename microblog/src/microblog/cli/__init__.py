"""The `microblog` command: one thin function a verb."""

from __future__ import annotations

import os
import sys
from gettext import gettext as _
from typing import NoReturn

import click
from sqlalchemy.exc import DBAPIError

from microblog.cli.backup import backup, restore
from microblog.cli.checks import check
from microblog.cli.demo import demo
from microblog.cli.language import speak_the_terminals_language
from microblog.cli.mail import mail
from microblog.cli.processes import process
from microblog.cli.sample import fake
from microblog.cli.schema import db
from microblog.cli.site import database_reason, run, shell
from microblog.cli.users import user
from microblog.cli.worker import worker
from microblog.settings import SettingsError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="microblog")
def cli() -> None:
    """A small social site that anyone can run, whose e-mail arrives.

    \b
    To look around:       microblog demo
    To run a site:        put SECRET_KEY, PUBLIC_URL, ADMINS and the MAIL_ settings
                          into a file named .env, then: microblog check
                          and, when nothing is wrong: microblog run
    When mail is missing: microblog mail test YOUR@ADDRESS
    """


for command in (
    demo,
    run,
    check,
    worker,
    shell,
    db,
    backup,
    restore,
    mail,
    user,
    fake,
    process,
):
    cli.add_command(command)


def main() -> None:
    """Run the command. What is wrong outside is told in words: settings, one a line, and exit code
    2; a database or a file that cannot be used, and exit code 1.
    """
    # What is written here is for the user that runs the site, and for nobody else on this machine.
    os.umask(0o077)
    speak_the_terminals_language(cli)
    try:
        cli()
    except SettingsError as error:
        click.echo(_("Microblog cannot start with these settings:"), err=True)
        for problem in error.problems:
            click.echo(f"  - {problem}", err=True)
        click.echo(_("Settings come from the environment and from the file .env here."), err=True)
        sys.exit(2)
    except DBAPIError as error:
        words = _("The database cannot be used: {reason}")
        _fail(words.format(reason=database_reason(error)))
    except OSError as error:
        words = _("{place} cannot be used: {reason}.")
        place = error.filename or _("A file or a connection")
        _fail(words.format(place=place, reason=error.strerror or error))


def _fail(reason: str) -> NoReturn:
    click.ClickException(reason).show()
    sys.exit(1)
