"""The link with which somebody who lost their second factor begins its removal."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from flask_outbox import FAST_RETRY, ComposeContext, Discard, Email, EmailType, Priority
from microblog.accounts.actions.second_factor_recovery import (
    LINK_LIFETIME,
    LOST_KIND,
    removal_token,
)
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.emails.account_email import AccountEmail
from microblog.accounts.emails.samples import sample_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix


def definition() -> AccountEmail:
    return AccountEmail(
        EmailType(
            LOST_KIND,
            compose,
            priority=Priority.HIGH,
            delays=FAST_RETRY,
            expires_after=LINK_LIFETIME,
            sample=sample_notice,
        ),
        label=_l("Lost second factor"),
        log_sentence=_l("Email: a link to turn off two-step sign-in."),
    )


def compose(session: Session, context: ComposeContext) -> Email | Discard:
    """Compose the link, which is made now, to the address that the account has now."""
    user = session.get(User, context.arguments["user_id"])
    if user is None or user.email_key != context.recipient.key:
        return Discard(gettext_noop("The account was deleted, or has another address."))
    token = removal_token(token_keys(), user, now=from_unix(context.now))
    link = public_link("accounts.begin_removal", token=token)
    return compose_notice(session, context, "accounts/emails/second_factor_lost", link=link)
