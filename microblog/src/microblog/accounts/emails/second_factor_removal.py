"""The notice that the second factor will be removed, with a link that stops it (ASVS, 6.3.7)."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.second_factor_recovery import REMOVAL_KIND, WAIT, keep_token
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix, moment_in_words


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            REMOVAL_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=WAIT,
            sample=_sample,
        ),
        label=_l("Two-step sign-in will be turned off"),
        log_sentence=_l("Email: two-step sign-in will be turned off."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the notice, as long as the removal can be stopped."""
    user = session.get(User, context.arguments["user_id"])
    now = from_unix(context.now)
    ends_at = user.second_factor_ends_at if user else None
    if user is None or ends_at is None or ends_at <= now:
        return Discard(gettext_noop("The account was deleted, or the removal was stopped."))
    token = keep_token(token_keys(), user, now=now)
    return compose_notice(
        session,
        context,
        "accounts/emails/second_factor_removal",
        link=public_link("accounts.keep_second_factor", token=token),
        until=moment_in_words(ends_at, user.time_zone),
    )


def _sample(session: Session, language: str) -> ComposeContext:
    context = sample_notice(session, language)
    user = session.get_one(User, context.arguments["user_id"])
    user.second_factor_ends_at = SAMPLE_MOMENT + WAIT
    return context
