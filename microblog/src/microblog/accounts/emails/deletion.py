"""The notice that an account will be deleted, with a link that keeps it."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.deletion import DELETION_KIND, GRACE, keep_token
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
            DELETION_KIND,
            compose,
            priority=Priority.HIGH,
            expires_after=GRACE,
            sample=_sample,
        ),
        label=_l("Account deletion notice"),
        log_sentence=_l("Email: your account will be deleted."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the notice, as long as the deletion can be undone."""
    user = session.get(User, context.arguments["user_id"])
    now = from_unix(context.now)
    if user is None or user.deletes_at is None or user.deletes_at <= now:
        return Discard(gettext_noop("The account was deleted, or its deletion was cancelled."))
    token = keep_token(token_keys(), user, now=now, lifetime=user.deletes_at - now)
    until = moment_in_words(user.deletes_at, user.time_zone)
    return compose_notice(
        session,
        context,
        "accounts/emails/deletion",
        link=public_link("deletion.keep", token=token),
        until=until,
    )


def _sample(session: Session, language: str) -> ComposeContext:
    context = sample_notice(session, language)
    user = session.get_one(User, context.arguments["user_id"])
    user.deletes_at = SAMPLE_MOMENT + GRACE
    return context
