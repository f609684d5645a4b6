"""`flask outbox list | show | retry | cancel`: the messages of the outbox."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from flask.cli import with_appcontext

from flask_outbox.application import current_outbox
from flask_outbox.cli.options import Moment, as_json, echo_json, in_utc
from flask_outbox.cli.sessions import reading, writing
from flask_outbox.operations import feedback, messages
from flask_outbox.operations.messages import NotPossibleError, Search
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import MailEvent, OutboxMessage, Status
from flask_outbox.translation import gettext as _


@click.command("list")
@click.option("--address", "--to", help="An address, or a part of one.")
@click.option("--status", type=click.Choice([str(one) for one in Status]))
@click.option("--kind", "--type", help="Only this type, such as shop.confirmation.")
@click.option("--since", type=Moment(), help="Only messages created then or later, in UTC.")
@click.option("--until", type=Moment(end_of_day=True), help="Only messages created before then.")
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--ids", is_flag=True, help="Print only the message numbers.")
@as_json
@with_appcontext
def list_messages(*, count: int, ids: bool, as_json: bool, **wanted: Any) -> None:
    """List messages, newest first.

    \b
    What happened to someone's mail:  flask outbox list --address someone@example.com
    What servers said about one:      flask outbox show 7
    What failed:                      flask outbox list --status dead --since 2h
    What came back:                   flask outbox list --status bounced
    Send all of that again:           flask outbox retry $(flask outbox list \\
                                        --status dead --since 2h --ids)
    """
    with reading() as session:
        found = messages.search(session, Search(**wanted), count=count)
        if as_json:
            echo_json([_summary(message) for message in found])
            return
        if not found:
            click.echo(_("No messages found."), err=True)
        for message in found:
            click.echo(str(message.id) if ids else _line(message))


@click.command()
@click.argument("number", metavar="ID", type=int)
@as_json
@with_appcontext
def show(number: int, *, as_json: bool) -> None:
    """Show what happened to a message, attempt by attempt, in the server's own words."""
    with reading() as session:
        message = messages.find(session, number)
        if message is None:
            raise click.ClickException(_("There's no message {number}.").format(number=number))
        events = feedback.events_of(session, number)
        if as_json:
            echo_json({**_whole(message), "events": [_event(one) for one in events]})
            return
        for name, value in _whole(message).items():
            if name != "history":
                click.echo(f"{name + ':':12} {value if value is not None else '-'}")
        for entry in message.history:
            when = in_utc(entry["at"])
            words = _("attempt {number}, {when}:").format(number=entry["attempt"], when=when)
            server = f"{entry['server']}: " if entry.get("server") else ""
            click.echo(f"  {words} {entry['status']}: {server}{entry['answer']}")
        for event in map(_event, events):
            words = _("came back, {when}:").format(when=event["at"])
            doubt = "" if event["trusted"] else " " + _("(without a token: it changed nothing)")
            about = f" {event['recipient']}" if event["recipient"] else ""
            click.echo(f"  {words} {event['meaning']}:{about} {event['words']}{doubt}")


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@as_json
@with_appcontext
def retry(numbers: tuple[int, ...], *, as_json: bool) -> None:
    """Send messages again that weren't sent or that wait for a later attempt.

    All of them, or none if that's impossible for one of them.
    """
    with _in_words(), writing() as session:
        for number in numbers:
            messages.retry(session, number, now=time.time())
    current_outbox().wakeup.wake(numbers)
    _echo_done("queued", numbers, _("Queued again: {numbers}"), as_json=as_json)


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@as_json
@with_appcontext
def cancel(numbers: tuple[int, ...], *, as_json: bool) -> None:
    """Cancel waiting messages. One that's being sent right now may still arrive.

    All of them, or none if that's impossible for one of them.
    """
    with _in_words(), writing() as session:
        for number in numbers:
            messages.cancel(session, number, now=time.time())
    _echo_done("cancelled", numbers, _("Cancelled: {numbers}"), as_json=as_json)


def _echo_done(done: str, numbers: Sequence[int], words: str, *, as_json: bool) -> None:
    if as_json:
        echo_json({done: list(numbers)})
    else:
        click.echo(words.format(numbers=", ".join(map(str, numbers))))


def _line(message: OutboxMessage) -> str:
    return (
        f"{message.id:>8}  {in_utc(message.created_at)}  {message.status:<9}"
        f"  {message.kind:<26}  {message.recipient}"
    )


def _summary(message: OutboxMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "recipient": message.recipient,
        "status": str(message.status),
        "posted": in_utc(message.created_at),
        "answer": message.answer,
    }


def _whole(message: OutboxMessage) -> dict[str, Any]:
    waits = message.settled_at is None
    return {
        **_summary(message),
        "due": in_utc(message.due_at) if waits else None,
        "waits_for": message.waits_for or None,
        "ended": in_utc(message.settled_at) if message.settled_at is not None else None,
        "expires": in_utc(message.expires_at) if message.expires_at is not None else None,
        "lane": Priority(message.lane).name.lower(),
        "language": message.locale,
        "message_id": message.message_id,
        "attempts": message.attempts,
        "history": message.history,
    }


def _event(event: MailEvent) -> dict[str, Any]:
    return {
        "at": in_utc(event.at),
        "meaning": event.meaning,
        "recipient": event.recipient_key,
        "code": event.code,
        "words": event.words,
        "source": event.source,
        "trusted": event.trusted,
    }


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except NotPossibleError as error:
        raise click.ClickException(str(error)) from None
