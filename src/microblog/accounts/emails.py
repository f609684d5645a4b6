"""The e-mails about accounts: one function each, which returns a value and sends nothing."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta

from flask import current_app
from flask_babel import force_locale
from sqlalchemy.orm import Session

from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.recovery import CHANGED_KIND, RESET_KIND, reset_link
from microblog.accounts.registration import register
from microblog.mail import Discard, Email, Intent, Kind, Lane, Outbox, email_from_templates
from microblog.mail.kinds import DAY, HOUR, PROMPT
from microblog.web.links import public_link


def register_kinds(outbox: Outbox, *, admin: str) -> None:
    """Make the e-mails of accounts known; `admin` is their sender."""
    outbox.register(
        Kind(
            RESET_KIND,
            reset_password,
            sender=admin,
            lane=Lane.PROMPT,
            delays=PROMPT,
            # Greylisting and short outages pass within hours; later nobody waits for it any more.
            lifetime=4 * HOUR,
            guarded=True,
            sample=_sample,
        )
    )
    outbox.register(
        Kind(
            CHANGED_KIND,
            password_changed,
            sender=admin,
            lane=Lane.PROMPT,
            lifetime=7 * DAY,
            sample=_sample,
        )
    )


def reset_password(session: Session, intent: Intent) -> Email | Discard:
    """The link with which a forgotten password is replaced, to the account's stored address."""
    found = reset_link(
        session,
        token_keys(),
        intent.recipient,
        now=_moment(intent),
        lifetime=timedelta(seconds=current_app.config["RESET_LINK_SECONDS"]),
    )
    if found is None:
        return Discard("No account has this address.")
    user, token = found
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/reset_password",
            to=user.email,
            username=user.username,
            link=public_link("accounts.reset_password", token=token),
            minutes=current_app.config["RESET_LINK_SECONDS"] // 60,
        )


def password_changed(session: Session, intent: Intent) -> Email | Discard:
    """The notice that a password was changed (NIST SP 800-63B-4; ASVS 5.0, 6.3.7)."""
    user = session.get(User, intent.arguments["user_id"])
    if user is None:
        return Discard("The account was deleted.")
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/password_changed",
            to=intent.recipient,
            username=user.username,
            link=public_link("accounts.reset_password_request"),
        )


def _sample(session: Session, language: str) -> Intent:
    name = f"preview-{secrets.token_hex(4)}"
    user = register(session, username=name, email=f"{name}@example.com", password_hash="-")  # noqa: S106
    return Intent(user.email, language, {"user_id": user.id}, time.time(), attempt=1)


def _moment(intent: Intent) -> datetime:
    return datetime.fromtimestamp(intent.now, UTC)
