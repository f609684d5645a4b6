"""The page behind the link in mail of a list: ending it, and taking that back.

- A GET changes nothing, since scanners of mail follow links, some of them in a browser: it shows a
  button.
- A POST needs no session and no CSRF token, as mail programs send neither (RFC 8058): the token in
  its address is the proof. Whatever it holds otherwise ends the list, once or many times.
- The answer to one click is the same for a token that nobody knows.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from flask_outbox.application import current_outbox
from flask_outbox.database_errors import is_outage
from flask_outbox.message.unsubscribe_links import Subscription
from flask_outbox.outbox.models import OptOut
from flask_outbox.outbox.opt_outs import ALL_LISTS, opt_in, opt_out, opt_outs_of
from flask_outbox.page_texts import gettext as _
from flask_outbox.page_texts import page_language
from flask_outbox.signals import SubscriptionEvent, announce, resubscribed, unsubscribed

FORM_MAXIMUM_BYTES = 10_000
"""The page's own form has fewer. What is larger, or of unknown size, is not read."""

LOGGED_SECONDS = 60.0

RETRY_SECONDS = 300
"""Asked of those who post while the database is away."""

_FOLDER = "flask_outbox/public_pages"
_OWN_LAYOUT = f"{_FOLDER}/layout.html"

_HEADERS = {
    # The address holds a token, and the page says who gets mail (OWASP ASVS 5.0, 14.3.2, 3.4.5).
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex",
}

_OWN_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)

logger = logging.getLogger("flask_outbox.public_pages")


