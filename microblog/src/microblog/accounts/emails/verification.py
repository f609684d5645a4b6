"""The link that confirms the address that somebody registered with."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import (
    FAST_RETRY,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Priority,
    email_from_templates,
)
from microblog.accounts.actions.verification import (
    LINK_LIFETIME,
    UNVERIFIED_KEPT,
    VERIFY_KIND,
    other_owner,
    verification_token,
)
from microblog.accounts.audit.notices import request_in_words
from microblog.accounts.emails import already_registered
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import sample_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            VERIFY_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=1),
            guarded=True,
            # The deletion of the account finds its mail by this.
            kept=("user_id", "browser", "address"),
            sample=partial(sample_notice, verified=False),
        ),
        label=_l("Email confirmation"),
        log_sentence=_l("A link to confirm your email was requested."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the link, or what the reader gets where another account has a right to the address.

    The mail does not name the account: whoever typed the address chose the name, and mail programs
    turn a name that looks like a site's into a link. The page behind the link shows it.
    """
    user = session.get(User, context.arguments["user_id"])
    if user is None or user.email_key != context.recipient.key:
        return Discard(gettext_noop("The account was removed, or its email was changed."))
    if user.email_verified_at is not None:
        return Discard(gettext_noop("The address is already confirmed."))
    if user.disabled_at is not None:
        return Discard(gettext_noop("The account is disabled."))
    owner = other_owner(session, user)
    if owner is not None:
        about = {**context.arguments, "user_id": owner.id}
        return already_registered.compose(session, replace(context, arguments=about))
    instead = reserved_address_email(session, context, user)
    if instead is not None:
        return instead
    token = verification_token(token_keys(), user, now=from_unix(context.now))
    return email_from_templates(
        "accounts/emails/verification",
        {
            "link": public_link("accounts.verify_email", token=token),
            "days": LINK_LIFETIME.days,
            "days_kept": UNVERIFIED_KEPT.days,
            **request_in_words(context, user),
        },
        to=user.email,
    )
