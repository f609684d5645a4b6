"""The first mail to an address that was refused before, after its owner had it tried again."""

from __future__ import annotations

from datetime import timedelta

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
from microblog.accounts.actions.refused_mail import WORKS_KIND
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_context
from microblog.accounts.models import User
from microblog.web.supported_languages import gettext_noop


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            WORKS_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=7),
            sample=sample_context,
        ),
        label=_l("Email works again"),
        log_sentence=_l("Email: our email reaches you again."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    user = session.get(User, context.arguments["user_id"])
    if user is None:
        return Discard(gettext_noop("The account was deleted."))
    return email_from_templates(
        "accounts/emails/address_works", {"username": user.username}, to=context.recipient
    )
