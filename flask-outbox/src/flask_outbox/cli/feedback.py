"""`flask outbox feedback`: takes one message that came back, from a mail server's pipe."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, BinaryIO, NoReturn

import click
from flask.cli import with_appcontext

from flask_outbox.cli.failures import in_words
from flask_outbox.cli.sessions import writing
from flask_outbox.database_errors import reason
from flask_outbox.feedback.intake import KEPT_BYTES, store_message
from flask_outbox.translation import gettext as _

SOURCE = "pipe"

_CHUNK = 65_536


class _ForMailServers(click.Command):
    """A command whose misuse ends with the exit code that mail servers know (sysexits.h)."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except click.UsageError as error:
            error.show()
            raise click.exceptions.Exit(os.EX_USAGE) from None


@click.command(cls=_ForMailServers)
@click.option(
    "--recipient",
    metavar="ADDRESS",
    envvar=["ORIGINAL_RECIPIENT", "RECIPIENT"],
    default="",
    help="The address that the message was delivered to. Default: what an alias of Postfix or Exim"
    " says in the environment, or else a header of the message.",
)
@with_appcontext
def feedback(recipient: str) -> None:
    """Store one message that came back, read from standard input, to be worked off later.

    For a mail server: let it pipe what arrives at MAIL_RETURN_PATH into this command.

    Exit code 0 when the message is stored. 75 tells the mail server to keep it and try again: the
    database can't be used, or anything else went wrong. 64 if the command is misused, 65 if there
    is no message.
    """
    if sys.stdin.isatty():
        _end(_("Pipe the message into this command."), os.EX_USAGE)
    content = _beginning(sys.stdin.buffer)
    if not content.strip():
        _end(_("There is no message."), os.EX_DATAERR)
    try:
        with writing() as session:
            store_message(
                session,
                source=SOURCE,
                content=content,
                envelope_recipient=recipient,
                now=time.time(),
            )
    except Exception as error:  # noqa: BLE001 - whatever it is, the mail server keeps the message
        told = in_words(error)
        words = told.format_message() if told else f"{type(error).__name__}: {reason(error)}"
        _end(words, os.EX_TEMPFAIL)


def _beginning(stream: BinaryIO) -> bytes:
    """As much as is stored. The rest is read, too: a mail server may take a closed pipe amiss."""
    content = stream.read(KEPT_BYTES)
    while stream.read(_CHUNK):
        pass
    return content


def _end(words: str, code: int) -> NoReturn:
    click.echo(words, err=True)
    raise click.exceptions.Exit(code)
