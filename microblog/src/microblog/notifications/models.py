"""Tables of notifications, of which kinds a person wants, and of what they are emailed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from microblog.database import Model, utc_now


class Notification(Model):
    """Something that `actor` did and that concerns `user`: a reply, a mention, a like, a follow.

    It is deleted with its cause. `post_id` is the reply, the post that mentions, or the post that
    is liked; None for a follow.
    """

    __tablename__ = "notifications"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    actor_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    post_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    read_at: Mapped[datetime | None]

    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "ix_notifications_unread",
            "user_id",
            "id",
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        # For the removal of what was read long ago, and of what was taken back.
        Index(
            None,
            "read_at",
            sqlite_where=text("read_at IS NOT NULL"),
            postgresql_where=text("read_at IS NOT NULL"),
        ),
        Index(
            "ix_notifications_withdrawn",
            "read_at",
            sqlite_where=text("kind IN ('unmention', 'unlike', 'unfollow')"),
            postgresql_where=text("kind IN ('unmention', 'unlike', 'unfollow')"),
        ),
        # The post first: those about a new post stand side by side, and are found by it.
        Index(
            "uq_notifications_of_posts",
            "post_id",
            "user_id",
            "kind",
            "actor_id",
            unique=True,
            sqlite_where=text("post_id IS NOT NULL"),
            postgresql_where=text("post_id IS NOT NULL"),
        ),
        Index(
            "uq_notifications_of_people",
            "user_id",
            "kind",
            "actor_id",
            unique=True,
            sqlite_where=text("post_id IS NULL"),
            postgresql_where=text("post_id IS NULL"),
        ),
    )


class NotificationPreference(Model):
    """A person does not want notifications of this kind."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_wanted: Mapped[bool] = mapped_column(default=False)


class EmailPreference(Model):
    """What a person wants to be emailed of what concerns them, and how far that was done.

    `reply`, `mention` and `message` are each a Frequency; `reply_since` and so on are the ends of
    the last windows that were bundled. Bundles leave at `hour` (0 to 23), weekly ones on `weekday`
    (0 is Monday). `time_zone` and `locale` are those of the browser in which this was chosen, for
    who chose none for the account.

    From `next_at` on it is looked whether a bundle is due; None if there is nothing to look for.
    `at_once_at` is when the last email at once was written. `stopped_at` is when all of it stopped,
    since its reader had not been here for long.
    """

    __tablename__ = "email_preferences"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    reply: Mapped[str] = mapped_column(String(8))
    mention: Mapped[str] = mapped_column(String(8))
    message: Mapped[str] = mapped_column(String(8))
    reply_since: Mapped[datetime]
    mention_since: Mapped[datetime]
    message_since: Mapped[datetime]
    hour: Mapped[int]
    weekday: Mapped[int]
    time_zone: Mapped[str | None] = mapped_column(String(64))
    locale: Mapped[str] = mapped_column(String(16))
    chosen_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    at_once_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            None,
            "next_at",
            sqlite_where=text("next_at IS NOT NULL"),
            postgresql_where=text("next_at IS NOT NULL"),
        ),
    )
