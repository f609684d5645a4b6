"""The tables of accounts: people, their sessions and browsers, and what happened to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from flask_outbox import address_key
from microblog.accounts.confusables import skeleton
from microblog.database import Model, utc_now

DISPLAY_NAME_CODE_POINTS = 160
"""Of at most 40 characters: four for each, as emoji have."""


def _key_of_old(row: Any) -> str:
    return address_key(row.get_current_parameters()["old_email"])


def _key_of_new(row: Any) -> str:
    return address_key(row.get_current_parameters()["new_email"])


def _skeleton_of_name(row: Any) -> str:
    return skeleton(row.get_current_parameters()["username"])


class User(Model):
    """A person with an account.

    `username_key` and `email_key` are the normalised spellings by which the account is found. No
    two names share a `username_skeleton`, except names from before that rule: all but the oldest
    are marked with `confusable_username`, and stay. Several accounts may claim one address, but
    only one can verify it: whoever registers somebody else's address takes nothing from them, and
    learns nothing.

    `deletes_at` is the end of the grace period after which the account is deleted. `locale` and
    `time_zone` are the person's own choice; None follows the browser. `display_name` is what the
    person wants to be called; None is the user name.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(64))
    username_key: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), index=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    registered_at: Mapped[datetime] = mapped_column(default=utc_now)
    email_verified_at: Mapped[datetime | None]
    is_admin: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]
    deletes_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    locale: Mapped[str | None] = mapped_column(String(16))
    time_zone: Mapped[str | None] = mapped_column(String(64))
    username_skeleton: Mapped[str] = mapped_column(
        String(255), default=_skeleton_of_name, index=True
    )
    confusable_username: Mapped[bool] = mapped_column(default=False)
    display_name: Mapped[str | None] = mapped_column(String(DISPLAY_NAME_CODE_POINTS))

    __table_args__ = (
        Index(
            "uq_users_username_skeleton",
            "username_skeleton",
            unique=True,
            sqlite_where=text("NOT confusable_username"),
            postgresql_where=text("NOT confusable_username"),
        ),
        Index(
            "uq_users_verified_email_key",
            "email_key",
            unique=True,
            sqlite_where=text("email_verified_at IS NOT NULL"),
            postgresql_where=text("email_verified_at IS NOT NULL"),
        ),
        # Partial, since SQLite would otherwise use it for queries about all other accounts.
        Index(
            None,
            "deletes_at",
            sqlite_where=text("deletes_at IS NOT NULL"),
            postgresql_where=text("deletes_at IS NOT NULL"),
        ),
    )

    def __repr__(self) -> str:
        return f"<User {self.username}>"


class LoginSession(Model):
    """One browser in which a person is logged in. The cookie holds the secret, the row its digest.

    A remembered session outlives the browser's own. `browser` is the browser's name, `address` the
    network that it came from, too coarse to tell one person from another.
    """

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    remembered: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    browser: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(64), default="")

    user: Mapped[User] = relationship(lazy="joined")


class KnownBrowser(Model):
    """A browser in which a person logged in before. The cookie holds a secret, the row its digest.

    It proves nothing: it only spares its owner the notice of a new browser, and the throttle that
    strangers run into.
    """

    __tablename__ = "known_browsers"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)

    __table_args__ = (Index(None, "user_id", "digest", unique=True),)


class LoginThrottle(Model):
    """Failed log-ins, counted by a digest of what was typed, whether that is an account or not."""

    __tablename__ = "login_throttles"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    failed_at: Mapped[datetime] = mapped_column(index=True)
    blocked_until: Mapped[datetime | None]


class PasswordResetRequest(Model):
    """A reset that a browser asked for, whether the address has an account or not.

    The browser's cookie holds a nonce, the row its digest. `message_id` is the email's id in the
    outbox; `tries` counts the codes that were tried.
    """

    __tablename__ = "password_reset_requests"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    message_id: Mapped[int] = mapped_column(BigInteger)
    requested_at: Mapped[datetime] = mapped_column(index=True)
    tries: Mapped[int] = mapped_column(default=0)


class SecurityEvent(Model):
    """Something that happened to an account, for its owner to read.

    `kind` is a SecurityEventType; `details` are what its sentence needs.
    """

    __tablename__ = "security_events"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(32))
    at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    browser: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index(None, "user_id", "at"),)


class EmailChange(Model):
    """A change of address: requested, confirmed by the new address, perhaps undone by the old one.

    The old address can undo it until `undo_until`. Addresses are found by their keys.
    """

    __tablename__ = "email_changes"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    old_email: Mapped[str] = mapped_column(String(254))
    new_email: Mapped[str] = mapped_column(String(254))
    requested_at: Mapped[datetime] = mapped_column(default=utc_now)
    confirmed_at: Mapped[datetime | None]
    undo_until: Mapped[datetime | None]
    undone_at: Mapped[datetime | None]
    old_email_key: Mapped[str] = mapped_column(String(254), default=_key_of_old, index=True)
    new_email_key: Mapped[str] = mapped_column(String(254), default=_key_of_new, index=True)
