"""The notice to the present address that a change was asked for (ASVS 5.0, 6.3.7)."""

from __future__ import annotations

from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.email_change import ASKED_KIND
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.change_notices import compose_change_notice
from microblog.accounts.emails.samples import sample_change_notice
from microblog.accounts.pending_changes import CONFIRM_WITHIN


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            ASKED_KIND,
            compose,
            priority=Priority.HIGH,
            expires_after=CONFIRM_WITHIN,
            sample=partial(sample_change_notice, confirmed=False),
        ),
        label=_l("Email change requested notice"),
        log_sentence=_l("Email: email change requested."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    return compose_change_notice(session, context, "accounts/emails/email_change_asked")
