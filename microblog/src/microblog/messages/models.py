"""Tables of conversations, of the messages in them, and of who may write to whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from microblog.database import Model, utc_now


class Conversation(Model):
    """What two people write to each other; `first_id` is the smaller of their ids.

    It is deleted with either account.
    """

    __tablename__ = "conversations"

    id: Mapped[int] = mapped_column(primary_key=True)
    first_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    second_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)

    __table_args__ = (
        UniqueConstraint("first_id", "second_id"),
        CheckConstraint("first_id < second_id", name="order"),
    )


class Participation(Model):
    """A conversation as one of the two sees it.

    `last_message_id` is the newest message, by which conversations are listed; `read_through_id`
    the newest that this person saw, and `unread` how many messages of the other are newer. A person
    who deletes a conversation sees only messages after `deleted_through_id`.
    """

    __tablename__ = "participations"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    other_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    last_message_id: Mapped[int]
    read_through_id: Mapped[int] = mapped_column(default=0)
    deleted_through_id: Mapped[int] = mapped_column(default=0)
    unread: Mapped[int] = mapped_column(default=0)

    __table_args__ = (
        Index(None, "user_id", "last_message_id"),
        # For the figure on every page, of which most people with many conversations have few.
        Index(
            "ix_participations_unread",
            "user_id",
            sqlite_where=text("unread > 0"),
            postgresql_where=text("unread > 0"),
        ),
    )


class PrivateMessage(Model):
    """One message in a conversation. Its text is removed when its sender deletes it."""

    __tablename__ = "messages"

    id: Mapped[int] = mapped_column(primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    deleted_at: Mapped[datetime | None]

    __table_args__ = (Index(None, "conversation_id", "id"),)


class MessagePreference(Model):
    """From whom a person wants messages: "everybody", "following" or "nobody"."""

    __tablename__ = "message_preferences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    senders: Mapped[str] = mapped_column(String(16))
