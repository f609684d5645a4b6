"""The blueprint that takes the webhooks of providers: verified, stored, committed, and answered.

What they say is read later (`feedback.providers`). Anybody can post here, so whatever is not
believed costs as little as possible, and a line in the log a minute.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, request
from sqlalchemy import exists, select
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from flask_outbox.application import current_outbox
from flask_outbox.database_errors import is_outage, reason
from flask_outbox.feedback.intake import fitting_event_id, store
from flask_outbox.feedback.providers import mailgun, postmark, ses
from flask_outbox.feedback.providers.sns import Certificates, fetch_over_https
from flask_outbox.feedback.webhooks import NotAuthenticError, UnavailableError, Webhook
from flask_outbox.outage import Outage
from flask_outbox.outbox.models import MailEvent
from flask_outbox.webhook_settings import WebhookSecrets, webhook_secrets

MAXIMUM_BYTES = {"ses": 600_000, "postmark": 1_000_000, "mailgun": 100_000}
"""Amazon's messages have at most 256 KB, and as JSON within JSON twice as many. Those of Postmark
may have what a server returned, and are read only with the password. Mailgun's have a few thousand,
and must be parsed before anything proves them."""

_PART_BYTES = 64 * 1024

REFUSALS_LOGGED_SECONDS = 60.0

RETRY_SECONDS = 60

_LOGIN = {"WWW-Authenticate": 'Basic realm="webhooks", charset="UTF-8"'}

logger = logging.getLogger("flask_outbox.webhooks")


def webhooks_blueprint() -> Blueprint:
    """Endpoints for the webhooks of providers, at /mail-events or another address of your choice:

        app.register_blueprint(public_pages.webhooks_blueprint(), url_prefix="/mail-events")

    `/mail-events/ses` takes those of Amazon SES over SNS, `/mail-events/postmark` and
    `/mail-events/mailgun` those of Postmark and Mailgun. Each is closed (404) until its setting is
    there: MAIL_WEBHOOK_SES_TOPICS, MAIL_WEBHOOK_POSTMARK_LOGIN, MAIL_WEBHOOK_MAILGUN_KEY.

    Flask-WTF's CSRFProtect lets them pass: providers prove themselves otherwise.
    """
    made = Blueprint("outbox_webhooks", __name__, url_prefix="/mail-events")
    made.add_url_rule(
        "/<provider>",
        "take",
        _Webhooks().take,
        methods=["POST"],
        provide_automatic_options=False,
    )
    # Before CSRFProtect looks, in whatever order the application adds the two.
    made.url_value_preprocessor(_exempt_from_csrf)
    return made


class _Webhooks:
    """Takes webhooks in one process."""

    def __init__(self) -> None:
        self._certificates = Certificates(fetch_over_https, time.monotonic)
        self._logged: dict[str, float] = {}
        self._outage = Outage(
            logger, "Webhooks cannot be stored: %s", "Webhooks can be stored again."
        )
        self._authenticate: dict[str, Callable[[WebhookSecrets, float], Webhook | None]] = {
            "ses": self._ses,
            "postmark": self._postmark,
            "mailgun": self._mailgun,
        }

    def take(self, provider: str) -> Response:
        secrets = webhook_secrets(current_app.config)
        if not secrets.has(provider):
            return _answer(404)
        now = current_outbox().clock()
        try:
            webhook = self._authenticate[provider](secrets, now)
        except _TooLargeError:
            most = f"{MAXIMUM_BYTES[provider]:,} bytes"
            self._log_refusal(provider, f"it has more than {most}, or than MAX_CONTENT_LENGTH")
            return _answer(413)
        except NotAuthenticError as error:
            self._log_refusal(provider, str(error))
            # Postmark never comes again after 403, nor Mailgun after 406.
            return _answer(401, _LOGIN) if provider == "postmark" else _answer(403)
        except UnavailableError as error:
            self._log_refusal(provider, str(error))
            return _answer(503, {"Retry-After": str(RETRY_SECONDS)})
        return _answer(200) if webhook is None else self._stored(provider, webhook, now)

    def _ses(self, secrets: WebhookSecrets, now: float) -> Webhook | None:
        return ses.authenticate(
            _body("ses"), secrets.ses_topics, now=now, certificates=self._certificates
        )

    def _postmark(self, secrets: WebhookSecrets, _now: float) -> Webhook:
        login = secrets.postmark_login or ""
        authorization = request.headers.get("Authorization", "")
        # Before the body is read.
        postmark.check(authorization, login)
        return postmark.authenticate(_body("postmark"), authorization, login)

    def _mailgun(self, secrets: WebhookSecrets, now: float) -> Webhook:
        return mailgun.authenticate(_body("mailgun"), secrets.mailgun_key or "", now=now)

    def _stored(self, provider: str, webhook: Webhook, now: float) -> Response:
        try:
            _store(provider, webhook, now)
        except DBAPIError as error:
            if not is_outage(error):
                raise
            self._outage.began(reason(error))
            return _answer(503, {"Retry-After": str(RETRY_SECONDS)})
        self._outage.ended()
        return _answer(200)

    def _log_refusal(self, provider: str, why: str) -> None:
        """Log it, unless another of this provider was logged within the minute."""
        moment = time.monotonic()
        if moment >= self._logged.get(provider, 0.0):
            self._logged[provider] = moment + REFUSALS_LOGGED_SECONDS
            logger.warning("A webhook for %s was not taken: %s.", provider, why)


class _TooLargeError(Exception):
    """A body has more than its provider's MAXIMUM_BYTES, or than the application takes at all."""


def _body(provider: str) -> bytes:
    """The body of the request. Raises _TooLargeError, and NotAuthenticError if it breaks off."""
    maximum = MAXIMUM_BYTES[provider]
    if (request.content_length or 0) > maximum:
        raise _TooLargeError
    body = bytearray()
    # A server may give less than it is asked for, and the rest later.
    try:
        while len(body) <= maximum and (part := request.stream.read(_PART_BYTES)):
            body += part
    except RequestEntityTooLarge:
        raise _TooLargeError from None
    except (OSError, ClientDisconnected):
        # Anybody can say that a body is chunked, and send something else.
        raise NotAuthenticError("its body breaks off") from None
    if len(body) > maximum:
        raise _TooLargeError
    return bytes(body)


def _store(provider: str, webhook: Webhook, now: float) -> None:
    """Store and commit it, unless it came before."""
    event_id = fitting_event_id(webhook.event_id)
    with current_outbox().sessions() as writing:
        # SQLite's writers wait for each other only if they begin as such.
        writing.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        store(
            writing,
            source=provider,
            event_id=event_id,
            content=webhook.content,
            now=now,
            due_at=webhook.due_at,
        )
        # Looked for last: meanwhile the same one may have been worked off.
        came_before = exists().where(MailEvent.source == provider, MailEvent.event_id == event_id)
        if writing.scalar(select(came_before)):
            writing.rollback()
        else:
            writing.commit()


def _exempt_from_csrf(_endpoint: str | None, _values: Any) -> None:
    protection = current_app.extensions.get("csrf")
    blueprint = current_app.blueprints.get(request.blueprint or "")
    if protection is not None and blueprint is not None:
        protection.exempt(blueprint)


def _answer(status: int, headers: dict[str, str] | None = None) -> Response:
    """An answer without words: nobody reads it, and error pages take time to draw."""
    return Response(status=status, headers=headers, mimetype="text/plain")
