"""`flask outbox preview`: what the emails look like, without sending any."""

from __future__ import annotations

from collections.abc import Iterator

import click
from flask import current_app
from flask.cli import with_appcontext

from flask_outbox.application import current_outbox
from flask_outbox.cli.options import as_json, echo_json
from flask_outbox.config_values import items
from flask_outbox.dev import previews
from flask_outbox.dev.previews import Preview
from flask_outbox.translation import gettext as _


@click.command()
@click.option("--kind", "--type", help="Only this type, such as shop.confirmation.")
@click.option("--language", help="Only this language.")
@click.option("--html", is_flag=True, help="Print the HTML instead of the text.")
@as_json
@with_appcontext
def preview(kind: str | None, language: str | None, *, html: bool, as_json: bool) -> None:
    """Print every email that the application can send, with sample data.

    Types without a sample are left out. The languages are those in the application's LANGUAGES
    setting, or English.
    """
    found = list(_previews(kind, _languages(language)))
    if as_json:
        echo_json([_as_dict(one) for one in found])
        return
    for one in found:
        click.echo(f"---------- {one.kind}, {one.language} ----------")
        click.echo(_("Subject: {subject}").format(subject=one.email.subject) + "\n")
        click.echo(one.email.html if html else one.email.text)


def _languages(chosen: str | None) -> list[str]:
    known = [str(one) for one in items(current_app.config, "LANGUAGES")]
    if chosen is None:
        return known or ["en"]
    if known and chosen not in known:
        words = _("{language!r} isn't one of these: {known}")
        raise click.UsageError(words.format(language=chosen, known=", ".join(known)))
    return [chosen]


def _previews(kind: str | None, languages: list[str]) -> Iterator[Preview]:
    outbox = current_outbox()
    for one in [kind] if kind else previews.kinds_with_samples(outbox):
        for language in languages:
            found = previews.preview(outbox, one, language)
            if found is None:
                known = ", ".join(previews.kinds_with_samples(outbox))
                words = _("There's no email {name!r}. Choose one of these: {known}")
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
