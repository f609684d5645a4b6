"""What is stored about what people are notified of and emailed: what an export contains.

All of it is deleted with the account.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer, bindparam, select
from sqlalchemy.orm import Session

from microblog.accounts.actions.export import moment
from microblog.accounts.actions.personal_data import PersonalData
from microblog.accounts.models import User
from microblog.notifications.email_preferences import EmailedKind, frequency_of
from microblog.notifications.models import EmailPreference, Notification
from microblog.notifications.notifications import KINDS, is_shown, wanted_kinds


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return what this person can see on the page, which kinds they want, and their emails."""
    wanted = wanted_kinds(session, user_id)
    return {
        "notifications": _notifications(session, user_id),
        "notification_preferences": {kind.value: kind in wanted for kind in KINDS},
        "email_preferences": _emails(session, user_id),
    }


PERSONAL_DATA = PersonalData(collect)


def _emails(session: Session, user_id: int) -> dict[str, Any] | None:
    """What they chose; None, unless they did."""
    preference = session.get(EmailPreference, user_id)
    if preference is None:
        return None
    return {
        **{kind.value: frequency_of(preference, kind).value for kind in EmailedKind},
        "hour": preference.hour,
        "weekday": preference.weekday,
        "time_zone": preference.time_zone,
        "locale": preference.locale,
        "chosen_at": moment(preference.chosen_at),
        "stopped_at": moment(preference.stopped_at),
    }


def _notifications(session: Session, user_id: int) -> list[dict[str, Any]]:
    shown = session.execute(
        select(Notification, User.username)
        .join(User, User.id == Notification.actor_id)
        .where(Notification.user_id == user_id, is_shown(bindparam("reader", type_=Integer)))
        .order_by(Notification.id),
        {"reader": user_id},
    )
    return [
        {
            "kind": one.kind,
            "by": username,
            "post": one.post_id,
            "created_at": moment(one.created_at),
            "read_at": moment(one.read_at),
        }
        for one, username in shown
    ]
