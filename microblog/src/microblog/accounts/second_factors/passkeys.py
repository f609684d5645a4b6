"""Passkeys: keys in a device or a password manager, which the site knows the public half of.

A passkey signs in alone where its device checked who is there (a fingerprint, a face, a PIN), and
beside a password in any case. No account is looked up before a passkey proved whose it is, so no
answer tells who has one. Source: Web Authentication Level 3, sections 7.1 and 7.2; ASVS 5.0, 6.3.3
and 6.7.2.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from microblog.accounts.models import Passkey, User
from microblog.accounts.second_factors.challenges import make_challenge, use_challenge
from microblog.accounts.second_factors.relying_party import PasskeyError, RelyingParty
from microblog.accounts.tokens import Keys

SIGN_IN = "sign in"
"""The purpose of challenges for a passkey alone. Others name their account or session."""

HANDLE_BYTES = 32
PASSKEYS_KEPT = 50


class KnownPasskeyError(PasskeyError):
    """The passkey belongs to an account already."""


@dataclass(frozen=True)
class Use:
    """A passkey was used. `is_copied`: its counter went back, so there may be two of it."""

    passkey: Passkey
    user_verified: bool
    is_copied: bool


def registration_options(
    session: Session, keys: Keys, site: RelyingParty, user: User, *, now: datetime
) -> str:
    """Return what the browser needs to make a passkey for this account, as JSON.

    The account must be locked: it gets the handle that its passkeys know it by.
    """
    from microblog.accounts.second_factors import ceremonies  # noqa: PLC0415 - see there

    user.passkey_handle = user.passkey_handle or secrets.token_bytes(HANDLE_BYTES)
    return ceremonies.creation_options(
        site,
        user,
        passkeys_of(session, user.id),
        challenge=make_challenge(keys, _registration_of(user.id), now=now),
        handle=user.passkey_handle,
    )


def register(
    session: Session,
    keys: Keys,
    site: RelyingParty,
    user: User,
    answer: str,
    *,
    name: str,
    now: datetime,
) -> Passkey:
    """Store the passkey that a browser made for this account, and return it.

    Raises PasskeyError; KnownPasskeyError if it is stored already.
    """
    from microblog.accounts.second_factors import ceremonies  # noqa: PLC0415 - see there

    said = ceremonies.read_answer(answer)
    made = ceremonies.verify_creation(said, site)
    if not use_challenge(session, keys, _registration_of(user.id), said.challenge, now=now):
        raise PasskeyError
    passkey = Passkey(
        user_id=user.id,
        credential_id=made.id,
        public_key=made.public_key,
        sign_count=made.sign_count,
        name=name,
        transports=list(said.transports),
        is_synced=made.is_synced,
        created_at=now,
    )
    try:
        with session.begin_nested():
            session.add(passkey)
    except IntegrityError:
        raise KnownPasskeyError from None
    return passkey


def sign_in_options(keys: Keys, site: RelyingParty, *, now: datetime) -> str:
    """Return what the browser needs to sign in with any passkey of this site, as JSON."""
    from microblog.accounts.second_factors import ceremonies  # noqa: PLC0415 - see there

    challenge = make_challenge(keys, SIGN_IN, now=now)
    return ceremonies.request_options(site, (), challenge=challenge, user_verified=True)


def options_for(
    session: Session, keys: Keys, site: RelyingParty, user_id: int, purpose: str, *, now: datetime
) -> str:
    """Return what the browser needs to use a passkey of this account, as JSON."""
    from microblog.accounts.second_factors import ceremonies  # noqa: PLC0415 - see there

    challenge, own = make_challenge(keys, purpose, now=now), passkeys_of(session, user_id)
    return ceremonies.request_options(site, own, challenge=challenge, user_verified=False)


def use_passkey(
    session: Session,
    keys: Keys,
    site: RelyingParty,
    answer: str,
    *,
    purpose: str,
    now: datetime,
    user_id: int | None = None,
) -> Use:
    """Return which passkey a browser's answer proves, and use the challenge up.

    It must be one of the account `user_id`; without it any account's, if its device checked who is
    there. A passkey whose counter went back is told as copied, and its counter stays. The account
    is locked until the transaction ends. Raises PasskeyError.
    """
    from microblog.accounts.second_factors import ceremonies  # noqa: PLC0415 - see there

    said, is_alone = ceremonies.read_answer(answer), user_id is None
    passkey = _locked(session, said.credential_id, user_id)
    if passkey is None:
        raise PasskeyError
    key = passkey.public_key
    assertion = ceremonies.verify_assertion(said, site, key, user_verified=is_alone)
    if not _is_of(session, passkey.user_id, said.handle, needed=is_alone):
        raise PasskeyError
    if not use_challenge(session, keys, purpose, said.challenge, now=now):
        raise PasskeyError
    is_copied = not _count(session, passkey, assertion.sign_count, now=now)
    return Use(passkey, assertion.user_verified, is_copied)


def passkeys_of(session: Session, user_id: int) -> Sequence[Passkey]:
    """Return the account's passkeys, the oldest first."""
    own = select(Passkey).where(Passkey.user_id == user_id)
    return session.scalars(own.order_by(Passkey.id)).all()


def find_passkey(session: Session, user_id: int, passkey_id: int) -> Passkey | None:
    """Return this passkey if it is the account's."""
    own = Passkey.user_id == user_id, Passkey.id == passkey_id
    return session.scalar(select(Passkey).where(*own))


def _registration_of(user_id: int) -> str:
    return f"registration of {user_id}"


def _count(session: Session, passkey: Passkey, count: int, *, now: datetime) -> bool:
    """Store the counter; False if it is not above the last one. Synced passkeys always send 0."""
    higher = Passkey.sign_count < count if count else Passkey.sign_count == 0
    counted = update(Passkey).where(Passkey.id == passkey.id, higher)
    done = session.execute(counted.values(sign_count=count, used_at=now))
    return bool(done.rowcount)  # type: ignore[attr-defined]


def _locked(session: Session, credential_id: bytes, user_id: int | None) -> Passkey | None:
    """Return this passkey, of this account if one is given, with its account locked first.

    Whoever removes one does the same: otherwise each of the two could wait for the other.
    """
    named = Passkey.credential_id == credential_id
    owner_id = session.scalar(select(Passkey.user_id).where(named))
    if owner_id is None or owner_id != (user_id or owner_id):
        return None
    session.execute(select(User.id).where(User.id == owner_id).with_for_update())
    return session.scalar(select(Passkey).where(named).execution_options(populate_existing=True))


def _is_of(session: Session, user_id: int, handle: bytes | None, *, needed: bool) -> bool:
    """Whether the passkey says it belongs to this account (Web Authentication, 7.2, step 6)."""
    if handle is None:
        return not needed
    owner = session.get(User, user_id)
    return owner is not None and owner.passkey_handle == handle
