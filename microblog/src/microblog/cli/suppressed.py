"""`microblog mail suppressed`: the addresses that nothing is sent to."""

from __future__ import annotations

from gettext import gettext as _

import click

from flask_outbox import AddressError, address_key
from flask_outbox.outbox import suppressions
from microblog.cli.options import as_json, echo_json, in_utc, no_address
from microblog.cli.site import load_app
from microblog.database import transaction


@click.command()
@click.argument("address", required=False)
@click.option("--lift", is_flag=True, help="Send to ADDRESS again.")
@as_json
def suppressed(address: str | None, *, lift: bool, as_json: bool) -> None:
    """List the addresses that nothing is sent to, since a server said that they do not exist.

    \b
    Send to one again:  microblog mail suppressed someone@example.com --lift
    """
    if lift and not address:
        raise click.UsageError(_("Name the address to lift."))
    key = _key(address) if address else None
    with load_app().app_context(), transaction() as writing:
        if lift and key:
            if not suppressions.lift_suppression(writing, key):
                words = _("{address} is not suppressed.")
                raise click.ClickException(words.format(address=address))
            found = []
        else:
            found = [
                {"address": one.address_key, "since": in_utc(one.since), "reason": one.reason}
                for one in suppressions.suppressions(writing, key)
            ]
    if as_json:
        echo_json({"lifted": key} if lift else found)
    elif lift:
        click.echo(_("Mail is sent to {address} again.").format(address=address))
    else:
        for one in found:
            click.echo(f"{one['since']}  {one['address']}  {one['reason']}")


def _key(address: str) -> str:
    try:
        return address_key(address)
    except AddressError as error:
        raise no_address(address, error) from None
