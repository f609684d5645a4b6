"""The catcher's inbox in a browser: for development and the demonstration only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, Response, abort, current_app, render_template, url_for

from flask_outbox.page_texts import gettext as _
from flask_outbox.page_texts import page_language

if TYPE_CHECKING:
    from flask_outbox.dev.catcher import CaughtMail, CaughtMessage

# The HTML of a message is not trusted: no scripts, no requests, links only in a new window.
_FRAME_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';"
    " style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)

FRAME_HEADERS = {
    "Content-Security-Policy": _FRAME_POLICY,
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "no-referrer",
}


def inbox_blueprint(mail: CaughtMail) -> Blueprint:
    """Pages under /dev/inbox that list and show the caught messages."""
    blueprint = Blueprint(
        "inbox",
        __name__,
        url_prefix="/dev/inbox",
        template_folder="pages",
        static_folder="assets",
        static_url_path="/static",
    )
    blueprint.app_template_filter("caught_time")(_time)

    def find(number: str) -> CaughtMessage:
        return mail.get(number) or abort(404)

    @blueprint.get("")
    @blueprint.get("/")
    def messages() -> str:
        return _page("inbox/list.html", messages=mail.all())

    @blueprint.get("/<number>")
    def message(number: str) -> str:
        return _page("inbox/message.html", message=find(number))

    @blueprint.get("/<number>/html")
    def html(number: str) -> Response:
        content = find(number).html or abort(404)
        response = Response(f'<base target="_blank">{content}', mimetype="text/html")
        response.headers.update(FRAME_HEADERS)
        return response

    @blueprint.get("/<number>/source")
    def source(number: str) -> Response:
        return Response(find(number).source, mimetype="text/plain")

    return blueprint


def page_context() -> dict[str, object]:
    """What the development pages need: a translator, and links to the other pages."""
    names = {
        "inbox.messages": _("Inbox"),
        "previews.emails": _("Emails"),
        "index": _("Back to the site"),
    }
    there = [name for name in names if name in current_app.view_functions]
    return {
        "_": _,
        "page_language": page_language,
        "pages": [(url_for(name), names[name]) for name in there],
    }


def _page(template: str, **context: object) -> str:
    return render_template(template, **page_context(), **context)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
