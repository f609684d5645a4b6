"""Tables of posts, their tags, whom they mention, and who likes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from microblog.accounts.models import User
from microblog.database import Model, string_by_bytes, utc_now


class Post(Model):
    """A short text by one person. `edited_at` is when its author last changed it.

    A reply has the id of its thread's first post in `thread_id`, which stays when that one is
    gone: then `reply_to_id` is None. `reply_to_user_id` is the author of what it answers.
    `deleted_at` is when it was deleted: its text is kept for a while, since that can be undone, and
    the row if there are replies then.
    """

    __tablename__ = "posts"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    edited_at: Mapped[datetime | None]
    thread_id: Mapped[int | None]
    reply_to_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="SET NULL"))
    reply_to_user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL")
    )
    deleted_at: Mapped[datetime | None]

    author: Mapped[User] = relationship(lazy="raise", foreign_keys=[user_id])

    __table_args__ = (
        Index(None, "user_id", "id"),
        *(
            Index(
                None,
                *columns,
                sqlite_where=text(f"{columns[0]} IS NOT NULL"),
                postgresql_where=text(f"{columns[0]} IS NOT NULL"),
            )
            for columns in (
                ("reply_to_id", "id"),
                ("thread_id", "id"),
                ("reply_to_user_id",),
                ("deleted_at",),
            )
        ),
    )


class PostTag(Model):
    """One tag of a post. `tag` is its normalised spelling, under which all its posts are found."""

    __tablename__ = "post_tags"

    tag: Mapped[str] = mapped_column(string_by_bytes(64), primary_key=True)
    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Mention(Model):
    """A post mentions this person."""

    __tablename__ = "mentions"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Like(Model):
    """A person likes a post."""

    __tablename__ = "likes"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
