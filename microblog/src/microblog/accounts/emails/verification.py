"""The e-mails to addresses that somebody registered with: functions that send nothing."""

from __future__ import annotations

import dataclasses
import time
from datetime import UTC, datetime
from functools import partial

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
from flask_outbox.outbox.email_types import DAY, FAST_RETRY
from microblog.accounts.actions.verification import (
    LINK_LIFETIME,
    UNVERIFIED_KEPT,
    VERIFY_KIND,
    other_owner,
    verification_token,
)
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import sample_account
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.web.links import public_link

ALREADY_KIND = "accounts.already_registered"


def register_email_types(outbox: Outbox, *, sender: Address) -> None:
    """Make these e-mails known; `sender` is their author."""
    outbox.register(
        EmailType(
            VERIFY_KIND,
            verify_email,
            sender=sender,
            lane=Priority.PROMPT,
            delays=FAST_RETRY,
            lifetime=DAY,
            guarded=True,
            # Else it could not be told whose it was, when the account is deleted.
            kept=("user_id",),
            sample=partial(_sample, verified=False),
        )
    )
    # Never posted, so that nothing in the outbox tells it from the kind above; but it is previewed.
    outbox.register(
        EmailType(
            ALREADY_KIND, already_registered, sender=sender, sample=partial(_sample, verified=True)
        )
    )


def verify_email(session: Session, intent: ComposeContext) -> Email | Discard:
    """The link that confirms an address; where another account has a right to it, word of that.

    It does not name the account: whoever typed the address chose that name, and mail programs make
    a link of one that looks like a site's. The page behind the link has it.
    """
    user = session.get(User, intent.arguments["user_id"])
    if user is None or user.email_key != address_key(intent.recipient):
        return Discard("The account was removed, or its address was changed.")
    if user.email_verified_at is not None:
        return Discard("The address is confirmed already.")
    if user.disabled_at is not None:
        return Discard("The account is disabled.")
    holder = other_owner(session, user)
    if holder is not None:
        about = {"user_id": holder.id}
        return already_registered(session, dataclasses.replace(intent, arguments=about))
    instead = reserved_address_email(session, intent, user)
    if instead is not None:
        return instead
    token = verification_token(token_keys(), user, now=datetime.fromtimestamp(intent.now, UTC))
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/verification",
            to=user.email,
            link=public_link("accounts.verify_email", token=token),
            days=LINK_LIFETIME.days,
            days_kept=UNVERIFIED_KEPT.days,
        )


def already_registered(session: Session, intent: ComposeContext) -> Email | Discard:
    """To the owner of an address with which somebody registered once more."""
    user = session.get_one(User, intent.arguments["user_id"])
    if user.disabled_at is not None:
        return Discard("The account that holds the address is disabled.")
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/already_registered",
            to=user.email,
            username=user.username,
            link=public_link("accounts.reset_password_request"),
        )


def _sample(session: Session, language: str, *, verified: bool) -> ComposeContext:
    user = sample_account(session, verified=verified)
    return ComposeContext(user.email, language, {"user_id": user.id}, time.time(), attempt=1)
