"""The `microblog` command: one thin function a verb."""

from __future__ import annotations

import os
import sys
from gettext import gettext
from pkgutil import resolve_name

from flask_outbox.cli import translated
from microblog.cli.commands import cli
from microblog.cli.language import speak_the_terminals_language

__all__ = ["cli", "main"]


def main() -> None:
    """Run the command. What is wrong outside is told in words: settings, one a line, and exit code
    2; a database or a file that cannot be used, and exit code 1.
    """
    # What is written here is for the user that runs the site, and for nobody else on this machine.
    os.umask(0o077)
    speak_the_terminals_language()
    try:
        translated(cli, gettext)()
    except Exception as error:
        # Imported when it is needed: telling a database's errors takes as long as a command.
        code = resolve_name("microblog.cli.failures:tell")(error)
        if code is None:
            raise
        sys.exit(code)
