"""Mails ADMINS when mail has waited too long or a disk is nearly full, and when that is over.

Whoever delivers looks every few minutes. Each trouble is reported once, and at most once a day;
whether it was is read from the outbox. A mail says what is true when it leaves: if the trouble is
over by then, it is discarded.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from flask import current_app
from flask_babel import format_decimal
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import (
    FAST_RETRY,
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    Priority,
    current_outbox,
    email_from_templates,
    parse_address,
)
from flask_outbox.operations import (
    MessageOutcome,
    OwnershipPeriod,
    is_stuck,
    message_outcomes,
    overview,
)
from microblog.web.links import public_link
from microblog.web.readiness import data_folders, is_nearly_full
from microblog.web.supported_languages import gettext_noop

LOOK_EVERY = timedelta(minutes=5)

LATE_SECONDS = 900.0
"""Probes say after half a minute that mail does not leave. Many a mail server is away for minutes,
and nobody has to do anything about that."""

QUIET = timedelta(days=1)
"""The least time between two mails about the same trouble, as where it comes and goes."""

REMEMBERED = timedelta(days=28)
"""How far back a trouble is looked for in the outbox, which keeps finished mail for a month."""

EXPIRES_AFTER = timedelta(days=7)

MAIL_WAITS, MAIL_LEAVES = "web.mail_waits", "web.mail_leaves"
DISK_FULL, DISK_HAS_ROOM = "web.disk_full", "web.disk_has_room"

MESSAGES, EXPIRED = "admin.outbox.messages", "expired"
"""The administrators' page about mail, and the status of what waited for too long."""

SENT_AT_ONCE = 20
"""How many of the last mails are looked at: those about the disks of several machines follow each
other."""


@dataclass(frozen=True)
class Trouble:
    """A trouble that is reported: the types of the mails about its beginning and its end.

    `find` looks whether it is there, and returns what there is to say of it, or None. A trouble of
    one machine has the machine's name.
    """

    began: str
    over: str
    host: str
    find: Callable[[Session, float], dict[str, Any] | None]


def register(outbox: Outbox, *, sender: Address) -> None:
    """Register the email types with this outbox, and what looks for trouble."""
    for email_type in _email_types(sender):
        outbox.register(email_type)
    outbox.register_periodic_task("web.trouble", report, every=LOOK_EVERY)


def report(session: Session, now: float) -> bool:
    """Enqueue the mails to ADMINS that are due about any trouble; nothing is left to do then."""
    for trouble in _troubles():
        found = trouble.find(session, now)
        for admin in current_app.config["ADMINS"]:
            _report_to(session, admin, trouble, found, now=now)
    return False


def _report_to(
    session: Session, admin: str, trouble: Trouble, found: dict[str, Any] | None, *, now: float
) -> None:
    sent = _reports(session, admin, trouble, now=now)
    last = sent[0] if sent else None
    is_known = last is not None and last.kind == trouble.began
    if found is not None and not is_known:
        recent = now - QUIET.total_seconds()
        if any(one.kind == trouble.began and one.asked_at > recent for one in sent):
            return
        kind, arguments = trouble.began, found
    elif found is None and is_known and last is not None and last.ended_at is not None:
        kind = trouble.over
        arguments = {"since": last.arguments.get("since", last.asked_at), "until": now}
    else:
        return
    # Of two processes that look at the same moment, one enqueues it.
    key = f"{kind} {trouble.host} {admin} after {last.number if last else 0}"
    arguments |= {"host": trouble.host}
    current_outbox().enqueue(session, kind, admin, arguments=arguments, key=key)


def _reports(session: Session, admin: str, trouble: Trouble, *, now: float) -> list[MessageOutcome]:
    """What this administrator was told about the trouble, newest first."""
    period = OwnershipPeriod(parse_address(admin).key, now - REMEMBERED.total_seconds())
    found = [
        one
        for kind in (trouble.began, trouble.over)
        for one in message_outcomes(session, [period], kinds=kind, count=SENT_AT_ONCE)
        if one.arguments.get("host") == trouble.host
    ]
    return sorted(found, key=lambda one: one.number, reverse=True)


def _troubles() -> list[Trouble]:
    return [
        Trouble(MAIL_WAITS, MAIL_LEAVES, "", find_late_mail),
        Trouble(DISK_FULL, DISK_HAS_ROOM, socket.gethostname(), find_full_disk),
    ]


