"""The e-mails about accounts: one function each, which returns a value and sends nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import force_locale
from sqlalchemy.orm import Session

from flask_outbox import (
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    Priority,
    address_key,
    email_from_templates,
)
from flask_outbox.outbox.email_types import DAY, FAST_RETRY, HOUR
from microblog.accounts.actions.password_reset import (
    CHANGED_KIND,
    RESET_KIND,
    STARTED_KIND,
    Reason,
    reset_link,
    reset_token,
)
from microblog.accounts.actions.refused_mail import WORKS_KIND
from microblog.accounts.audit.notices import NEW_BROWSER_KIND, compose_notice
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_account
from microblog.accounts.keys import token_keys
from microblog.accounts.lookup import find_by_email
from microblog.accounts.models import User
from microblog.web.links import public_link


def register_email_types(outbox: Outbox, *, sender: Address) -> None:
    """Make the e-mails of accounts known; `sender` is their author."""
    outbox.register(
        EmailType(
            RESET_KIND,
            reset_password,
            sender=sender,
            lane=Priority.PROMPT,
            delays=FAST_RETRY,
            # Greylisting and short outages pass within hours; later nobody waits for it any more.
            lifetime=4 * HOUR,
            guarded=True,
            way_back=True,
            kept=("browser", "address"),
            sample=_sample,
        )
    )
    outbox.register(
        EmailType(
            STARTED_KIND,
            reset_started,
            sender=sender,
            lane=Priority.PROMPT,
            delays=FAST_RETRY,
            lifetime=DAY,
            sample=_sample,
        )
    )
    for kind, compose in NOTICES.items():
        outbox.register(
            EmailType(
                kind,
                compose,
                sender=sender,
                lane=Priority.PROMPT,
                delays=FAST_RETRY,
                lifetime=7 * DAY,
                sample=_sample,
            )
        )


def reset_password(session: Session, intent: ComposeContext) -> Email | Discard:
    """The link with which a forgotten password is replaced, to the account's stored address.

    Where an account can still get the address back, its reader is told that, and gets the link for
    it: whoever took the account over may have made another one with the address.
    """
    instead = reserved_address_email(session, intent, find_by_email(session, intent.recipient))
    if instead is not None:
        return instead
    found = reset_link(
        session, token_keys(), intent.recipient, now=_moment(intent), lifetime=_link_lifetime()
    )
    if found is None:
        return Discard(_why_no_link(session, intent.recipient))
    user, token = found
    return _reset_mail("accounts/emails/password_reset", intent, user, token)


def reset_started(session: Session, intent: ComposeContext) -> Email | Discard:
    """The link for a new password that somebody entitled had mailed to the owner."""
    user = session.get(User, intent.arguments["user_id"])
    if user is None:
        return Discard("The account was deleted.")
    if user.disabled_at is not None:
        return Discard("The account is disabled.")
    if user.email_key != address_key(intent.recipient):
        return Discard("The account has another address by now.")
    if user.email_verified_at is None and reserved_address_email(session, intent, user):
        return Discard("Another account may still get the address back.")
    token = reset_token(token_keys(), user, now=_moment(intent), lifetime=_link_lifetime())
    return _reset_mail(
        "accounts/emails/password_reset_started",
        intent,
        user,
        token,
        reason=intent.arguments["reason"],
        request_link=public_link("accounts.reset_password_request"),
    )


def password_changed(session: Session, intent: ComposeContext) -> Email | Discard:
    """The notice that a password was changed (NIST SP 800-63B-4; ASVS 5.0, 6.3.7)."""
    return compose_notice(session, intent, "accounts/emails/password_changed")


def new_browser(session: Session, intent: ComposeContext) -> Email | Discard:
    """The notice that somebody logged in from a browser not seen before (ASVS 5.0, 6.3.5)."""
    return compose_notice(session, intent, "accounts/emails/new_browser")


def address_works(session: Session, intent: ComposeContext) -> Email | Discard:
    """The first mail to an address that was refused before, as its owner asked."""
    user = session.get(User, intent.arguments["user_id"])
    if user is None:
        return Discard("The account was deleted.")
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/address_works", to=intent.recipient, username=user.username
        )


NOTICES = {
    CHANGED_KIND: password_changed,
    NEW_BROWSER_KIND: new_browser,
    WORKS_KIND: address_works,
}


def _reset_mail(
    template: str, intent: ComposeContext, user: User, token: str, **texts: Any
) -> Email:
    with force_locale(intent.locale):
        return email_from_templates(
            template,
            to=user.email,
            username=user.username,
            link=public_link("accounts.reset_password", token=token),
            minutes=current_app.config["RESET_LINK_SECONDS"] // 60,
            **texts,
        )


def _why_no_link(session: Session, address: str) -> str:
    if find_by_email(session, address) is None:
        return "No account has this address."
    return "The account is disabled."


def _link_lifetime() -> timedelta:
    return timedelta(seconds=current_app.config["RESET_LINK_SECONDS"])


def _sample(session: Session, language: str) -> ComposeContext:
    user = sample_account(session)
    about = {
        "user_id": user.id,
        "at": SAMPLE_MOMENT.timestamp(),
        "browser": "Firefox on Linux",
        "address": "203.0.113.0/24",
        "reason": Reason.REPORTED.value,
    }
    return ComposeContext(user.email, language, about, time.time(), attempt=1)


def _moment(intent: ComposeContext) -> datetime:
    return datetime.fromtimestamp(intent.now, UTC)
