"""Who wrote to a person something that they have not seen, for the emails about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Executable, Integer, bindparam, exists, func, literal_column, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.accounts.visibility import visible
from microblog.database import UTCDateTime
from microblog.messages.models import Participation, PrivateMessage
from microblog.people.models import Mute
from microblog.people.relations import across_a_block

WRITERS_MAXIMUM = 20
"""How many people are named. The texts are only on the site: a deleted one is in no mail."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Somebody who wrote `count` messages that were not seen."""

    username: str
    display_name: str | None
    count: int


@dataclass(frozen=True, slots=True)
class Writers:
    """Those who wrote last, of `total` people who wrote `messages` together."""

    newest: Sequence[Writer] = ()
    total: int = 0
    messages: int = 0


def unread_writers(
    session: Session, reader_id: int, *, since: datetime, until: datetime
) -> Writers:
    """Who wrote after `since` and until `until`, the newest first.

    People whom the reader cannot see or mutes are left out, and so are deleted messages.
    """
    values = {"reader": reader_id, "since": since, "until": until}
    rows = session.execute(_unread_writers(), values).all()
    if not rows:
        return Writers()
    _, _, _, total, messages = rows[0]
    return Writers([Writer(*row[:3]) for row in rows], total, int(messages))


@cache
def _unread_writers() -> Executable:
    # Building a statement costs more than running it, and there may be many emails.
    reader = bindparam("reader", type_=Integer)
    return (
        select(
            User.username,
            User.display_name,
            func.count(),
            func.count().over(),
            func.sum(func.count()).over(),
        )
        .select_from(Participation)
        .join(User, User.id == Participation.other_id)
        .join(PrivateMessage, PrivateMessage.conversation_id == Participation.conversation_id)
        .where(
            Participation.user_id == reader,
            # The very words of the index.
            Participation.unread > literal_column("0"),
            PrivateMessage.sender_id == Participation.other_id,
            PrivateMessage.id > Participation.read_through_id,
            PrivateMessage.id > Participation.deleted_through_id,
            PrivateMessage.deleted_at.is_(None),
            PrivateMessage.created_at > bindparam("since", type_=UTCDateTime()),
            PrivateMessage.created_at <= bindparam("until", type_=UTCDateTime()),
            visible(),
            ~across_a_block(reader),
            ~exists().where(Mute.muter_id == reader, Mute.muted_id == User.id),
        )
        .group_by(User.id, User.username, User.display_name)
        .order_by(func.max(PrivateMessage.id).desc())
        .limit(WRITERS_MAXIMUM)
    )
