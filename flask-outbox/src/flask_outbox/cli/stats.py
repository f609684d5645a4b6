"""`flask outbox stats`: how many messages there are, and when they ended."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from flask_outbox.cli.options import as_json, echo_json, in_utc, right
from flask_outbox.cli.sessions import reading
from flask_outbox.operations import backlog, counts
from flask_outbox.operations.feedback import domain_rates
from flask_outbox.outbox.email_types import Priority
from flask_outbox.outbox.models import UNSENT, WAITING, Status
from flask_outbox.translation import gettext as _
from flask_outbox.translation import ngettext

HOURS_SHOWN = 24
BAR_MAXIMUM = 40
"""Letters in the longest bar of the picture of hours."""


@click.command()
@click.option(
    "--hours",
    default=HOURS_SHOWN,
    show_default=True,
    type=click.IntRange(1, counts.HOURS_KEPT),
    help="How many hours to show.",
)
@click.option(
    "--domains", is_flag=True, help="Show what became of mail by receiving domain, in 7 days."
)
@as_json
@with_appcontext
def stats(*, hours: int, domains: bool, as_json: bool) -> None:
    """Count messages by status and by hour, and say how long the oldest has waited.

    A message counts for the hour in which it was finished.
    """
    now = time.time()
    if domains:
        _echo_domains(now, as_json=as_json)
        return
    with reading() as session:
        found = backlog.statistics(session, now=now)
        ended = counts.by_hour(session, now=now, hours=hours)
    waiting = {
        Priority(lane).name.lower(): {"messages": count, "oldest_seconds": round(age, 1)}
        for lane, (count, age) in found.by_lane().items()
    }
    if as_json:
        by_hour = [{"begins": in_utc(hour.begins), **hour.by_status} for hour in ended]
        echo_json({"by_status": found.by_status, "waiting": waiting, "by_hour": by_hour})
        return
    for status in (*WAITING, Status.SENT, *UNSENT):
        click.echo(f"{status:<10} {found.by_status.get(status, 0):>9}")
    for lane, there in waiting.items():
        words = _("waiting ({lane}): {count}, the oldest for {seconds} s")
        click.echo(
            words.format(lane=lane, count=there["messages"], seconds=there["oldest_seconds"])
        )
    _echo_hours(ended)


def _echo_domains(now: float, *, as_json: bool) -> None:
    with reading() as session:
        rates = domain_rates(session, now=now)
    if as_json:
        echo_json([{**asdict(one), "level": one.level or None} for one in rates])
        return
    headings = _("accepted"), _("delivered"), _("bounced"), _("reported as spam")
    columns = [right(text, width) for text, width in zip(headings, (9, 9, 15, 16), strict=True)]
    click.echo(" ".join(columns) + "  " + _("domain"))
    for one in rates:
        bounced = f"{one.bounced} ({one.bounce_rate:.1%})"
        complained = f"{one.complained} ({one.complaint_rate:.2%})"
        level = f"  {one.level.upper()}" if one.level else ""
        click.echo(
            f"{one.accepted:>9} {one.delivered:>9} {bounced:>15} {complained:>16}"
            f"  {one.domain}{level}"
        )


def _echo_hours(hours: Sequence[counts.Hour]) -> None:
    """A picture: a line for each hour in which something ended."""
    words = ngettext(
        "Finished in the last hour (UTC):", "Finished in the last {count} hours (UTC):", len(hours)
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
