"""Previews of every email type: real composers and sample data, but nothing is sent.

The sample data is made in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec

from flask import Blueprint, Response, abort, render_template

from flask_outbox.dev.inbox import FRAME_HEADERS, page_context
from flask_outbox.message.email import Email
from flask_outbox.outbox.email_types import Discard
from flask_outbox.outbox.outbox import Outbox


@dataclass(frozen=True)
class Preview:
    """An email of one type in one language."""

    kind: str
    language: str
    email: Email


def preview(outbox: Outbox, kind: str, language: str) -> Preview | None:
    """Compose the sample of this type; None if there is no such type or it has no sample."""
    known = outbox.email_types.get(kind)
    if known is None or known.sample is None:
        return None
    with outbox.sessions() as session:
        with outbox.delivery.in_locale(language):
            context = known.sample(session, language)
            if known.list is not None and outbox.delivery.unsubscribe_links is not None:
                url = outbox.unsubscribe_url(context.recipient.key, known.list)
                context = replace(context, unsubscribe_url=url)
            composed = known.compose(session, context)
        session.rollback()
    if isinstance(composed, Discard):
        raise TypeError(f"The sample of {kind} composes to nothing: {composed.reason}")
    if not composed.recipients:
        composed = replace(composed, to=(context.recipient,))
    return Preview(kind, language, composed)


def kinds_with_samples(outbox: Outbox) -> list[str]:
    return sorted(name for name, kind in outbox.email_types.items() if kind.sample is not None)


def previews_blueprint(outbox: Outbox, languages: Sequence[str]) -> Blueprint:
    """Pages under /dev/emails that show every email type in every language."""
    blueprint = Blueprint(
        "previews",
        __name__,
        url_prefix="/dev/emails",
        template_folder="pages",
        static_folder="assets",
        static_url_path="/static",
    )

    def find(kind: str, language: str) -> Preview:
        found = preview(outbox, kind, language) if language in languages else None
        return found or abort(404)

    def page(template: str, **context: object) -> str:
        names = {code: _name(code) for code in languages}
        return render_template(template, languages=names, **page_context(), **context)

    @blueprint.get("")
    @blueprint.get("/")
    def emails() -> str:
        found = [find(kind, languages[0]) for kind in kinds_with_samples(outbox)]
        return page("previews/list.html", previews=found)

    @blueprint.get("/<kind>/<language>")
    def email(kind: str, language: str) -> str:
        found = find(kind, language)
        sender = found.email.sender or outbox.author(outbox.email_types[kind])
        return page("previews/email.html", preview=found, sender=sender)

    @blueprint.get("/<kind>/<language>/html")
    def html(kind: str, language: str) -> Response:
        content = find(kind, language).email.html or abort(404)
        response = Response(content, mimetype="text/html")
        response.headers.update(FRAME_HEADERS)
        return response

    return blueprint


def _name(language: str) -> str:
    """A language's own name, if the application has Babel; else its code."""
    if find_spec("babel") is None:
        return language
    from babel import Locale  # noqa: PLC0415 - an application need not have it

    return Locale.parse(language.replace("-", "_")).get_display_name() or language
