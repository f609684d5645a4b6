"""`microblog mail list | show | retry | cancel | stats`: the outbox from the command line."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from gettext import gettext as _
from gettext import ngettext
from typing import Any

import click

from flask_outbox import Priority, current_outbox
from flask_outbox.operations import backlog, counts, messages
from flask_outbox.operations.messages import NotPossibleError, Search
from flask_outbox.outbox.models import OutboxMessage, Status
from microblog.cli.options import Moment, as_json, echo_json, in_utc
from microblog.cli.site import load_app
from microblog.database import db, transaction

HOURS_SHOWN = 24
BAR_MAXIMUM = 40
"""Letters in the longest bar of the picture of hours."""


@click.command("list")
@click.option("--address", help="A whole address, or a part of one.")
@click.option("--status", type=click.Choice([str(one) for one in Status]))
@click.option("--kind", help="Such as accounts.reset_password.")
@click.option("--since", type=Moment(), help="Only what was posted then or later; in UTC.")
@click.option("--until", type=Moment(end_of_day=True), help="Only what was posted before then.")
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--ids", is_flag=True, help="Print nothing but the numbers of the messages.")
@as_json
def list_messages(*, count: int, ids: bool, as_json: bool, **wanted: Any) -> None:
    """List messages, newest first.

    \b
    What happened to somebody's mail:  microblog mail list --address someone@example.com
    What could not be delivered:       microblog mail list --status dead --since 2h
    Try all of that again:             microblog mail retry $(microblog mail list \\
                                         --status dead --since 2h --ids)
    """
    with load_app().app_context():
        found = messages.search(db.session, Search(**wanted), count=count)
        if as_json:
            echo_json([_summary(message) for message in found])
            return
        if not found:
            click.echo(_("No message matches."), err=True)
        for message in found:
            click.echo(str(message.id) if ids else _line(message))


@click.command()
@click.argument("number", metavar="ID", type=int)
@as_json
def show(number: int, *, as_json: bool) -> None:
    """Show what happened to one message, attempt by attempt, in the server's own words."""
    with load_app().app_context():
        message = messages.find(db.session, number)
        if message is None:
            raise click.ClickException(_("There is no message {number}.").format(number=number))
        if as_json:
            echo_json(_whole(message))
            return
        for name, value in _whole(message).items():
            if name != "history":
                click.echo(f"{name + ':':12} {value if value is not None else '-'}")
        for entry in message.history:
            when = in_utc(entry["at"])
            words = _("attempt {number}, {when}:").format(number=entry["attempt"], when=when)
            click.echo(f"  {words} {entry['status']}: {entry['answer']}")


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@as_json
def retry(numbers: tuple[int, ...], *, as_json: bool) -> None:
    """Send messages again that ended without being sent, or that wait for a later attempt.

    All of them, or none where one cannot be.
    """
    with load_app().app_context(), _in_words():
        with transaction() as writing:
            for number in numbers:
                messages.retry(writing, number, now=time.time())
        current_outbox().wakeup.wake(numbers)
    _echo_done("queued", numbers, _("Queued again: {numbers}"), as_json=as_json)


@click.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@as_json
def cancel(numbers: tuple[int, ...], *, as_json: bool) -> None:
    """Do not send messages that are waiting. One that is just being sent may still arrive.

    All of them, or none where one cannot be.
    """
    with load_app().app_context(), _in_words(), transaction() as writing:
        for number in numbers:
            messages.cancel(writing, number, now=time.time())
    _echo_done("cancelled", numbers, _("Cancelled: {numbers}"), as_json=as_json)


@click.command()
@click.option(
    "--hours",
    default=HOURS_SHOWN,
    show_default=True,
    type=click.IntRange(1, counts.HOURS_KEPT),
    help="How many hours to tell one by one.",
)
@as_json
def stats(*, hours: int, as_json: bool) -> None:
    """Count messages by status and by hour, and say how long the oldest one waits.

    An hour has the messages that ended in it.
    """
    now = time.time()
    with load_app().app_context():
        found = backlog.statistics(db.session, now=now)
        ended = counts.by_hour(db.session, now=now, hours=hours)
    waiting = {
        Priority(lane).name.lower(): {"messages": count, "oldest_seconds": round(age, 1)}
        for lane, (count, age) in found.by_lane().items()
    }
    if as_json:
        by_hour = [{"begins": in_utc(hour.begins), **hour.by_status} for hour in ended]
        echo_json({"by_status": found.by_status, "waiting": waiting, "by_hour": by_hour})
        return
    for status in Status:
        click.echo(f"{status:<10} {found.by_status.get(status, 0):>9}")
    for lane, there in waiting.items():
        words = _("waiting in lane {lane}: {count}, the oldest for {seconds} s")
        click.echo(
            words.format(lane=lane, count=there["messages"], seconds=there["oldest_seconds"])
        )
    _echo_hours(ended)


def _echo_hours(hours: Sequence[counts.Hour]) -> None:
    """A picture: a line for each hour in which something ended."""
    words = ngettext(
        "Ended in the last hour (UTC):", "Ended in the last {count} hours (UTC):", len(hours)
    )
    click.echo("\n" + words.format(count=len(hours)))
    most = max(sum(hour.by_status.values()) for hour in hours)
    for hour in hours:
        messages = sum(hour.by_status.values())
        if messages:
            bar = "#" * math.ceil(messages * BAR_MAXIMUM / most)
            told = ", ".join(f"{status} {n}" for status, n in sorted(hour.by_status.items()))
            click.echo(f"{in_utc(hour.begins)[:13]}h {messages:>9}  {bar:<{BAR_MAXIMUM}}  {told}")
    if not most:
        click.echo(_("none"))


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


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except NotPossibleError as error:
        raise click.ClickException(str(error)) from None
