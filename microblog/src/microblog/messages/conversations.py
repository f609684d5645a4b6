"""What two people write to each other: who may write, writing, reading, listing and deleting.

Whatever is written or deleted between two people, both accounts are locked first, in the order of
their ids: no message slips past a block or into an account that is hidden meanwhile, and of two
first messages one begins the conversation. Marking as read only keeps both from being deleted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import Session, aliased

from microblog.accounts.models import User
from microblog.accounts.usernames import username_key
from microblog.accounts.visibility import visible
from microblog.database import MAX_ID
from microblog.messages.models import (
    Conversation,
    MessagePreference,
    Participation,
    PrivateMessage,
)
from microblog.messages.preferences import Senders
from microblog.messages.signals import message_written
from microblog.people.models import Block, Follow, Mute, Profile
from microblog.people.relations import across_a_block
from microblog.people.text import readable

MESSAGE_MAXIMUM = 2000
"""Characters in a message, as a person counts them."""

PAGE_SIZE = 50
"""Messages, or conversations, on one page."""

COUNTED_MAXIMUM = 100
"""Where counting conversations with something new ends, since every page says how many."""

_PLACE = (PrivateMessage.conversation_id, PrivateMessage.id)


class CannotWriteError(Exception):
    """This person gets no message from this sender. Nobody is told why."""


@dataclass(frozen=True, slots=True)
class Other:
    """The other person of a conversation, whether or not it has begun, as the reader sees them.

    `own` and `theirs` are the reader's and the other's participation.
    """

    user: User
    avatar_digest: str | None
    is_blocked: bool
    follows_reader: bool
    senders: Senders
    own: Participation | None
    theirs: Participation | None


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Messages in the order in which they were written; `before` is where earlier ones begin."""

    messages: Sequence[PrivateMessage]
    before: int | None


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation in the reader's list, with its newest message."""

    own: Participation
    user: User
    newest: PrivateMessage


@dataclass(frozen=True, slots=True)
class ConversationList:
    """A page of the reader's conversations; `before` is where the next one begins."""

    entries: Sequence[Entry]
    before: int | None


def find_other(session: Session, reader_id: int, username: str) -> Other | None:
    """Return the person with this user name, or None if this reader may not see them.

    Nobody has a conversation with themselves.
    """
    wanted = (
        select(
            User,
            Profile.avatar_digest,
            exists().where(Block.blocker_id == reader_id, Block.blocked_id == User.id),
            exists().where(Follow.follower_id == User.id, Follow.followed_id == reader_id),
            func.coalesce(MessagePreference.senders, Senders.EVERYBODY.value),
        )
        .outerjoin(Profile, Profile.user_id == User.id)
        .outerjoin(MessagePreference, MessagePreference.user_id == User.id)
        .where(
            User.username_key == username_key(username),
            User.id != reader_id,
            visible(),
            ~exists().where(Block.blocker_id == User.id, Block.blocked_id == reader_id),
        )
    )
    row = None if "\0" in username else session.execute(wanted).one_or_none()
    if row is None:
        return None
    user, digest, is_blocked, follows_reader, senders = row
    own, theirs = _participations(session, reader_id, user.id)
    return Other(user, digest, is_blocked, follows_reader, Senders(senders), own, theirs)


def may_write(session: Session, other: Other) -> bool:
    """Whether the other gets messages from this reader.

    Who gets messages from those alone whom they follow gets answers as well.
    """
    if other.is_blocked or other.senders is Senders.NOBODY:
        return False
    if other.senders is Senders.EVERYBODY or other.follows_reader:
        return True
    return _have_written(session, other)


