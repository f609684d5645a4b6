"""Every e-mail to look at before anybody gets one: real composers, sample data, nothing sent.

The sample data is made in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, abort, render_template

from microblog.mail.email import Email
from microblog.mail.inbox import FRAME_HEADERS, page_context
from microblog.mail.kinds import Discard
from microblog.mail.outbox import Outbox


@dataclass(frozen=True)
class Preview:
    """One kind of e-mail in one language."""

    kind: str
    language: str
    email: Email


def preview(outbox: Outbox, kind: str, language: str) -> Preview | None:
    """Compose a sample of this kind; None where there is no such kind or it has no sample."""
    known = outbox.kinds.get(kind)
    if known is None or known.sample is None:
        return None
    with outbox.sessions() as session:
        composed = known.compose(session, known.sample(session, language))
        session.rollback()
    if isinstance(composed, Discard):
        raise TypeError(f"The sample of {kind} composes to nothing: {composed.reason}")
    return Preview(kind, language, composed)


def kinds_with_samples(outbox: Outbox) -> list[str]:
    return sorted(name for name, kind in outbox.kinds.items() if kind.sample is not None)


def previews_blueprint(outbox: Outbox, languages: Sequence[str]) -> Blueprint:
    """Pages that show every e-mail in every language, under /dev/emails."""
    blueprint = Blueprint("previews", __name__, url_prefix="/dev/emails", template_folder="pages")

    def find(kind: str, language: str) -> Preview:
        found = preview(outbox, kind, language) if language in languages else None
        return found or abort(404)

    @blueprint.get("")
    @blueprint.get("/")
    def emails() -> str:
        kinds = kinds_with_samples(outbox)
        return render_template(
            "previews/list.html", kinds=kinds, languages=languages, **page_context()
        )

    @blueprint.get("/<kind>/<language>")
    def email(kind: str, language: str) -> str:
        return render_template(
            "previews/email.html", preview=find(kind, language), **page_context()
        )

    @blueprint.get("/<kind>/<language>/html")
    def html(kind: str, language: str) -> Response:
        content = find(kind, language).email.html or abort(404)
        response = Response(content, mimetype="text/html")
        response.headers.update(FRAME_HEADERS)
        return response

    return blueprint
