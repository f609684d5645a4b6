"""Tables of profiles, and who follows, blocks or mutes whom."""

from __future__ import annotations

from sqlalchemy import ForeignKey, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from microblog.database import Model


class Profile(Model):
    """What a person says about themselves. `avatar_digest` names their uploaded picture, if any."""

    __tablename__ = "profiles"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    about_me: Mapped[str] = mapped_column(Text, default="")
    avatar_digest: Mapped[str | None] = mapped_column(String(64))


class Avatar(Model):
    """A person's uploaded picture, as the site encoded it.

    A table of its own, since lists need only the digest.
    """

    __tablename__ = "avatars"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Follow(Model):
    """`follower` reads what `followed` writes."""

    __tablename__ = "follows"

    follower_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    followed_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Block(Model):
    """`blocker` and `blocked` see nothing of each other."""

    __tablename__ = "blocks"

    blocker_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    blocked_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class Mute(Model):
    """`muter` does not see the posts of `muted` in timelines; `muted` does not notice."""

    __tablename__ = "mutes"

    muter_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    muted_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
