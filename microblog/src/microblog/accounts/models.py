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

PASSKEY_NAME_CODE_POINTS = 64


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
    person wants to be called; None is the user name. `passkey_handle` is what passkeys know the
    account by, made for the first one. `second_factor_ends_at` is when the second factor will be
    removed, since its owner lost it, unless somebody objects.
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
    passkey_handle: Mapped[bytes | None] = mapped_column(LargeBinary(64))
    second_factor_ends_at: Mapped[datetime | None]

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
        Index(
            None,
            "second_factor_ends_at",
            sqlite_where=text("second_factor_ends_at IS NOT NULL"),
            postgresql_where=text("second_factor_ends_at IS NOT NULL"),
        ),
    )

    def __repr__(self) -> str:
        return f"<User {self.username}>"


class LoginSession(Model):
    """One browser in which a person is logged in. The cookie holds the secret, the row its digest.

    A remembered session outlives the browser's own. `browser` is the browser's name, `address` the
    network that it came from, too coarse to tell one person from another. `methods` say how it was
    opened, in the words of RFC 8176 (amr); `proved_at` is when its person last proved who they are.
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
    methods: Mapped[str] = mapped_column(String(64), default="pwd", server_default="pwd")
    proved_at: Mapped[datetime | None]

    user: Mapped[User] = relationship(lazy="joined")


class KnownBrowser(Model):
    """A browser in which a person logged in before. The cookie holds a secret, the row its digest.

    It proves nothing: it only spares its owner the notice of a new browser, and the throttle that
    strangers run into. Until `trusted_until`, if its owner wished so, it spares the second step.
    """

    __tablename__ = "known_browsers"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    seen_at: Mapped[datetime] = mapped_column(default=utc_now, index=True)
    trusted_until: Mapped[datetime | None]

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


class Passkey(Model):
    """A passkey of an account (WebAuthn). `is_synced`: it is kept in more devices than one.

    `sign_count` is the counter that some authenticators raise at each use; `transports` are how
    browsers reach it.
    """

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary(1023), unique=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    name: Mapped[str] = mapped_column(String(PASSKEY_NAME_CODE_POINTS))
    transports: Mapped[list[str]] = mapped_column(JSON, default=list)
    is_synced: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    used_at: Mapped[datetime | None]


class Authenticator(Model):
    """The app whose codes an account accepts, once one of them confirmed it.

    `secret` is sealed; `last_step` is the time step of the last code that was used.
    """

    __tablename__ = "authenticators"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int] = mapped_column(BigInteger, default=0)
    used_at: Mapped[datetime | None]


class RecoveryCode(Model):
    """A code for when all other second factors are lost: its digest, and when it was used."""

    __tablename__ = "recovery_codes"

    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(default=utc_now)
    used_at: Mapped[datetime | None]


class UsedChallenge(Model):
    """A challenge for a passkey that was used, until it could not be used any more anyway."""

    __tablename__ = "used_challenges"

    challenge: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)
