"""What is stored of people's conversations: what an export contains, and what is erased.

A conversation is deleted with either account.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from microblog.accounts.actions.export import moment
from microblog.accounts.actions.personal_data import PersonalData
from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.messages.models import Participation, PrivateMessage
from microblog.messages.preferences import senders_of
from microblog.people.relations import across_a_block

ERASED_AT_ONCE = 1000


def collect(session: Session, user_id: int) -> dict[str, Any]:
    """Return what they wrote, and what was written to them as far as they can see it."""
    return {
        "message_senders": senders_of(session, user_id).value,
        "conversations": _conversations(session, user_id),
    }


def erase(session: Session, user_id: int) -> bool:
    """Delete a batch of the messages; return whether there may be more.

    The account takes the rest.
    """
    some = (
        select(PrivateMessage.id)
        .join(Participation, Participation.conversation_id == PrivateMessage.conversation_id)
        .where(Participation.user_id == user_id)
        .limit(ERASED_AT_ONCE)
    )
    ids = session.scalars(some).all()
    session.execute(delete(PrivateMessage).where(PrivateMessage.id.in_(ids)))
    return len(ids) == ERASED_AT_ONCE


PERSONAL_DATA = PersonalData(collect, erase)


def _conversations(session: Session, user_id: int) -> list[dict[str, Any]]:
    can_see = visible() & ~across_a_block(user_id)
    wanted = (
        select(
            Participation.conversation_id,
            User.username,
            can_see,
            PrivateMessage.sender_id,
            PrivateMessage.body,
            PrivateMessage.created_at,
            PrivateMessage.deleted_at,
        )
        .join(User, User.id == Participation.other_id)
        .join(PrivateMessage, PrivateMessage.conversation_id == Participation.conversation_id)
        .where(
            Participation.user_id == user_id,
            PrivateMessage.id > Participation.deleted_through_id,
            or_(can_see, PrivateMessage.sender_id == user_id),
        )
        .order_by(PrivateMessage.conversation_id, PrivateMessage.id)
    )
    found: dict[int, dict[str, Any]] = {}
    for conversation_id, name, is_seen, sender_id, body, made, deleted in session.execute(wanted):
        entry = found.setdefault(
            conversation_id, {"with": name if is_seen else None, "messages": []}
        )
        entry["messages"].append(
            {
                "is_own": sender_id == user_id,
                "body": body,
                "created_at": moment(made),
                "deleted_at": moment(deleted),
            }
        )
    return list(found.values())
