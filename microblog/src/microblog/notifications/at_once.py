"""Emails at once: the first about something leaves now, the next not before PAUSE is over.

So whoever is mentioned a hundred times in ten minutes gets two. Each email has a window as bundles
do, and the second one has what came in after the first.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from flask_outbox import Outbox
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.messages.models import PrivateMessage
from microblog.notifications.bundles import window_arguments
from microblog.notifications.email_preferences import EmailedKind, Frequency, Window
from microblog.notifications.models import EmailPreference, Notification
from microblog.notifications.notifications import Kind
from microblog.people.models import Mute

AT_ONCE_KIND = "notifications.at_once"

PAUSE = timedelta(minutes=10)

_MOMENT = timedelta(microseconds=1)
"""The shortest time that is stored."""


def email_about_post(session: Session, outbox: Outbox, post_id: int, *, now: datetime) -> None:
    """Email those who were notified of this post at this moment, if they want that at once."""
    wanted = _wanted().join(Notification, Notification.user_id == User.id)
    wanted = wanted.where(
        Notification.post_id == post_id,
        Notification.created_at == now,
        Notification.read_at.is_(None),
        or_(
            and_(
                Notification.kind == Kind.REPLY.value,
                EmailPreference.reply == Frequency.AT_ONCE.value,
            ),
            and_(
                Notification.kind == Kind.MENTION.value,
                EmailPreference.mention == Frequency.AT_ONCE.value,
            ),
        ),
    )
    _email(session, outbox, wanted, now=now)


def email_about_message(
    session: Session, outbox: Outbox, message: PrivateMessage, receiver_id: int
) -> None:
    """Email the receiver of a message, if they want that at once and don't mute its sender."""
    wanted = _wanted().where(
        User.id == receiver_id,
        EmailPreference.message == Frequency.AT_ONCE.value,
        ~exists().where(Mute.muter_id == receiver_id, Mute.muted_id == message.sender_id),
    )
    _email(session, outbox, wanted, now=message.created_at)


def _wanted() -> Select[EmailPreference, User]:
    """The people who can be emailed. They are locked in the order of their ids."""
    return (
        select(EmailPreference, User)
        .join(User, User.id == EmailPreference.user_id)
        .where(EmailPreference.stopped_at.is_(None), User.email_verified_at.is_not(None), visible())
        .order_by(EmailPreference.user_id)
        .with_for_update(of=EmailPreference)
        .execution_options(populate_existing=True)
    )


def _email(
    session: Session,
    outbox: Outbox,
    wanted: Select[EmailPreference, User],
    *,
    now: datetime,
) -> None:
    for preference, user in session.execute(wanted).all():
        leaves_at, (since, until) = _window(preference, now)
        outbox.enqueue(
            session,
            AT_ONCE_KIND,
            user.email,
            locale=user.locale or preference.locale,
            # Of every kind: what is wanted at once may change until it leaves.
            arguments=window_arguments(user.id, dict.fromkeys(EmailedKind, (since, until))),
            key=f"{AT_ONCE_KIND}:{user.id}:{since.timestamp()}:{until.timestamp()}",
            send_at=leaves_at,
        )


def _window(preference: EmailPreference, now: datetime) -> tuple[datetime | None, Window]:
    """The window of the email that this belongs to, and when that leaves if it has to wait."""
    before = preference.at_once_at
    if before is None or now == before or abs(now - before) >= PAUSE:
        preference.at_once_at = now
        return None, (now - _MOMENT, now)
    if now > before:
        return before + PAUSE, (before, before + PAUSE - _MOMENT)
    # Others wrote later and were faster, or the clock of their machine is ahead.
    return before + PAUSE, (before - PAUSE, before - _MOMENT)