def find_late_mail(session: Session, now: float) -> dict[str, Any] | None:
    """Since when mail waits and what the mail server says, if none has left for too long.

    Mails about that do not count.
    """
    if not is_stuck(session, now=now, seconds=LATE_SECONDS, apart_from=MAIL_WAITS):
        return None
    found = overview(session, now=now)
    oldest = now - max(seconds for _messages, seconds in found.waiting.values())
    if found.trouble is None:
        return {"since": oldest, "answer": ""}
    return {"since": found.trouble.since, "answer": found.trouble.answer}


def find_full_disk(_session: Session, now: float) -> dict[str, Any] | None:
    """Which of this machine's disks is nearly full, and how full it is."""
    full = sorted(filter(is_nearly_full, data_folders()))
    return {"since": now, **_room(full[0])} if full else None


def _room(folder: Path) -> dict[str, Any]:
    usage = shutil.disk_usage(folder)
    return {"folder": str(folder), "free": usage.free, "total": usage.total}


# The mails


def _mail_waits(session: Session, context: ComposeContext) -> Email | Discard:
    found = find_late_mail(session, context.now)
    if found is None:
        return Discard(gettext_noop("Mail leaves again."))
    known = overview(session, now=context.now)
    return _email(
        "mail_waits",
        context,
        link=public_link(MESSAGES),
        since=min(found["since"], context.arguments["since"]),
        answer=found["answer"] or context.arguments.get("answer", ""),
        # This one leaves.
        count=max(sum(messages for messages, _ in known.waiting.values()) - 1, 1),
    )


def _mail_leaves(_session: Session, context: ComposeContext) -> Email | Discard:
    return _email("mail_leaves", context, link=public_link(MESSAGES, status=EXPIRED))


def _disk_full(session: Session, context: ComposeContext) -> Email | Discard:
    room = dict(context.arguments)
    # Any machine may send the mail about another's disk.
    if room["host"] == socket.gethostname():
        found = find_full_disk(session, context.now)
        if found is None:
            return Discard(gettext_noop("The disk has room again."))
        room |= found
    return _email("disk_full", context, **{**room, "since": context.arguments["since"]})


def _disk_has_room(_session: Session, context: ComposeContext) -> Email | Discard:
    return _email("disk_has_room", context)


def _email(name: str, context: ComposeContext, **more: Any) -> Email:
    variables: dict[str, Any] = {**context.arguments, **more}
    for moment in ("since", "until"):
        if moment in variables:
            variables[moment] = datetime.fromtimestamp(variables[moment], UTC)
    for size in ("free", "total"):
        if size in variables:
            variables[size] = format_decimal(round(variables[size] / 1e9, 1))
    return email_from_templates(f"web/emails/{name}", variables, to=context.recipient)


def _email_types(sender: Address) -> Iterator[EmailType]:
    for kind, compose, label in (
        (MAIL_WAITS, _mail_waits, _l("Mail is waiting")),
        (MAIL_LEAVES, _mail_leaves, _l("Mail leaves again")),
        (DISK_FULL, _disk_full, _l("A disk is nearly full")),
        (DISK_HAS_ROOM, _disk_has_room, _l("A disk has room again")),
    ):
        yield EmailType(
            kind,
            compose,
            sender=sender,
            # It must leave even where much other mail waits.
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=EXPIRES_AFTER,
            kept=("host", "since"),
            sample=partial(_sample, kind),
            label=label,
        )


_SAMPLE: Mapping[str, Any] = {
    "host": "web1",
    "since": 1_767_268_800.0,
    "until": 1_767_276_000.0,
    "answer": "connect: Connection refused",
    "folder": "/srv/microblog/instance",
    "free": 400_000_000,
    "total": 50_000_000_000,
}


def _sample(kind: str, session: Session, language: str) -> ComposeContext:
    admin, now = "admin@example.com", time.time()
    if kind == MAIL_WAITS:
        # In two hours this will have been due for two hours.
        current_outbox().enqueue(session, MAIL_LEAVES, admin, arguments=_SAMPLE)
        now += 7200
    return ComposeContext(parse_address(admin), language, _SAMPLE, now, attempt=1)