def unsubscribe_blueprint(
    *, lists: Mapping[str, object] | None = None, layout: str | None = None
) -> Blueprint:
    """The pages for ending mail of lists, to be registered under MAIL_UNSUBSCRIBE_URL:

        app.register_blueprint(unsubscribe_blueprint(), url_prefix="/unsubscribe")

    - `lists` are the names of lists as readers know them, such as {"news": "News of the shop"}. A
      lazy text of Flask-Babel is translated into the reader's language.
    - `layout` is a template of the application, whose blocks `title` and `content` are filled.
      Without one the pages have a plain layout of their own.

    Flask-WTF's CSRFProtect leaves these pages alone. With Flask-Babel they are in the reader's
    language. Signals tell the application what somebody did: `unsubscribed` and `resubscribed`.
    """
    made = Blueprint(
        "unsubscribe",
        __name__,
        url_prefix="/unsubscribe",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    pages = _Pages(lists or {}, layout or _OWN_LAYOUT)
    made.add_url_rule("/<token>", "page", pages.show, methods=["GET", "POST"])

    @made.url_value_preprocessor
    def leave_alone(_endpoint: str | None, _values: object) -> None:
        # This runs before the check, in whatever order the two were registered.
        protect = current_app.extensions.get("csrf")
        if protect is not None and hasattr(protect, "exempt"):
            protect.exempt(made)

    @made.after_request
    def add_headers(response: Response) -> Response:
        if request.endpoint != f"{request.blueprint}.static":
            response.headers.update(_HEADERS)
            if layout is None:
                response.headers.setdefault("Content-Security-Policy", _OWN_POLICY)
        return response

    return made


@dataclass(frozen=True)
class _Choice:
    """A list as the page shows it; `ended` says that no mail of it comes, or is empty.

    What is only paused comes back by itself, unless its reader ends it (`can_be_ended`).
    """

    name: str
    label: str
    ended: str
    can_be_ended: bool


@dataclass(frozen=True)
class _Pages:
    lists: Mapping[str, object]
    layout: str
    logged: dict[str, float] = field(default_factory=dict)

    def show(self, token: str) -> Response:
        links = current_outbox().delivery.unsubscribe_links
        found = links.read(token) if links is not None else None
        try:
            return self._answer(found)
        except Exception as error:
            if not is_outage(error):
                raise
            words = _("This can't be done just now. Please try again in a few minutes.")
            return _plain(words, 503, {"Retry-After": str(RETRY_SECONDS)})

    def _answer(self, found: Subscription | None) -> Response:
        form = _read_form() if request.method == "POST" else None
        if found is None:
            if form is not None:
                self._log_unknown()
            return self._page("bad_link") if form is None or "page" in form else _done()
        if form is None:
            return self._preferences(found, "")
        ended, wanted = form.get("unsubscribe"), form.get("resubscribe")
        if wanted is not None and self._is_known(wanted, found):
            _resubscribe(found.address_key, wanted)
            return self._preferences(found, _("You'll get these emails again."))
        is_named = ended is not None and (ended == ALL_LISTS or self._is_known(ended, found))
        _unsubscribe(found.address_key, ended if is_named and ended is not None else found.list)
        if "page" not in form:
            return _done()
        return self._preferences(found, _("Done. You won't get these emails any more."))

    def _log_unknown(self) -> None:
        """Log it, but for what anybody can post, once a minute."""
        now = time.monotonic()
        if now - self.logged.get("unknown", -math.inf) >= LOGGED_SECONDS:
            self.logged["unknown"] = now
            logger.info("A link for unsubscribing was used that none of our keys signed.")

    def _is_known(self, name: str, found: Subscription) -> bool:
        return name == found.list or name in current_outbox().lists

    def _preferences(self, found: Subscription, notice: str) -> Response:
        outbox = current_outbox()
        with outbox.sessions() as reading:
            outs = {
                one.list: one for one in opt_outs_of(reading, found.address_key, now=outbox.clock())
            }
        names = [found.list, *(one for one in outbox.lists if one != found.list)]
        choices = [self._choice(name, outs) for name in names]
        return self._page(
            "preferences",
            address=found.address_key,
            first=choices[0],
            others=choices[1:],
            any_can_be_ended=any(one.can_be_ended for one in choices),
            notice=notice,
        )

    def _choice(self, name: str, outs: Mapping[str, OptOut]) -> _Choice:
        """The list with this name, given what its reader gets no mail of."""
        label = str(self.lists.get(name, name))
        theirs = [outs[one] for one in (name, ALL_LISTS) if one in outs]
        if any(one.until is None for one in theirs):
            return _Choice(name, label, _("Unsubscribed"), can_be_ended=False)
        return _Choice(name, label, _("Paused") if theirs else "", can_be_ended=True)

    def _page(self, template: str, **context: Any) -> Response:
        title = _("Unsubscribe") if template == "preferences" else _("This link isn't complete")
        made = render_template(f"{_FOLDER}/{template}.html", title=title, _=_, **context)
        content = Markup(made)  # noqa: S704 - Jinja escaped what is in it
        page = render_template(
            f"{_FOLDER}/page.html",
            outbox_layout=self.layout,
            outbox_title=title,
            outbox_content=content,
            outbox_language=page_language(),
            title=title,
        )
        if content not in page:
            raise RuntimeError(f"The layout {self.layout!r} has no block named 'content'.")
        return Response(page, mimetype="text/html")


def _read_form() -> MultiDict[str, str]:
    """The form that was posted; empty if it is none of ours, and it need not be read then."""
    length = request.content_length
    if length is None or length > FORM_MAXIMUM_BYTES:
        return MultiDict()
    try:
        return request.form
    except HTTPException:
        # An application may refuse what cannot be parsed.
        return MultiDict()


def _unsubscribe(address_key: str, name: str) -> None:
    outbox = current_outbox()
    with outbox.sessions() as writing:
        # SQLite's writers wait for each other only if they begin as such.
        writing.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        is_new = opt_out(writing, address_key, name, now=outbox.clock())
        writing.commit()
    if is_new:
        announce(unsubscribed, outbox.signal_sender, SubscriptionEvent(address_key, name))


def _resubscribe(address_key: str, name: str) -> None:
    outbox = current_outbox()
    with outbox.sessions() as writing:
        writing.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        is_new = opt_in(writing, address_key, name, lists=outbox.lists)
        writing.commit()
    if is_new:
        announce(resubscribed, outbox.signal_sender, SubscriptionEvent(address_key, name))


def _done() -> Response:
    """The answer to a mail program, which nobody sees."""
    return _plain(_("You are unsubscribed."), 200, {})


def _plain(words: str, status: int, headers: dict[str, str]) -> Response:
    return Response(f"{words}\n", status, headers, mimetype="text/plain")
