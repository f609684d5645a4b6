"""What the emails about a change of address share: the change, and the link that undoes it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Discard, Email, address_key
from microblog.accounts.actions.email_change import undo_token
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.keys import token_keys
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import CONFIRM_WITHIN, can_be_undone
from microblog.web.links import public_link
from microblog.web.supported_languages import gettext_noop
from microblog.web.times import from_unix, moment_in_words

GONE = Discard(gettext_noop("The account was deleted, or the change was cancelled."))


def compose_change_notice(
    session: Session, context: ComposeContext, template: str
) -> Email | Discard:
    """Compose a notice to the former address, as long as it can undo the change.

    Its templates get what every notice gets, `link`, which undoes the change, and `until`, the
    moment until which it works.
    """
    found = find_change(session, context)
    if found is None:
        return GONE
    user, change = found
    if not can_be_undone(change, now=from_unix(context.now)) or not is_to(
        context, change.old_email
    ):
        return GONE
    ends = change.undo_until or change.requested_at + CONFIRM_WITHIN
    until = moment_in_words(ends, user.time_zone)
    return compose_notice(session, context, template, link=undo_link(user, change), until=until)


def find_change(session: Session, context: ComposeContext) -> tuple[User, EmailChange] | None:
    """Return the account and the change that the message is about; None where either is gone."""
    change = session.get(EmailChange, context.arguments["change_id"])
    user = change and session.get(User, change.user_id)
    return (user, change) if change and user else None


def is_to(context: ComposeContext, address: str) -> bool:
    """Whether the message goes to this address: the id of a change may have been given again."""
    return context.recipient.key == address_key(address)


def undo_link(user: User, change: EmailChange) -> str:
    """Return the link with which the former address undoes the change."""
    return public_link("email_change.undo", token=undo_token(token_keys(), user, change))
