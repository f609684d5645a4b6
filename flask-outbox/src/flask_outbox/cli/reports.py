"""`flask outbox reports`: what came in about mail, and nobody understands."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import with_appcontext

from flask_outbox.cli.options import as_json, echo_json, in_utc, without_controls
from flask_outbox.cli.sessions import reading, writing
from flask_outbox.operations import feedback
from flask_outbox.outbox.models import MailReport
from flask_outbox.translation import gettext as _


@click.command()
@click.argument("number", metavar="[ID]", type=int, required=False)
@click.option("--discard", is_flag=True, help="Delete report ID, which you have looked at.")
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
@with_appcontext
def reports(number: int | None, *, discard: bool, count: int, as_json: bool) -> None:
    """List reports about mail that nobody understands, or print the one with this ID.

    \b
    What came in:    flask outbox reports
    What it says:    flask outbox reports 7 | less
    That was spam:   flask outbox reports 7 --discard
    """
    if number is None:
        if discard:
            raise click.UsageError(_("Name the report to delete."))
        _list(count, as_json=as_json)
    elif discard:
        with writing() as session:
            if not feedback.discard_report(session, number):
                raise _absent(number)
        if as_json:
            echo_json({"discarded": number})
        else:
            click.echo(_("Deleted report {number}.").format(number=number))
    else:
        _show(number, as_json=as_json)


def _list(count: int, *, as_json: bool) -> None:
    with reading() as session:
        found = [_summary(one) for one in feedback.not_understood(session, count=count)]
    if as_json:
        echo_json(found)
        return
    if not found:
        click.echo(_("No reports found."), err=True)
    for one in found:
        click.echo(f"{one['id']:>8}  {one['received']}  {one['source']:<10}  {one['note']}")


def _show(number: int, *, as_json: bool) -> None:
    with reading() as session:
        report = feedback.find_report(session, number)
        if report is None:
            raise _absent(number)
        summary, content = _summary(report), report.content.decode(errors="replace")
    if as_json:
        echo_json({**summary, "content": content})
        return
    for name, value in summary.items():
        click.echo(f"{name + ':':12} {value if value is not None else '-'}")
    click.echo(f"\n{without_controls(content)}")


def _summary(report: MailReport) -> dict[str, Any]:
    return {
        "id": report.id,
        "source": report.source,
        "received": in_utc(report.received_at),
        "note": report.note,
    }


def _absent(number: int) -> click.ClickException:
    return click.ClickException(_("There's no report {number}.").format(number=number))
