"""For the reader of an address that another account can still get back: the link that does so."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import (
    ComposeContext,
    Discard,
    Email,
    EmailType,
    email_from_templates,
)
from microblog.accounts.audit.notices import request_in_words
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.change_notices import undo_link
from microblog.accounts.emails.samples import sample_change_notice
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import reservation
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix, moment_in_words


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            "accounts.address_reserved",
            compose,
            sample=partial(sample_change_notice, confirmed=True),
        ),
        label=_l("Former email"),
        # Never enqueued: a row would tell this address from others.
        log_sentence=None,
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Say that the account got another address, with the link that undoes the change."""
    change = session.get_one(EmailChange, context.arguments["change_id"])
    user = session.get_one(User, change.user_id)
    if change.undo_until is None:
        return Discard(gettext_noop("The change can no longer be undone."))
    return email_from_templates(
        "accounts/emails/reserved_address",
        {
            "username": user.username,
            "link": undo_link(user, change),
            "until": moment_in_words(change.undo_until, user.time_zone),
            **request_in_words(context, user),
        },
        to=change.old_email,
    )


def reserved_address_email(
    session: Session, context: ComposeContext, user: User | None
) -> Email | Discard | None:
    """Return what the reader of this address gets instead of what was asked for.

    None where no account but `user` can still get the address back.
    """
    change = reservation(
        session,
        context.recipient.key,
        exclude_user_id=user.id if user else None,
        now=from_unix(context.now),
    )
    if change is None:
        return None
    return compose(
        session, replace(context, arguments={**context.arguments, "change_id": change.id})
    )
