"""The blueprint and its views: health, search, one message, retry, cancel, suppressed addresses.

The text of a message is never shown: it is composed only when it is sent, and a pre-rendered one
may be private.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from flask import Blueprint, Response, abort, redirect, request, session, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from flask_outbox.application import current_outbox
from flask_outbox.dashboard.chart import draw
from flask_outbox.dashboard.csrf import check_csrf
from flask_outbox.dashboard.forms import read_address, read_search, without_nul
from flask_outbox.dashboard.labels import kind_label, why_not
from flask_outbox.dashboard.rendering import OWN_LAYOUT, reader_zone, render_page
from flask_outbox.feedback.findings import without_secrets
from flask_outbox.message.addresses import AddressError, address_key
from flask_outbox.operations import backlog, counts, feedback, messages
from flask_outbox.operations.messages import NotPossibleError
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.email_types import DAY, MINUTE, Priority
from flask_outbox.outbox.models import WAITING, OutboxMessage, Status
from flask_outbox.outbox.suppressions import SuppressionSource
from flask_outbox.page_texts import gettext as _

PAGE_SIZE = 50
HOURS = 48

SUSPICIOUS_SECONDS = MINUTE
"""If urgent mail has waited for so long untried, perhaps no dispatcher is running."""

REASON_MAXIMUM = 500

_NOTICE = "_flask_outbox_notice"

_HEADERS = {
    # They show other people's data (OWASP ASVS 5.0, 14.3.2), and buttons (CWE-1021).
    "Cache-Control": "no-store",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_OWN_POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none';"
    " base-uri 'none'"
)

logger = logging.getLogger("flask_outbox.dashboard")


def blueprint(
    *,
    authorize: Callable[[], bool],
    layout: str | None = None,
    navigation: bool = True,
    log: Callable[[str], None] = logger.info,
) -> Blueprint:
    """Pages about the application's outbox, to be registered under an address of your choice:

        app.register_blueprint(dashboard.blueprint(authorize=may_see_mail), url_prefix="/mail")

    - `authorize` is called before each page, and returns whether the present visitor may see it.
      Everybody else gets 404, unless it answers itself, as with `abort(403)` or
      `abort(redirect(url_for("login")))`.
    - `layout` is a template of the application, whose blocks `title` and `content` are filled; it
      also gets the variable `title`. Without one the pages have a plain layout of their own.
    - `navigation=False` leaves out the links between the list of messages and that of suppressed
      addresses, for a layout that has them: `url_for("outbox.messages")` and
      `url_for("outbox.suppressed")`.
    - `log` is told what somebody did, such as "cancelled message 7 (shop.news)", and can add who;
      by default that is logged to "flask_outbox.dashboard".

    Forms are protected from other sites by Flask-WTF's CSRFProtect where the application has it,
    and by tokens in Flask's session elsewhere, which needs a SECRET_KEY. With Flask-Babel, the
    pages are in the reader's language (English, Russian, traditional Chinese) and time zone.

    Raises TypeError if `authorize` cannot be called.
    """
    if not callable(authorize):
        raise TypeError("authorize must be a function that returns whether to show the pages.")
    made = Blueprint(
        "outbox",
        __name__,
        url_prefix="/outbox",
        template_folder="templates",
        static_folder="static",
        static_url_path="/static",
    )
    _protect(made, authorize, is_own_layout=layout is None)
    _Views(layout or OWN_LAYOUT, navigation, log).add_to(made)
    return made


def _protect(made: Blueprint, authorize: Callable[[], bool], *, is_own_layout: bool) -> None:
    @made.before_request
    def check() -> None:
        allowed = authorize()
        if not allowed:
            abort(404)
        if allowed is not True:
            # Such as a user, or a coroutine: that there is one is no permission.
            raise TypeError(f"authorize must return True or False, not {type(allowed).__name__}.")
        if request.method == "POST":
            check_csrf()

    @made.after_request
    def add_headers(response: Response) -> Response:
        if response.mimetype == "text/html":
            for name, value in _HEADERS.items():
                response.headers.setdefault(name, value)
            if is_own_layout:
                response.headers.setdefault("Content-Security-Policy", _OWN_POLICY)
        return response


@dataclass(frozen=True)
class _Views:
    layout: str
    navigation: bool
    log: Callable[[str], None]

    def add_to(self, made: Blueprint) -> None:
        both = ["GET", "POST"]
        made.add_url_rule("", "messages", self.list_messages, strict_slashes=False)
        made.add_url_rule("/<int:message_id>", "message", self.show_message)
        made.add_url_rule("/<int:message_id>/retry", "retry", self.retry, methods=both)
        made.add_url_rule("/<int:message_id>/cancel", "cancel", self.cancel, methods=both)
        made.add_url_rule("/suppressed", "suppressed", self.list_suppressed)
        made.add_url_rule("/suppressed/lift", "lift", self.lift, methods=both)
        made.add_url_rule("/suppressed/add", "suppress", self.suppress, methods=both)
        made.add_url_rule("/feedback", "feedback", self.show_feedback)
        made.add_url_rule("/feedback/<int:report_id>", "report", self.report, methods=both)

    def list_messages(self) -> str:
        """Show the health and the newest messages, or the result of a search."""
        with _reading() as reading:
            kinds = _kinds(reading)
            form = read_search(request.args, dict(kinds), reader_zone())
            shown: dict[str, Any] = {}
            if not form.typed and not form.before:
                shown = _overview(reading)
            if not form.errors:
                found = messages.search(reading, form.wanted(), count=PAGE_SIZE + 1)
                shown |= {"found": found[:PAGE_SIZE], "older": _older(found, form.typed)}
            shown |= {"form": form, "kinds": kinds, "has_error": bool(form.errors)}
            return self._page("messages", _("Mail"), **shown)

    def show_message(self, message_id: int) -> str:
        with _reading() as reading:
            found = messages.find(reading, message_id) or abort(404)
            return self._page(
                "message",
                _("Message %(number)d", number=message_id),
                message=found,
                suppression=suppressions.suppression(
                    reading, found.recipient_key, now=current_outbox().clock()
                ),
                can_retry=found.status in messages.RETRYABLE and not found.reduced,
                can_cancel=found.status in WAITING,
                is_being_sent=messages.is_being_sent(found),
                events=feedback.events_of(reading, message_id),
            )

    def retry(self, message_id: int) -> str | AnyResponse:
        def act(writing: Session) -> OutboxMessage:
            return messages.retry(writing, message_id, now=current_outbox().clock())

        return self._confirmed(
            message_id,
            act,
            check=partial(messages.retryable, now=current_outbox().clock()),
            template="retry",
            title=_("Send this message again?"),
            done=_("Message queued again."),
            logged="queued message {} ({}) again",
            afterwards=lambda: current_outbox().wakeup.wake([message_id]),
        )

    def cancel(self, message_id: int) -> str | AnyResponse:
        def act(writing: Session) -> OutboxMessage:
            return messages.cancel(writing, message_id, now=current_outbox().clock())

        return self._confirmed(
            message_id,
            act,
            check=messages.cancellable,
            template="cancel",
            title=_("Cancel this message?"),
            done=_("Message cancelled."),
            logged="cancelled message {} ({})",
        )

    def list_suppressed(self) -> str:
        form = read_address(request.args)
        after = without_nul(request.args.get("after", ""))
        shown: dict[str, Any] = {}
        with _reading() as reading:
            if not form.errors:
                part = form.typed.get("address", "")
                found = suppressions.search_suppressions(
                    reading, part, after=after, count=PAGE_SIZE + 1
                )
                shown["found"] = found[:PAGE_SIZE]
                if len(found) > PAGE_SIZE:
                    after = found[PAGE_SIZE - 1].address_key
                    shown["more"] = url_for(".suppressed", **form.typed, after=after)
            shown |= {"form": form, "has_error": bool(form.errors)}
            return self._page("suppressed", _("Suppressed addresses"), **shown)

    def lift(self) -> str | AnyResponse:
        key = without_nul(request.values.get("address", ""))
        with _reading() as reading:
            found = suppressions.suppression(reading, key)
            if found is not None and request.method != "POST":
                title = _("Allow this address?")
                return self._page("lift", title, suppression=found)
        if found is None or not _lift(key):
            _notify("info", _("This address isn't suppressed."))
        else:
            self.log(f"allowed mail to {key} again")
            _notify("success", _("Mail to %(address)s is allowed again.", address=key))
        return redirect(url_for(".suppressed"))

    def suppress(self) -> str | AnyResponse:
        typed = without_nul(request.values.get("address", "")).strip()
        reason = without_nul(request.form.get("reason", "")).strip()[:REASON_MAXIMUM]
        error = ""
        if request.method == "POST":
            try:
                key = address_key(typed)
            except AddressError:
                error = _("Enter an address like someone@example.com.")
            else:
                _suppress(key, reason or _("An administrator added it."))
                self.log(f"suppressed {key}")
                _notify("success", _("Nothing more is sent to %(address)s.", address=key))
                return redirect(url_for(".suppressed"))
        given = {"typed": typed, "reason": reason, "error": error, "has_error": bool(error)}
        return self._page("suppress", _("Suppress an address"), **given)

    def show_feedback(self) -> str:
        """Show rates by receiving domain, and what nobody understands."""
        with _reading() as reading:
            return self._page(
                "feedback",
                _("What came back"),
                rates=feedback.domain_rates(reading, now=current_outbox().clock())[:PAGE_SIZE],
                reports=feedback.not_understood(reading, count=PAGE_SIZE),
                days=round(feedback.WINDOW_SECONDS / DAY),
            )

    def report(self, report_id: int) -> str | AnyResponse:
        """Show a report that nobody understands; once the button is pressed, delete it."""
        if request.method == "POST":
            with _writing() as writing:
                was_there = feedback.discard_report(writing, report_id)
            if was_there:
                self.log(f"deleted report {report_id}")
                _notify("success", _("Report deleted."))
            return redirect(url_for(".feedback"))
        with _reading() as reading:
            found = feedback.find_report(reading, report_id) or abort(404)
            title = _("Report %(number)d", number=report_id)
            content = without_secrets(found.source, found.content)
            return self._page("report", title, report=found, content=content)

    def _confirmed(
        self,
        message_id: int,
        act: Callable[[Session], OutboxMessage],
        *,
        check: Callable[[Session, int], OutboxMessage],
        template: str,
        title: str,
        done: str,
        logged: str,
        afterwards: Callable[[], None] = lambda: None,
    ) -> str | AnyResponse:
        """Show the page that asks; once its button is pressed, act, log it, and say so."""
        with _reading() as reading:
            found = messages.find(reading, message_id) or abort(404)
            kind = found.kind
            try:
                if request.method != "POST":
                    check(reading, message_id)
                    return self._page(template, title, message=found)
                reading.rollback()
                with _writing() as writing:
                    act(writing)
            except NotPossibleError as error:
                _notify("error", why_not(error))
            else:
                afterwards()
                self.log(logged.format(message_id, kind))
                _notify("success", done)
        return redirect(url_for(".message", message_id=message_id))

    def _page(self, template: str, title: str, **context: Any) -> str:
        notice = session.pop(_NOTICE) if _NOTICE in session else None
        return render_page(
            template,
            title,
            layout=self.layout,
            navigation=self.navigation,
            notice=notice,
            **context,
        )


def _notify(category: str, text: str) -> None:
    """Say this on the next page. Not by `flash`, which not every layout shows."""
    session[_NOTICE] = [category, text]


@contextmanager
def _reading() -> Iterator[Session]:
    with current_outbox().sessions() as reading:
        yield reading


@contextmanager
def _writing() -> Iterator[Session]:
    with current_outbox().sessions() as writing:
        # SQLite's writers wait for each other only if they begin as such.
        writing.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        yield writing
        writing.commit()


def _suppress(key: str, reason: str) -> None:
    with _writing() as writing:
        suppressions.suppress(
            writing,
            [(key, reason)],
            now=current_outbox().clock(),
            source=SuppressionSource.OPERATOR,
        )


def _lift(key: str) -> bool:
    with _writing() as writing:
        return suppressions.lift_suppression(writing, key)


def _kinds(reading: Session) -> list[tuple[str, str]]:
    """The email types that can be chosen, sorted by label: today's, and what ended formerly."""
    names = {*current_outbox().email_types, *counts.kinds(reading)}
    return sorted(((name, kind_label(name)) for name in names), key=lambda one: one[1].lower())


def _overview(reading: Session) -> dict[str, Any]:
    now = current_outbox().clock()
    statistics = backlog.statistics(reading, now=now)
    waiting = statistics.waiting
    untried = [
        one.seconds for one in waiting if one.lane == Priority.HIGH and one.status == Status.QUEUED
    ]
    hours = counts.by_hour(reading, now=now, hours=HOURS)
    return {
        "statistics": statistics,
        "waiting": sum(one.messages for one in waiting),
        "oldest": max((one.seconds for one in waiting), default=0.0),
        "hours": hours,
        "chart": draw(hours),
        "unattended": max(untried, default=0.0) > SUSPICIOUS_SECONDS,
        "trouble": backlog.server_trouble(reading, now=now, seconds=SUSPICIOUS_SECONDS),
    }


def _older(found: Sequence[OutboxMessage], typed: dict[str, Any]) -> str | None:
    """The address of the next page, if there is one."""
    if len(found) <= PAGE_SIZE:
        return None
    last = found[PAGE_SIZE - 1]
    return url_for(".messages", **typed, before=f"{last.created_at!r}-{last.id}")
