"""Pages about the outbox: search, one message, retry and cancel, suppressed addresses. HTTP only.

The text of a message is never shown: it is composed only when it is sent, and a pre-rendered one
may be private.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from flask_outbox import current_outbox
from flask_outbox.operations import backlog, counts, messages
from flask_outbox.operations.messages import NotPossibleError, Search
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.email_types import MINUTE, Priority
from flask_outbox.outbox.models import WAITING, OutboxMessage, Status
from microblog.accounts.pages.forms import EmptyForm
from microblog.admin.blueprint import blueprint, log_action
from microblog.admin.chart import draw
from microblog.admin.forms import AddressSearch, MessageSearch
from microblog.admin.labels import why_not
from microblog.database import db, transaction
from microblog.web.ratelimits import limit_posts

PAGE_SIZE = 50
HOURS = 48

SUSPICIOUS_SECONDS = MINUTE
"""If urgent mail has waited for so long untried, perhaps no dispatcher is running."""

_CURSOR = re.compile(r"(\d{1,11}(?:\.\d{1,9})?)-(\d{1,18})", re.ASCII)


@blueprint.get("/")
def first() -> Response:
    return redirect(url_for("admin.messages"))


@blueprint.get("/mail", endpoint="messages")
def list_messages() -> str:
    """Show the statistics and the newest messages, or the result of a search."""
    form = MessageSearch(_kinds())
    typed = form.typed()
    before = _cursor()
    shown: dict[str, Any] = {} if typed or before else _overview()
    if form.validate():
        wanted = Search(
            address=form.address.data or None,
            status=form.status.data or None,
            kind=form.kind.data or None,
            since=form.since.unix_time,
            until=form.until.unix_time,
            before=before,
        )
        found = messages.search(db.session, wanted, count=PAGE_SIZE + 1)
        shown |= {"found": found[:PAGE_SIZE], "older": _older(found, typed)}
    return render_template("admin/messages.html", form=form, is_search=bool(typed), **shown)


@blueprint.get("/mail/<int:message_id>")
def message(message_id: int) -> str:
    found = _find(message_id)
    waits = found.status in WAITING
    return render_template(
        "admin/message.html",
        message=found,
        suppression=suppressions.suppression(db.session, found.recipient_key),
        can_retry=found.status in messages.RETRYABLE and not found.reduced,
        can_cancel=waits,
        is_being_sent=messages.is_being_sent(found),
    )


@blueprint.route("/mail/<int:message_id>/retry", methods=["GET", "POST"])
@limit_posts
def retry(message_id: int) -> str | Response:
    found = _find(message_id)
    form = EmptyForm()
    try:
        if not form.validate_on_submit():
            messages.retryable(db.session, message_id)
            return render_template("admin/retry.html", message=found, form=form)
        with transaction() as writing:
            messages.retry(writing, message_id, now=time.time())
    except NotPossibleError as error:
        flash(why_not(error), "error")
    else:
        current_outbox().wakeup.wake([message_id])
        log_action(f"queued message {message_id} ({found.kind}) again")
        flash(_("The message is queued again."), "success")
    return redirect(url_for("admin.message", message_id=message_id))


@blueprint.route("/mail/<int:message_id>/cancel", methods=["GET", "POST"])
@limit_posts
def cancel(message_id: int) -> str | Response:
    found = _find(message_id)
    form = EmptyForm()
    try:
        if not form.validate_on_submit():
            messages.cancellable(db.session, message_id)
            return render_template("admin/cancel.html", message=found, form=form)
        with transaction() as writing:
            messages.cancel(writing, message_id, now=time.time())
    except NotPossibleError as error:
        flash(why_not(error), "error")
    else:
        log_action(f"cancelled message {message_id} ({found.kind})")
        flash(_("The message is cancelled."), "success")
    return redirect(url_for("admin.message", message_id=message_id))


@blueprint.get("/mail/suppressed")
def suppressed() -> str:
    form = AddressSearch()
    shown: dict[str, Any] = {}
    if form.validate():
        found = suppressions.search_suppressions(
            db.session,
            form.address.data or "",
            after=_argument("after"),
            count=PAGE_SIZE + 1,
        )
        shown["found"] = found[:PAGE_SIZE]
        if len(found) > PAGE_SIZE:
            after = found[PAGE_SIZE - 1].address_key
            shown["more"] = url_for("admin.suppressed", **form.typed(), after=after)
    return render_template("admin/suppressed.html", form=form, **shown)


@blueprint.route("/mail/suppressed/lift", methods=["GET", "POST"])
@limit_posts
def lift() -> str | Response:
    form = EmptyForm()
    key = request.form.get("address") or _argument("address")
    found = suppressions.suppression(db.session, key)
    if found is None:
        flash(_("This address is not suppressed."), "info")
        return redirect(url_for("admin.suppressed"))
    if not form.validate_on_submit():
        return render_template("admin/lift.html", suppression=found, form=form)
    with transaction() as writing:
        suppressions.lift_suppression(writing, key)
    log_action(f"allowed mail to {key} again")
    flash(_("Mail is sent to %(address)s again.", address=key), "success")
    return redirect(url_for("admin.suppressed"))


def _find(message_id: int) -> OutboxMessage:
    return messages.find(db.session, message_id) or abort(404)


def _kinds() -> list[str]:
    """The email types that the site sends, and former ones that the counts still hold."""
    return sorted({*current_outbox().email_types, *counts.kinds(db.session)})


def _overview() -> dict[str, Any]:
    now = time.time()
    statistics = backlog.statistics(db.session, now=now)
    hours = counts.by_hour(db.session, now=now, hours=HOURS)
    unattended = any(
        one.lane == Priority.HIGH
        and one.status == Status.QUEUED
        and one.seconds > SUSPICIOUS_SECONDS
        for one in statistics.waiting
    )
    return {
        "statistics": statistics,
        "hours": hours,
        "chart": draw(hours),
        "unattended": unattended,
        "trouble": backlog.server_trouble(db.session, now=now, seconds=SUSPICIOUS_SECONDS),
    }


def _argument(name: str) -> str:
    """An argument of the address, without NULs, which no database can hold."""
    return request.args.get(name, "").replace("\0", "")


def _cursor() -> tuple[float, int] | None:
    """Where the list begins; nonsense means the newest messages."""
    found = _CURSOR.fullmatch(request.args.get("before", ""))
    return (float(found[1]), int(found[2])) if found else None


def _older(found: Sequence[OutboxMessage], typed: dict[str, Any]) -> str | None:
    """The address of the next page, if there is one."""
    if len(found) <= PAGE_SIZE:
        return None
    last = found[PAGE_SIZE - 1]
    return url_for("admin.messages", **typed, before=f"{last.created_at!r}-{last.id}")