def write(
    session: Session, sender_id: int, username: str, body: str, *, now: datetime
) -> PrivateMessage:
    """Write to the person with this user name.

    Raises TextError for a text that is not accepted; CannotWriteError if that person gets no
    messages from the sender, or the sender's address is not confirmed.
    """
    text = readable(body, MESSAGE_MAXIMUM)
    found = find_other(session, sender_id, username)
    if found is None or not _lock(session, sender_id, found.user.id):
        raise CannotWriteError
    # Again: what was so before the lock may have ended, and the name may be somebody else's.
    other = find_other(session, sender_id, username)
    if other is None or other.user.id != found.user.id:
        raise CannotWriteError
    if not (_is_confirmed(session, sender_id) and may_write(session, other)):
        raise CannotWriteError
    conversation_id = (
        other.own.conversation_id if other.own else _begin(session, sender_id, other.user.id)
    )
    message = PrivateMessage(
        conversation_id=conversation_id, sender_id=sender_id, body=text, created_at=now
    )
    session.add(message)
    session.flush()
    one_more = case((Participation.user_id == sender_id, 0), else_=1)
    session.execute(
        update(Participation)
        .where(Participation.conversation_id == conversation_id)
        .values(last_message_id=message.id, unread=Participation.unread + one_more)
        .execution_options(synchronize_session=False)
    )
    message_written.send(session, message=message, receiver_id=other.user.id)
    return message


def mark_read(session: Session, reader_id: int, conversation_id: int, *, through_id: int) -> None:
    """Note that the reader saw the messages through this one."""
    theirs = select(Participation.other_id).where(
        Participation.user_id == reader_id, Participation.conversation_id == conversation_id
    )
    other_id = session.scalar(theirs)
    if other_id is None:
        return
    # People before conversations, as where an account is deleted: nobody waits in a circle.
    # FOR KEY SHARE blocks only their deletion.
    people = select(User.id).where(User.id.in_({reader_id, other_id})).order_by(User.id)
    session.execute(people.with_for_update(read=True, key_share=True))
    own = _lock_participation(session, reader_id, conversation_id)
    if own is not None and own.read_through_id < through_id:
        own.read_through_id = min(through_id, own.last_message_id)
        own.unread = _count_unread(session, own)


def unread_count(session: Session, reader_id: int) -> int:
    """In how many conversations is something new, except with people whom the reader mutes.

    Counting ends at COUNTED_MAXIMUM.
    """
    values = {"reader": reader_id, "most": COUNTED_MAXIMUM}
    return session.scalar(_COUNT_UNREAD, values) or 0


def list_conversations(session: Session, reader_id: int, before: int = MAX_ID) -> ConversationList:
    """The reader's conversations with people whom they can see, the newest message first."""
    wanted = (
        select(Participation, User, PrivateMessage)
        .join(User, User.id == Participation.other_id)
        .join(PrivateMessage, PrivateMessage.id == Participation.last_message_id)
        .where(
            Participation.user_id == reader_id,
            Participation.last_message_id < before,
            Participation.last_message_id > Participation.deleted_through_id,
            *_seen_by(reader_id),
        )
        .order_by(Participation.last_message_id.desc())
        .limit(PAGE_SIZE + 1)
    )
    entries = [Entry(*row) for row in session.execute(wanted)]
    more = len(entries) > PAGE_SIZE
    shown = entries[:PAGE_SIZE]
    return ConversationList(shown, shown[-1].own.last_message_id if more else None)


def list_messages(
    session: Session, own: Participation | None, before: int = MAX_ID
) -> ConversationPage:
    """The newest messages before this one, as far as the reader did not delete them."""
    if own is None:
        return ConversationPage([], None)
    wanted = (
        select(PrivateMessage)
        .where(*_between(session, own, own.deleted_through_id, before))
        .order_by(*(column.desc() for column in _PLACE))
        .limit(PAGE_SIZE + 1)
    )
    found = session.scalars(wanted).all()
    shown = found[:PAGE_SIZE]
    return ConversationPage(shown[::-1], shown[-1].id if len(found) > PAGE_SIZE else None)


def list_newer(session: Session, own: Participation, after: int) -> Sequence[PrivateMessage]:
    """The messages from this one on, itself included; at most a page."""
    first = max(after - 1, own.deleted_through_id)
    wanted = (
        select(PrivateMessage)
        .where(*_between(session, own, first, MAX_ID))
        .order_by(*_PLACE)
        .limit(PAGE_SIZE + 1)
    )
    return session.scalars(wanted).all()


