"""The notice that somebody logged in from a browser not seen before (ASVS 5.0, 6.3.5)."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.audit.notices import NEW_BROWSER_KIND, compose_notice
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_notice


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            NEW_BROWSER_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=7),
            sample=sample_notice,
        ),
        label=_l("New sign-in notice"),
        log_sentence=_l("Email: new sign-in."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    return compose_notice(session, context, "accounts/emails/new_browser")
