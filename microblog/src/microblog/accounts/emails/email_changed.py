"""The notice to the former address that a change was confirmed (ASVS 5.0, 6.3.7)."""

from __future__ import annotations

from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.email_change import EMAIL_CHANGED_KIND
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.change_notices import compose_change_notice
from microblog.accounts.emails.samples import sample_change_notice
from microblog.accounts.pending_changes import UNDO_WITHIN


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            EMAIL_CHANGED_KIND,
            compose,
            priority=Priority.HIGH,
            expires_after=UNDO_WITHIN,
            sample=partial(sample_change_notice, confirmed=True),
        ),
        label=_l("Email changed notice"),
        log_sentence=_l("Email: your email was changed."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    return compose_change_notice(session, context, "accounts/emails/email_changed")
