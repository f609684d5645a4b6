"""The notice that a password was changed (NIST SP 800-63B-4; ASVS 5.0, 6.3.7)."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.password_reset import CHANGED_KIND
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_notice


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            CHANGED_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=7),
            sample=sample_notice,
        ),
        label=_l("Password changed notice"),
        log_sentence=_l("Email: your password was changed."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    return compose_notice(session, context, "accounts/emails/password_changed")
