"""The e-mails about a change of address and a deletion: one function each, which sends nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    Priority,
    address_key,
    email_from_templates,
)
from flask_outbox.outbox.email_types import FAST_RETRY, HOUR
from microblog.accounts.actions.deletion import DELETION_KIND, GRACE, keep_token
from microblog.accounts.actions.email_change import (
    ASKED_KIND,
    CONFIRM_KIND,
    EMAIL_CHANGED_KIND,
    confirmation_token,
)
from microblog.accounts.audit.notices import compose_notice
from microblog.accounts.emails.reserved_address import reserved_address_email, undo_link
from microblog.accounts.emails.samples import SAMPLE_MOMENT, sample_account
from microblog.accounts.emails.verification import already_registered
from microblog.accounts.keys import token_keys
from microblog.accounts.lookup import holder_of
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import (
    CONFIRM_WITHIN,
    UNDO_WITHIN,
    can_be_undone,
    pending_change,
)
from microblog.accounts.visibility import is_visible
from microblog.web.links import public_link
from microblog.web.times import moment_in_words

GONE = Discard("The account was deleted, or the change is no longer wanted.")


def register_email_types(outbox: Outbox, *, sender: Address) -> None:
    """Make these e-mails known; `sender` is their author."""
    outbox.register(
        EmailType(
            CONFIRM_KIND,
            confirm_email_change,
            sender=sender,
            lane=Priority.PROMPT,
            delays=FAST_RETRY,
            lifetime=4 * HOUR,
            # Anybody with an account can have it mailed to any address.
            guarded=True,
            # Else it could not be told whose it was, when the account is deleted.
            kept=("change_id",),
            sample=_sample_pending,
        )
    )
    for kind, compose, lifetime, sample in (
        (ASKED_KIND, email_change_notice, CONFIRM_WITHIN, _sample_pending),
        (EMAIL_CHANGED_KIND, email_changed, UNDO_WITHIN, _sample_confirmed),
        (DELETION_KIND, deletion_notice, GRACE, _sample_deletion),
    ):
        outbox.register(
            EmailType(
                kind,
                compose,
                sender=sender,
                lane=Priority.PROMPT,
                lifetime=lifetime.total_seconds(),
                sample=sample,
            )
        )


def confirm_email_change(session: Session, intent: ComposeContext) -> Email | Discard:
    """The link with which the new address is confirmed; for who has an account, word of that.

    It does not name the account, whose name is a stranger's words; the page behind the link does.
    """
    found = _change(session, intent)
    if found is None or not is_visible(found.user):
        return GONE
    user, change = found.user, found.change
    if change != pending_change(session, user.id, now=_moment(intent)):
        return GONE
    if not _is_to(intent, change.new_email):
        return GONE
    holder = holder_of(session, address_key(change.new_email))
    if holder is not None and holder.id != user.id:
        about = {"user_id": holder.id}
        return already_registered(session, replace(intent, arguments=about))
    instead = reserved_address_email(session, intent, user)
    if instead is not None:
        return instead
    with force_locale(intent.locale):
        return email_from_templates(
            "accounts/emails/email_change_confirmation",
            to=change.new_email,
            link=public_link(
                "email_change.confirm", token=confirmation_token(token_keys(), user, change)
            ),
            until=moment_in_words(change.requested_at + CONFIRM_WITHIN, user.time_zone),
        )


def email_change_notice(session: Session, intent: ComposeContext) -> Email | Discard:
    """The notice to the present address that a change was asked for (ASVS 5.0, 6.3.7)."""
    return _notice(session, intent, "accounts/emails/email_change_asked")


def email_changed(session: Session, intent: ComposeContext) -> Email | Discard:
    """The notice to the former address that the change was confirmed (ASVS 5.0, 6.3.7)."""
    return _notice(session, intent, "accounts/emails/email_changed")


def deletion_notice(session: Session, intent: ComposeContext) -> Email | Discard:
    """The notice that the account will be deleted, with a link that keeps it."""
    user = session.get(User, intent.arguments["user_id"])
    now = _moment(intent)
    if user is None or user.deletes_at is None or user.deletes_at <= now:
        return GONE
    token = keep_token(token_keys(), user, now=now, lifetime=user.deletes_at - now)
    with force_locale(intent.locale):
        until = moment_in_words(user.deletes_at, user.time_zone)
    return compose_notice(
        session,
        intent,
        "accounts/emails/deletion",
        link=public_link("deletion.keep", token=token),
        until=until,
    )


def _notice(session: Session, intent: ComposeContext, template: str) -> Email | Discard:
    found = _change(session, intent)
    if found is None or not can_be_undone(found.change, now=_moment(intent)):
        return GONE
    user, change = found.user, found.change
    if not _is_to(intent, change.old_email):
        return GONE
    ends = change.undo_until or change.requested_at + CONFIRM_WITHIN
    with force_locale(intent.locale):
        until = moment_in_words(ends, user.time_zone)
    return compose_notice(
        session,
        intent,
        template,
        link=undo_link(user, change),
        until=until,
    )


@dataclass(frozen=True)
class _Found:
    user: User
    change: EmailChange


def _change(session: Session, intent: ComposeContext) -> _Found | None:
    change = session.get(EmailChange, intent.arguments["change_id"])
    user = change and session.get(User, change.user_id)
    return _Found(user, change) if change and user else None


def _is_to(intent: ComposeContext, address: str) -> bool:
    # A database may give the number of a change that is gone to another one.
    return address_key(intent.recipient) == address_key(address)


def _sample_pending(session: Session, language: str) -> ComposeContext:
    return _sample(session, language, confirmed=False)


def _sample_confirmed(session: Session, language: str) -> ComposeContext:
    return _sample(session, language, confirmed=True)


def _sample_deletion(session: Session, language: str) -> ComposeContext:
    intent = _sample(session, language, confirmed=True)
    session.get_one(User, intent.arguments["user_id"]).deletes_at = SAMPLE_MOMENT + GRACE
    return intent


def _sample(session: Session, language: str, *, confirmed: bool) -> ComposeContext:
    user = sample_account(session)
    change = EmailChange(
        user_id=user.id, old_email=user.email, new_email=user.email, requested_at=SAMPLE_MOMENT
    )
    if confirmed:
        change.confirmed_at = SAMPLE_MOMENT
        change.undo_until = SAMPLE_MOMENT + UNDO_WITHIN
    session.add(change)
    session.flush()
    about = {
        "user_id": user.id,
        "change_id": change.id,
        "at": SAMPLE_MOMENT.timestamp(),
        "browser": "Firefox on Linux",
        "address": "203.0.113.0/24",
    }
    return ComposeContext(user.email, language, about, SAMPLE_MOMENT.timestamp(), attempt=1)


def _moment(intent: ComposeContext) -> datetime:
    return datetime.fromtimestamp(intent.now, UTC)
