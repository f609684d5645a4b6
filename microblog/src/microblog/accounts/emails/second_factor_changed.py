"""The notice that something happened to the second factors of an account (ASVS 5.0, 6.3.7)."""

from __future__ import annotations

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.second_factors import CHANGED_KIND, Change
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_context, sample_request
from microblog.accounts.second_factors.recovery_codes import FEW


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            CHANGED_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=7),
            sample=_sample,
        ),
        label=_l("Two-step sign-in notice"),
        log_sentence=_l("Email: your two-step sign-in was changed or used."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    left, change = context.arguments.get("left"), Change(context.arguments["change"])
    return compose_notice(
        session,
        context,
        "accounts/emails/second_factor_changed",
        change=change,
        by_nobody=change in {Change.REMOVED_BY_ADMINISTRATOR, Change.REMOVED_AFTER_WAITING},
        name=context.arguments.get("name", ""),
        left=left,
        is_few=left is not None and left <= FEW,
    )


def _sample(session: Session, language: str) -> ComposeContext:
    return sample_context(
        session, language, change=Change.CODE_USED.value, left=FEW, **sample_request()
    )