def delete_message(session: Session, sender_id: int, message_id: int, *, now: datetime) -> bool:
    """Remove the text of one's own message; return False if there is none with this id.

    That there was a message stays.
    """
    participation = aliased(Participation)
    wanted = (
        select(participation)
        .join(PrivateMessage, PrivateMessage.conversation_id == participation.conversation_id)
        .where(
            PrivateMessage.id == message_id,
            PrivateMessage.sender_id == sender_id,
            participation.user_id == sender_id,
            PrivateMessage.id > participation.deleted_through_id,
        )
    )
    own = session.scalar(wanted) if 0 < message_id <= MAX_ID else None
    if own is None or not _lock(session, sender_id, own.other_id):
        return False
    return _empty(session, message_id, own.conversation_id, own.other_id, now=now)


def remove_message(session: Session, message_id: int, *, now: datetime) -> bool:
    """Remove the text of anybody's message, for both; return False if there is none with this id.

    Who may do so is for its caller to decide.
    """
    wanted = (
        select(Participation)
        .join(PrivateMessage, PrivateMessage.conversation_id == Participation.conversation_id)
        .where(
            PrivateMessage.id == min(message_id, MAX_ID),
            PrivateMessage.sender_id == Participation.other_id,
        )
    )
    theirs = session.scalar(wanted)
    if theirs is None:
        return False
    _lock(session, theirs.user_id, theirs.other_id)
    return _empty(session, message_id, theirs.conversation_id, theirs.user_id, now=now)


def delete_conversation(
    session: Session, reader_id: int, other_id: int, *, through_id: int
) -> bool:
    """Delete the messages through this one for the reader alone; return False if there are none.

    What both have deleted is removed from the database.
    """
    if not _lock(session, reader_id, other_id):
        return False
    own, theirs = _participations(session, reader_id, other_id)
    own = _lock_participation(session, reader_id, own.conversation_id) if own else None
    if own is None or theirs is None:
        return False
    through_id = min(through_id, own.last_message_id)
    own.deleted_through_id = max(own.deleted_through_id, through_id)
    own.read_through_id = max(own.read_through_id, through_id)
    own.unread = _count_unread(session, own)
    session.flush()
    _remove_what_both_deleted(session, own, theirs)
    return True


def _participations(
    session: Session, reader_id: int, other_id: int
) -> tuple[Participation | None, Participation | None]:
    own, theirs = aliased(Participation), aliased(Participation)
    first, second = sorted((reader_id, other_id))
    wanted = (
        select(own, theirs)
        .select_from(Conversation)
        .join(own, (own.conversation_id == Conversation.id) & (own.user_id == reader_id))
        .join(theirs, (theirs.conversation_id == Conversation.id) & (theirs.user_id == other_id))
        .where(Conversation.first_id == first, Conversation.second_id == second)
        .execution_options(populate_existing=True)
    )
    row = session.execute(wanted).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def _have_written(session: Session, other: Other) -> bool:
    """Whether the other wrote in this conversation, since they deleted it last."""
    if other.theirs is None:
        return False
    written = exists().where(
        PrivateMessage.conversation_id == other.theirs.conversation_id,
        PrivateMessage.id > other.theirs.deleted_through_id,
        PrivateMessage.sender_id == other.user.id,
    )
    return bool(session.scalar(select(written)))


def _lock(session: Session, one: int, other: int) -> bool:
    """Lock both accounts until this transaction ends; return whether others see both."""
    # FOR NO KEY UPDATE does not block the writers of posts, whose foreign keys refer to them.
    lock = select(User.id).where(User.id.in_({one, other}), visible()).order_by(User.id)
    return len(session.scalars(lock.with_for_update(key_share=True)).all()) == 2


