"""`microblog mail preview`: what the e-mails look like, without sending any."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _

import click

from flask_outbox import current_outbox
from flask_outbox.dev import previews
from flask_outbox.dev.previews import Preview
from microblog.cli.options import as_json, echo_json
from microblog.cli.site import load_app
from microblog.web.supported_languages import LANGUAGES


@click.command()
@click.option("--kind", help="Only this kind, such as accounts.reset_password.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Only this language.")
@click.option("--html", is_flag=True, help="Print the HTML instead of the text.")
@as_json
def preview(kind: str | None, language: str | None, *, html: bool, as_json: bool) -> None:
    """Print every e-mail that the site can send, composed with sample data.

    In a browser they are at /dev/emails, in the demonstration and with DEBUG.
    """
    with load_app().app_context():
        found = list(_previews(kind, language))
    if as_json:
        echo_json([_as_dict(one) for one in found])
        return
    for one in found:
        click.echo(f"---------- {one.kind}, {one.language} ----------")
        click.echo(_("Subject: {subject}").format(subject=one.email.subject) + "\n")
        click.echo(one.email.html if html else one.email.text)


def _previews(kind: str | None, language: str | None) -> Iterator[Preview]:
    outbox = current_outbox()
    for one in [kind] if kind else previews.kinds_with_samples(outbox):
        for supported_locale in [language] if language else LANGUAGES:
            found = previews.preview(outbox, one, supported_locale)
            if found is None:
                known = ", ".join(previews.kinds_with_samples(outbox))
                words = _("There is no e-mail {name!r}; there are: {known}")
                raise click.ClickException(words.format(name=one, known=known))
            yield found


def _as_dict(one: Preview) -> dict[str, str | None]:
    return {
        "kind": one.kind,
        "language": one.language,
        "subject": one.email.subject,
        "text": one.email.text,
        "html": one.email.html,
    }
