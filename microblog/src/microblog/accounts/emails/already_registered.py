"""For the owner of an address that somebody registered with, or asked to change theirs to."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Discard, Email, EmailType, email_from_templates
from microblog.accounts.audit.notices import request_in_words
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_notice
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType("accounts.already_registered", compose, sample=sample_notice),
        label=_l("Already registered"),
        # Never enqueued: a row would tell this address from one that nobody has.
        log_sentence=None,
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Say that the address has an account, and where to get a new password for it."""
    user = session.get_one(User, context.arguments["user_id"])
    if user.disabled_at is not None:
        return Discard(gettext_noop("The account with this address is disabled."))
    return email_from_templates(
        "accounts/emails/already_registered",
        {
            "username": user.username,
            "link": public_link("accounts.reset_password_request"),
            **request_in_words(context, user),
        },
        to=user.email,
    )
