"""`flask outbox suppressed`: the addresses that nothing is sent to."""

from __future__ import annotations

import time

import click
from flask.cli import with_appcontext

from flask_outbox.cli.options import as_json, echo_json, in_utc, no_address
from flask_outbox.cli.sessions import reading, writing
from flask_outbox.message.addresses import AddressError, address_key
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.suppressions import SuppressionSource
from flask_outbox.translation import gettext as _


@click.command()
@click.argument("address", required=False)
@click.option("--lift", is_flag=True, help="Allow mail to ADDRESS again.")
@click.option("--add", metavar="REASON", help="Send nothing more to ADDRESS, for this reason.")
@as_json
@with_appcontext
def suppressed(address: str | None, *, lift: bool, add: str | None, as_json: bool) -> None:
    """List the addresses that nothing is sent to: a mail server said they don't exist.

    \b
    Allow one again:  flask outbox suppressed someone@example.com --lift
    Add one:          flask outbox suppressed someone@example.com --add "asked us by phone"
    """
    if lift and add:
        raise click.UsageError(_("Choose one of --lift and --add."))
    if (lift or add) and not address:
        raise click.UsageError(
            _("Name the address to allow again.") if lift else _("Name the address to suppress.")
        )
    key = _key(address) if address else None
    if key and lift:
        _lift(key, as_json=as_json)
    elif key and add:
        _add(key, add, as_json=as_json)
    else:
        _list(key, as_json=as_json)


def _lift(key: str, *, as_json: bool) -> None:
    with writing() as session:
        if not suppressions.lift_suppression(session, key):
            words = _("{address} isn't suppressed.")
            raise click.ClickException(words.format(address=key))
    if as_json:
        echo_json({"lifted": key})
    else:
        click.echo(_("Mail to {address} is allowed again.").format(address=key))


def _add(key: str, reason: str, *, as_json: bool) -> None:
    with writing() as session:
        suppressions.suppress(
            session, [(key, reason)], now=time.time(), source=SuppressionSource.OPERATOR
        )
    if as_json:
        echo_json({"suppressed": key})
    else:
        click.echo(_("Nothing more is sent to {address}.").format(address=key))


def _list(key: str | None, *, as_json: bool) -> None:
    with reading() as session:
        found = [
            {
                "address": one.address_key,
                "since": in_utc(one.since),
                "until": in_utc(one.until) if one.until is not None else None,
                "source": one.source,
                "reason": one.reason,
            }
            for one in suppressions.suppressions(session, key)
        ]
    if as_json:
        echo_json(found)
        return
    for one in found:
        ends = " " + _("(until {when})").format(when=one["until"]) if one["until"] else ""
        click.echo(f"{one['since']}  {one['source']:<8}  {one['address']}  {one['reason']}{ends}")


def _key(address: str) -> str:
    try:
        return address_key(address)
    except AddressError as error:
        raise no_address(address, error) from None
