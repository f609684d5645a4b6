"""Mails ADMINS when the site fails: once for each failure, and without secrets.

The same failure is mailed at most once in ten minutes, with the number of times it happened since.
An error while reporting is logged, and not reported itself.
"""

from __future__ import annotations

import hashlib
import logging
import re
import traceback
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from flask import Flask, current_app, got_request_exception, request
from flask_babel import lazy_gettext as _l
from sqlalchemy import String
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, Session, mapped_column

from flask_outbox import (
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    current_outbox,
    email_from_templates,
    parse_address,
)
from flask_outbox.database_errors import is_outage
from microblog.database import Model, transaction, utc_now
from microblog.web.request_ids import request_id

FAILURE_KIND = "web.failure"
QUIET = timedelta(minutes=10)
TRACEBACK_MAXIMUM = 20_000
"""Characters; the end of a traceback matters most."""

REMOVED = "[removed]"

logger = logging.getLogger(__name__)

# Tokens of mailed links, password hashes, and whatever a text labels as a password. Tokens are
# matched only at the beginning of words: matching from each letter would take quadratic time.
_SECRETS = re.compile(
    r"(?<![\w-])[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"
    r"|\$argon2\S+|(?i:(?<=password=)|(?<=token=))[^\s&'\"]+"
)
_SECRET_SETTINGS = ("SECRET_KEY", "SECRET_KEY_FALLBACKS", "MAIL_PASSWORD", "DATABASE_URL")


class Failure(Model):
    """One kind of failure, known by its fingerprint; `count` is since the last mail about it."""

    __tablename__ = "failures"

    fingerprint: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(default=0)
    mailed_at: Mapped[datetime]


def init_app(app: Flask) -> None:
    """Mail ADMINS about every unhandled exception."""
    got_request_exception.connect(_report, app)


def register_email_types(outbox: Outbox, *, sender: Address) -> None:
    outbox.register(
        EmailType(
            FAILURE_KIND,
            failure,
            sender=sender,
            expires_after=timedelta(days=1),
            sample=_sample,
            label=_l("Site failure"),
        )
    )


def failure(_session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the mail about one failure, to one of ADMINS."""
    return email_from_templates("web/emails/failure", context.arguments, to=context.recipient)


def report(exception: BaseException, *, now: datetime) -> bool:
    """Enqueue the mails about an exception of this request; return False if it is too soon."""
    route = request.url_rule.rule if request.url_rule else "an unknown address"
    with transaction() as writing:
        count = _due(writing, _fingerprint(exception, route), now=now)
        if not count:
            return False
        arguments = {
            "route": route,
            "method": request.method,
            "count": count,
            "error": type(exception).__name__,
            "when": now.isoformat(timespec="seconds"),
            "reference": request_id(),
            "trace": redacted("".join(traceback.format_exception(exception)), _known_secrets()),
        }
        for admin in current_app.config["ADMINS"]:
            current_outbox().enqueue(writing, FAILURE_KIND, admin, arguments=arguments)
    return True


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The end of a text, without these secrets and without anything that looks like one."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    return _SECRETS.sub(REMOVED, text)[-TRACEBACK_MAXIMUM:]


def _sample(_session: Session, language: str) -> ComposeContext:
    arguments = {
        "route": "/user/<username>",
        "method": "GET",
        "count": 2,
        "error": "LookupError",
        "when": "2026-01-01T12:00:00+00:00",
        "reference": "0123456789abcdef",
        "trace": "Traceback (most recent call last):\n  …\nLookupError: a sample",
    }
    return ComposeContext(parse_address("admin@example.com"), language, arguments, 0.0, attempt=1)


def _report(_app: Flask, exception: BaseException, **_extra: object) -> None:
    # Mail begins as a row of the database, which is not there.
    if not current_app.config["ADMINS"] or is_outage(exception):
        return
    try:
        report(exception, now=utc_now())
    except Exception:
        logger.exception("The failure above could not be mailed")


def _due(session: Session, fingerprint: str, *, now: datetime) -> int:
    """How often it happened since the last mail; 0 if that mail is too recent."""
    known = session.get(Failure, fingerprint)
    if known is None:
        session.add(Failure(fingerprint=fingerprint, count=0, mailed_at=now))
        try:
            session.flush()
        except IntegrityError:
            # Another process met the same failure at this moment, and reports it.
            session.rollback()
            return 0
        return 1
    known.count += 1
    if now - known.mailed_at < QUIET:
        return 0
    count, known.count, known.mailed_at = known.count, 0, now
    return count


def _fingerprint(exception: BaseException, route: str) -> str:
    frames = traceback.extract_tb(exception.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return hashlib.sha256(f"{type(exception)!r} {place} {route}".encode()).hexdigest()


def _known_secrets() -> Iterator[str]:
    """Everything in this request and in the settings that must not appear in a mail."""
    yield from (value for value in request.cookies.values() if len(value) > 3)
    yield from (str(value) for value in (request.view_args or {}).values() if len(str(value)) > 20)
    for name, value in request.form.items():
        if len(value) > 3 and re.search(r"password|token|secret", name):
            yield value
    for name in _SECRET_SETTINGS:
        value = current_app.config[name]
        yield from [value] if isinstance(value, str) else value or ()
