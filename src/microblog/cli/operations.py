"""`microblog mail list | show | retry | cancel | stats`: the outbox from the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import click

from microblog.cli.site import opened
from microblog.database import db, transaction
from microblog.mail import (
    AddressError,
    Lane,
    address_key,
    current_outbox,
    figures,
    guard,
    operations,
    previews,
)
from microblog.mail.models import OutboxMessage, Status
from microblog.mail.operations import NotPossibleError, Search
from microblog.web.languages import LANGUAGES

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


@click.command("list")
@click.option("--address", help="A whole address, or a part of one.")
@click.option("--status", type=click.Choice([str(one) for one in Status]))
@click.option("--kind", help="Such as accounts.reset_password.")
@click.option("--hours", type=float, help="Only messages of the last so many hours.")
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def list_messages(*, count: int, as_json: bool, hours: float | None, **wanted: Any) -> None:
    """List messages, newest first.

    \b
    What happened to somebody's mail:  microblog mail list --address someone@example.com
    What could not be delivered:       microblog mail list --status dead
    """
    since = time.time() - hours * 3600 if hours else None
    with opened().app_context():
        found = operations.search(db.session, Search(since=since, **wanted), count=count)
        if as_json:
            click.echo(json.dumps([_summary(message) for message in found], indent=2))
            return
        if not found:
            click.echo("No message matches.", err=True)
        for message in found:
            click.echo(
                f"{message.id:>8}  {_when(message.created_at)}  {message.status:<9}"
                f"  {message.kind:<26}  {message.recipient}"
            )


@click.command()
@click.argument("number", metavar="ID", type=int)
@as_json
def show(number: int, *, as_json: bool) -> None:
    """Show what happened to one message, attempt by attempt, in the server's own words."""
    with opened().app_context():
        message = operations.find(db.session, number)
        if message is None:
            raise click.ClickException(f"There is no message {number}.")
        if as_json:
            click.echo(json.dumps(_whole(message), indent=2))
            return
        for name, value in _whole(message).items():
            if name != "history":
                click.echo(f"{name + ':':12} {value if value is not None else '-'}")
        for entry in message.history:
            when = _when(entry["at"])
            click.echo(
                f"  attempt {entry['attempt']}, {when}: {entry['status']}: {entry['answer']}"
            )


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
def retry(numbers: tuple[int, ...]) -> None:
    """Send messages again that ended without being sent, or that wait for a later attempt."""
    with opened().app_context(), _in_words():
        with transaction() as writing:
            for number in numbers:
                operations.retry(writing, number, now=time.time())
        current_outbox().bell.ring(numbers)
    click.echo(f"Queued again: {', '.join(map(str, numbers))}")


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
def cancel(numbers: tuple[int, ...]) -> None:
    """Do not send messages that are waiting. One that is just being sent may still arrive."""
    with opened().app_context(), _in_words(), transaction() as writing:
        for number in numbers:
            operations.cancel(writing, number, now=time.time())
    click.echo(f"Cancelled: {', '.join(map(str, numbers))}")


@click.command()
@as_json
def stats(*, as_json: bool) -> None:
    """Count messages by status, and say how long the oldest one waits."""
    with opened().app_context():
        found = figures.statistics(db.session, now=time.time())
    waiting = {
        Lane(lane).name.lower(): {"messages": count, "oldest_seconds": round(age, 1)}
        for lane, (count, age) in found.by_lane().items()
    }
    if as_json:
        click.echo(json.dumps({"by_status": found.by_status, "waiting": waiting}, indent=2))
        return
    for status in Status:
        click.echo(f"{status:<10} {found.by_status.get(status, 0):>9}")
    for lane, there in waiting.items():
        oldest = there["oldest_seconds"]
        click.echo(f"waiting in lane {lane}: {there['messages']}, the oldest for {oldest} s")


@click.command()
@click.option("--kind", help="Only this kind, such as accounts.reset_password.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Only this language.")
@click.option("--html", is_flag=True, help="Print the HTML instead of the text.")
def preview(kind: str | None, language: str | None, *, html: bool) -> None:
    """Print every e-mail that the site can send, composed with sample data.

    In a browser they are at /dev/emails, in the demonstration and with DEBUG.
    """
    with opened().app_context():
        kinds = [kind] if kind else previews.kinds_with_samples(current_outbox())
        for one in kinds:
            for spoken in [language] if language else LANGUAGES:
                found = previews.preview(current_outbox(), one, spoken)
                if found is None:
                    known = ", ".join(previews.kinds_with_samples(current_outbox()))
                    raise click.ClickException(f"There is no e-mail {one!r}; there are: {known}")
                click.echo(f"---------- {one}, {spoken} ----------")
                click.echo(f"Subject: {found.email.subject}\n")
                click.echo(found.email.html if html else found.email.text)


@click.command()
@click.argument("address", required=False)
@click.option("--lift", is_flag=True, help="Send to ADDRESS again.")
def suppressed(address: str | None, *, lift: bool) -> None:
    """List the addresses that nothing is sent to, since a server said that they do not exist.

    \b
    Send to one again:  microblog mail suppressed someone@example.com --lift
    """
    if lift and not address:
        raise click.UsageError("Name the address to lift.")
    with opened().app_context(), transaction() as writing:
        if lift and address:
            if not guard.lift_suppression(writing, _key(address)):
                raise click.ClickException(f"{address} is not suppressed.")
            click.echo(f"Mail is sent to {address} again.")
            return
        for one in guard.suppressions(writing, _key(address) if address else None):
            click.echo(f"{_when(one.since)}  {one.address_key}  {one.reason}")


def _key(address: str) -> str:
    try:
        return address_key(address)
    except AddressError as error:
        raise click.ClickException(f"{address!r} is not an e-mail address: {error}") from None


def _summary(message: OutboxMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind,
        "recipient": message.recipient,
        "status": str(message.status),
        "posted": _when(message.created_at),
        "answer": message.answer,
    }


def _whole(message: OutboxMessage) -> dict[str, Any]:
    waits = message.settled_at is None
    return {
        **_summary(message),
        "due": _when(message.due_at) if waits else None,
        "ended": _when(message.settled_at) if message.settled_at is not None else None,
        "expires": _when(message.expires_at) if message.expires_at is not None else None,
        "lane": Lane(message.lane).name.lower(),
        "language": message.locale,
        "message_id": message.message_id,
        "attempts": message.attempts,
        "history": message.history,
    }


def _when(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except NotPossibleError as error:
        raise click.ClickException(str(error)) from None
