"""`flask outbox suppressed`: the addresses that nothing is sent to."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from flask_outbox.cli.options import as_json, echo_json, in_utc, no_address
from flask_outbox.cli.sessions import reading, writing
from flask_outbox.message.addresses import AddressError, address_key
from flask_outbox.outbox import suppressions
from flask_outbox.translation import gettext as _


@click.command()
@click.argument("address", required=False)
@click.option("--lift", is_flag=True, help="Allow mail to ADDRESS again.")
@as_json
@with_appcontext
def suppressed(address: str | None, *, lift: bool, as_json: bool) -> None:
    """List the addresses that nothing is sent to: a mail server said they don't exist.

    \b
    Allow one again:  flask outbox suppressed someone@example.com --lift
    """
    if lift and not address:
        raise click.UsageError(_("Name the address to allow again."))
    key = _key(address) if address else None
    found = []
    if lift and key:
        with writing() as session:
            if not suppressions.lift_suppression(session, key):
                words = _("{address} isn't suppressed.")
                raise click.ClickException(words.format(address=address))
    else:
        with reading() as session:
            found = [
                {"address": one.address_key, "since": in_utc(one.since), "reason": one.reason}
                for one in suppressions.suppressions(session, key)
            ]
    if as_json:
        echo_json({"lifted": key} if lift else found)
    elif lift:
        click.echo(_("Mail to {address} is allowed again.").format(address=address))
    else:
        for one in found:
            click.echo(f"{one['since']}  {one['address']}  {one['reason']}")


def _key(address: str) -> str:
    try:
        return address_key(address)
    except AddressError as error:
        raise no_address(address, error) from None
