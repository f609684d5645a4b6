"""`flask outbox …`: the outbox of an application from the command line.

`FlaskOutbox.init_app` adds `commands` to those of the application. Nothing that they need is
imported before one of them is called.

For a command line of the application's own: `LazyGroup` and `OutboxGroup`, `PLACES`, `translated`
and `replace_unwritable_letters`; what commands take and print (`as_json`, `echo_json`, `in_utc`,
`no_address`, `require_free`, `in_words`); and what `check` finds (`Level`, `mail_server_verdicts`,
`overdue`, `alignment_verdicts`, `bounce_verdicts`, `mailbox_verdicts`, `webhook_verdicts`).
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, cast

import click

from flask_outbox.cli.lazy import LazyGroup, Place, replace_unwritable_letters, translated
from flask_outbox.lazy_names import lazy_names
from flask_outbox.translation import gettext

if TYPE_CHECKING:
    from flask_outbox.cli.alignment import alignment_verdicts
    from flask_outbox.cli.bounce import bounce_verdicts
    from flask_outbox.cli.check import mail_server_verdicts, overdue
    from flask_outbox.cli.failures import in_words
    from flask_outbox.cli.mailbox import mailbox_verdicts
    from flask_outbox.cli.options import as_json, echo_json, in_utc, no_address
    from flask_outbox.cli.ports import require_free
    from flask_outbox.cli.verdicts import Level
    from flask_outbox.cli.webhooks import webhook_verdicts

__all__ = [
    "PLACES",
    "LazyGroup",
    "Level",
    "OutboxGroup",
    "Place",
    "alignment_verdicts",
    "as_json",
    "bounce_verdicts",
    "commands",
    "echo_json",
    "in_utc",
    "in_words",
    "mail_server_verdicts",
    "mailbox_verdicts",
    "no_address",
    "overdue",
    "replace_unwritable_letters",
    "require_free",
    "translated",
    "webhook_verdicts",
]

_NAMES = {
    "alignment": ("alignment_verdicts",),
    "bounce": ("bounce_verdicts",),
    "check": ("mail_server_verdicts", "overdue"),
    "failures": ("in_words",),
    "mailbox": ("mailbox_verdicts",),
    "options": ("as_json", "echo_json", "in_utc", "no_address"),
    "ports": ("require_free",),
    "webhooks": ("webhook_verdicts",),
    "verdicts": ("Level",),
}

__getattr__, __dir__ = lazy_names(__name__, _NAMES)

PLACES: dict[str, Place] = {
    "deliver": (
        "deliver:deliver",
        "Deliver the outbox's messages until SIGTERM or Ctrl-C.",
    ),
    "check": (
        "check:check",
        "Check the outbox's database and the mail server, and say how to fix what's wrong.",
    ),
    "catch": (
        "catch:catch",
        "Run a mail server for development that catches mail and delivers nothing.",
    ),
    "test": (
        "send_test:test",
        "Send a test message to ADDRESS through the configured server, step by step.",
    ),
    "list": ("messages:list_messages", "List messages, newest first."),
    "show": (
        "messages:show",
        "Show what happened to a message, attempt by attempt, in the server's own words.",
    ),
    "retry": (
        "messages:retry",
        "Send messages again that weren't sent or that wait for a later attempt.",
    ),
    "cancel": (
        "messages:cancel",
        "Cancel waiting messages. One that's being sent right now may still arrive.",
    ),
    "stats": (
        "stats:stats",
        "Count messages by status and by hour, and say how long the oldest has waited.",
    ),
    "preview": (
        "preview:preview",
        "Print every email that the application can send, with sample data.",
    ),
    "reports": (
        "reports:reports",
        "List reports about mail that nobody understands, or print the one with this ID.",
    ),
    "suppressed": (
        "suppressed:suppressed",
        "List the addresses that nothing is sent to: a mail server said they don't exist.",
    ),
    "feedback": (
        "feedback:feedback",
        "Store one message that came back, read from standard input, to be worked off later.",
    ),
}


class OutboxGroup(LazyGroup):
    """Commands of the library, which work on the outbox of the application at hand.

    What is wrong outside (the database, its tables, a port) is told in one sentence, with exit
    code 1.
    """

    package = "flask_outbox.cli"
    translate = staticmethod(gettext)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        replace_unwritable_letters()
        return super().make_context(info_name, args, parent, **extra)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and _with_path(command, ctx), rest

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        made = _with_path(translated(self, self.translate), ctx)
        click.Group.format_help(cast(click.Group, made), ctx, formatter)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            # Imported when it is needed: telling a database's errors takes as long as a command.
            told = resolve_name("flask_outbox.cli.failures:in_words")(error)
            if told is None:
                raise
            raise told from None


def _with_path(command: click.Command, ctx: click.Context) -> click.Command:
    """The command, whose examples say what their reader has to type."""
    command.help = command.help and command.help.replace("flask outbox", ctx.command_path)
    return command


commands = OutboxGroup(
    "outbox",
    places=PLACES,
    help="""Deliver mail, catch it during development, find out why it doesn't arrive, and see
    what happened to it.

    \b
    Deliver, beside the web server:  flask outbox deliver
    What became of a mail:           flask outbox list --address SOMEONE
    If mail is missing:              flask outbox check
                                     flask outbox test YOUR@ADDRESS
    """,
)
