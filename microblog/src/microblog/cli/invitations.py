"""`microblog user invite`: links with which people can join."""

from __future__ import annotations

from datetime import timedelta
from gettext import gettext as _

import click

from microblog.cli.site import load_app
from microblog.database import transaction
from microblog.moderation.invitation_views import join_link
from microblog.moderation.invitations import (
    LONGEST,
    NOTE_MAXIMUM,
    SHORTEST,
    USES_MAXIMUM,
    make_invitation,
)
from microblog.web.scope import current_scope

HOUR = timedelta(hours=1)


@click.command()
@click.option(
    "--uses",
    default=1,
    show_default=True,
    type=click.IntRange(1, USES_MAXIMUM),
    help="How many people can join with it.",
)
@click.option(
    "--hours",
    default=168,
    show_default=True,
    type=click.IntRange(SHORTEST // HOUR, LONGEST // HOUR),
    help="How long it works.",
)
@click.option("--note", default="", help="For administrators only, such as whom it's for.")
def invite(uses: int, hours: int, note: str) -> None:
    """Make a link that people can join with, and print it.

    It is shown this once, and stored nowhere. Administrators revoke it at /admin/invitations.
    """
    if len(note) > NOTE_MAXIMUM or not note.isprintable():
        words = _("A note has at most {maximum} characters, all of them visible.")
        raise click.ClickException(words.format(maximum=NOTE_MAXIMUM))
    app = load_app()
    with app.app_context():
        with transaction() as writing:
            _made, secret = make_invitation(
                writing,
                current_scope(),
                made_by_id=None,
                uses=uses,
                lasts=hours * HOUR,
                note=note,
            )
        link = join_link(secret)
    click.echo(link)
    if app.config["REGISTRATION"] == "closed":
        words = _("REGISTRATION is closed: the link doesn't work until it is “invitation”.")
        click.echo(words, err=True)