def _empty(
    session: Session, message_id: int, conversation_id: int, receiver_id: int, *, now: datetime
) -> bool:
    """Remove the text of a message, which its receiver then need not read any more."""
    emptied: Any = session.execute(
        update(PrivateMessage)
        .where(PrivateMessage.id == message_id)
        .values(body="", deleted_at=func.coalesce(PrivateMessage.deleted_at, now))
        .execution_options(synchronize_session=False)
    )
    theirs = _lock_participation(session, receiver_id, conversation_id)
    if theirs is not None:
        theirs.unread = _count_unread(session, theirs)
    return bool(emptied.rowcount)


def _is_confirmed(session: Session, user_id: int) -> bool:
    confirmed = select(User.email_verified_at).where(User.id == user_id)
    return session.scalar(confirmed) is not None


def _begin(session: Session, one: int, other: int) -> int:
    first, second = sorted((one, other))
    conversation = Conversation(first_id=first, second_id=second)
    session.add(conversation)
    session.flush()
    session.add_all(
        Participation(
            user_id=user_id, conversation_id=conversation.id, other_id=other_id, last_message_id=0
        )
        for user_id, other_id in ((first, second), (second, first))
    )
    session.flush()
    return conversation.id


def _lock_participation(
    session: Session, user_id: int, conversation_id: int
) -> Participation | None:
    # Messages are counted by a statement of its own: one that waited for the lock would not see
    # what it waited for.
    wanted = select(Participation).where(
        Participation.user_id == user_id, Participation.conversation_id == conversation_id
    )
    wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    return session.scalar(wanted)


def _count_unread(session: Session, own: Participation) -> int:
    unread = select(func.count()).where(
        PrivateMessage.conversation_id == own.conversation_id,
        PrivateMessage.id > max(own.read_through_id, own.deleted_through_id),
        PrivateMessage.sender_id == own.other_id,
        PrivateMessage.deleted_at.is_(None),
    )
    return session.scalar(unread) or 0


def _seen_by(reader_id: int | ColumnElement[int]) -> Sequence[ColumnElement[bool]]:
    """That the reader sees the other of a participation, whose account is joined."""
    return visible(), ~across_a_block(reader_id)


def _between(
    session: Session, own: Participation, after: int, before: int
) -> Sequence[ColumnElement[bool]]:
    """The messages of a conversation between these two, without both."""
    conversation_id = own.conversation_id
    if session.get_bind().dialect.name == "sqlite":
        # Of columns in one piece, it would look for the first alone in the index of both.
        is_between = PrivateMessage.id > after, PrivateMessage.id < before
        return PrivateMessage.conversation_id == conversation_id, *is_between
    # Compared in one piece, so that PostgreSQL reads the index of both columns. By the primary key
    # it would look for the messages of a quiet conversation among those of all others.
    place = tuple_(*_PLACE)
    return (
        place > tuple_(literal(conversation_id), literal(after)),
        place < tuple_(literal(conversation_id), literal(before)),
    )


def _remove_what_both_deleted(session: Session, own: Participation, theirs: Participation) -> None:
    through_id = min(own.deleted_through_id, theirs.deleted_through_id)
    conversation_id = own.conversation_id
    session.execute(
        delete(PrivateMessage)
        .where(PrivateMessage.conversation_id == conversation_id, PrivateMessage.id <= through_id)
        .execution_options(synchronize_session=False)
    )
    if through_id >= own.last_message_id:
        session.execute(delete(Conversation).where(Conversation.id == conversation_id))


_READER: ColumnElement[int] = bindparam("reader", type_=Integer)

# Building a statement costs more than running it, and this one runs with each page.
_COUNT_UNREAD = select(func.count()).select_from(
    select(Participation.conversation_id)
    .join(User, User.id == Participation.other_id)
    .where(
        Participation.user_id == _READER,
        # The very words of the index.
        Participation.unread > literal_column("0"),
        *_seen_by(_READER),
        ~exists().where(Mute.muter_id == _READER, Mute.muted_id == User.id),
    )
    .limit(bindparam("most", type_=Integer))
    .subquery()
)
