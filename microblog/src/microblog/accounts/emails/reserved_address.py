"""The e-mail to an address that an account can still get back, for whatever was asked with it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from flask_babel import force_locale
from sqlalchemy.orm import Session

from flask_outbox import (
    Address,
    ComposeContext,
    Discard,
    Email,
    EmailType,
    Outbox,
    address_key,
    email_from_templates,
)
from microblog.accounts.actions.email_change import undo_token
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_account
from microblog.accounts.keys import token_keys
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import UNDO_WITHIN, reservation
from microblog.web.links import public_link
from microblog.web.times import moment_in_words

RESERVED_KIND = "accounts.address_reserved"


def register_email_types(outbox: Outbox, *, sender: Address) -> None:
    """Make this e-mail known; `sender` is its author."""
    # Never posted, so that nothing in the outbox tells such an address from another; but previewed.
    outbox.register(EmailType(RESERVED_KIND, address_reserved, sender=sender, sample=_sample))


def reserved_address_email(
    session: Session, intent: ComposeContext, user: User | None
) -> Email | Discard | None:
    """What the reader of this address gets instead, while an account that is not `user` can get it
    back; None where that is not so.
    """
    change = reservation(
        session,
        address_key(intent.recipient),
        exclude_user_id=user.id if user else None,
        now=datetime.fromtimestamp(intent.now, UTC),
    )
    if change is None:
        return None
    return address_reserved(session, replace(intent, arguments={"change_id": change.id}))


def address_reserved(session: Session, intent: ComposeContext) -> Email | Discard:
    """That the address was changed away, and the link that undoes it: the reader may need it."""
    change = session.get_one(EmailChange, intent.arguments["change_id"])
    user = session.get_one(User, change.user_id)
    if change.undo_until is None:
        return Discard("No address can undo this change.")
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/reserved_address",
            to=change.old_email,
            username=user.username,
            link=undo_link(user, change),
            until=moment_in_words(change.undo_until, user.time_zone),
        )


def undo_link(user: User, change: EmailChange) -> str:
    return public_link("email_change.undo", token=undo_token(token_keys(), user, change))


def _sample(session: Session, language: str) -> ComposeContext:
    user = sample_account(session)
    change = EmailChange(
        user_id=user.id,
        old_email=user.email,
        new_email=user.email,
        requested_at=SAMPLE_MOMENT,
        confirmed_at=SAMPLE_MOMENT,
        undo_until=SAMPLE_MOMENT + UNDO_WITHIN,
    )
    session.add(change)
    session.flush()
    about = {"change_id": change.id}
    return ComposeContext(user.email, language, about, SAMPLE_MOMENT.timestamp(), attempt=1)
