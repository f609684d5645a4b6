"""The link with which a forgotten password is replaced."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import (
    FAST_RETRY,
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Priority,
    email_from_templates,
)
from microblog.accounts.actions.password_reset import RESET_KIND, reset_link
from microblog.accounts.actions.password_reset_code import code_for
from microblog.accounts.audit.notices import request_in_words
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import sample_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.lookup import find_by_email
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix, moment_in_words


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            RESET_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            # Greylisting and short outages pass within hours; after that nobody is waiting.
            expires_after=timedelta(hours=4),
            guarded=True,
            way_back=True,
            kept=("browser", "address"),
            sample=_sample,
        ),
        label=_l("Password reset"),
        log_sentence=_l("A link to choose a new password was requested."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the link, to the account's stored address.

    Where another account can still get the address back, the mail has the link for that instead:
    whoever took that account over may have made this one with its address.
    """
    instead = reserved_address_email(session, context, find_by_email(session, context.recipient))
    if instead is not None:
        return instead
    now = from_unix(context.now)
    found = reset_link(session, token_keys(), context.recipient, now=now, lifetime=link_lifetime())
    if found is None:
        return Discard(_why_no_link(session, context.recipient))
    user, token = found
    return compose_with_link(
        "accounts/emails/password_reset",
        user,
        token,
        now=now,
        code=_code(context, user),
        **request_in_words(context, user),
    )


def link_lifetime() -> timedelta:
    """How long a link for a new password works, from its sending on."""
    return timedelta(seconds=current_app.config["RESET_LINK_SECONDS"])


def compose_with_link(
    template: str, user: User, token: str, *, now: datetime, **texts: Any
) -> Email:
    """Compose a mail with a link for a new password, made at this moment of this token.

    Its templates get `username`, `link`, `until`, and `texts`.
    """
    return email_from_templates(
        template,
        {
            "username": user.username,
            "link": public_link("accounts.reset_password", token=token),
            "until": moment_in_words(now + link_lifetime(), user.time_zone, today=now),
            **texts,
        },
        to=user.email,
    )


def _code(context: ComposeContext, user: User) -> str | None:
    """The code for the browser that asked; None if no browser can use one."""
    digest = context.arguments.get("nonce_digest")
    return code_for(token_keys(), bytes.fromhex(digest), user) if digest else None


def _why_no_link(session: Session, address: Address) -> str:
    if find_by_email(session, address) is None:
        return gettext_noop("No account has this address.")
    return gettext_noop("The account is disabled.")


def _sample(session: Session, language: str) -> ComposeContext:
    context = sample_notice(session, language)
    return replace(context, arguments={**context.arguments, "nonce_digest": "00" * 32})
