"""The link for a new password after a report, an undone change, or an administrator's request."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.password_reset import STARTED_KIND, Reason, reset_token
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.password_reset import compose_with_link, link_lifetime
from microblog.accounts.emails.reserved_address import reserved_address_email
from microblog.accounts.emails.samples import sample_context
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            STARTED_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=timedelta(days=1),
            sample=partial(sample_context, reason=Reason.REPORTED.value),
        ),
        label=_l("Password reset for safety"),
        log_sentence=_l("Email: a link to choose a new password, for safety."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the link, with the reason why it is mailed."""
    user = session.get(User, context.arguments["user_id"])
    if user is None:
        return Discard(gettext_noop("The account was deleted."))
    if user.disabled_at is not None:
        return Discard(gettext_noop("The account is disabled."))
    if user.email_key != context.recipient.key:
        return Discard(gettext_noop("The account has a different email now."))
    if user.email_verified_at is None and reserved_address_email(session, context, user):
        return Discard(gettext_noop("Another account can still get the address back."))
    now = from_unix(context.now)
    token = reset_token(token_keys(), user, now=now, lifetime=link_lifetime())
    return compose_with_link(
        "accounts/emails/password_reset_started",
        user,
        token,
        now=now,
        reason=context.arguments["reason"],
        request_link=public_link("accounts.reset_password_request"),
    )
