"""The link with which the new address of an account is confirmed."""

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
    address_key,
    email_from_templates,
)
from microblog.accounts.actions.email_change import CONFIRM_KIND, confirmation_token
from microblog.accounts.audit.notices import request_in_words
from microblog.accounts.emails import already_registered
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.change_notices import GONE, find_change, is_to
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import sample_change_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.lookup import owner_of
from microblog.accounts.pending_changes import CONFIRM_WITHIN, pending_change
from microblog.accounts.visibility import is_visible
from microblog.web.links import public_link
from microblog.web.times import from_unix, moment_in_words


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            CONFIRM_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(hours=4),
            # Anybody with an account can have it mailed to any address.
            guarded=True,
            # The deletion of the account finds its mail by this.
            kept=("change_id", "browser", "address"),
            sample=partial(sample_change_notice, confirmed=False),
        ),
        label=_l("New email confirmation"),
        log_sentence=_l("A link to confirm your new email was requested."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the link, or what the reader gets where another account has a right to the address.

    The mail does not name the account, since a stranger may have chosen the name. The page behind
    the link shows it.
    """
    found = find_change(session, context)
    if found is None:
        return GONE
    user, change = found
    if not is_visible(user) or not is_to(context, change.new_email):
        return GONE
    if change != pending_change(session, user.id, now=from_unix(context.now)):
        return GONE
    holder = owner_of(session, address_key(change.new_email))
    if holder is not None and holder.id != user.id:
        about = {**context.arguments, "user_id": holder.id}
        return already_registered.compose(session, replace(context, arguments=about))
    instead = reserved_address_email(session, context, user)
    if instead is not None:
        return instead
    token = confirmation_token(token_keys(), user, change)
    return email_from_templates(
        "accounts/emails/email_change_confirmation",
        {
            "link": public_link("email_change.confirm", token=token),
            "until": moment_in_words(change.requested_at + CONFIRM_WITHIN, user.time_zone),
            **request_in_words(context, user),
        },
        to=change.new_email,
    )
