"""The code beside a reset link, which only the browser that asked for the reset can use.

The browser keeps a nonce, the database its digest. The code is a keyed digest of that, and of the
account's password and address, as the link's fingerprint is: it is stored nowhere, and a new
password ends it together with the link.

Sources: OWASP Forgot Password Cheat Sheet (PINs); NIST SP 800-63B-4, 3.2.2 and 4.2.1.2; ASVS 5.0,
6.6.2 and 6.6.3.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from flask_outbox import ACCEPTED, OutboxMessage
from microblog.accounts.lookup import columns_by_email
from microblog.accounts.models import PasswordResetRequest, User
from microblog.accounts.secrets import secret_digest
from microblog.accounts.sessions.login_throttle import RESET_CODE, admit, throttle_key
from microblog.accounts.tokens import RESET_PASSWORD, Keys, State, account_state, make_token
from microblog.accounts.typed_codes import ALPHABET, without_separators
from microblog.web.times import from_unix

LENGTH = 8
"""Of 31 characters each: 39 bits."""

TRIES = 5
"""For each request, right ones included."""

KEPT = timedelta(days=2)
"""Longer than a request can wait and its link then work."""

REMOVED_AT_ONCE = 1000

_CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")

_NOBODY = (0, "", "")
"""Stands for the account where there is none, so that the work is the same."""


class NoTriesLeftError(Exception):
    """All tries of this request were used, or it is too old or replaced."""


class TooManyTriesError(Exception):
    """Too many codes were tried for this address, whatever the requests; `wait` says how long."""

    def __init__(self, wait: timedelta) -> None:
        self.wait = wait
        super().__init__(wait)


@dataclass(frozen=True)
class Try:
    """A try that was counted: for which request, and how many are left after it."""

    digest: bytes
    left: int
    message: OutboxMessage | None


def begin_request(session: Session, message_id: int, nonce: str, *, now: datetime) -> None:
    """Store that the browser with this nonce asked for the reset that this message is about."""
    session.add(
        PasswordResetRequest(digest=secret_digest(nonce), message_id=message_id, requested_at=now)
    )


def end_request(session: Session, nonce: str) -> None:
    """Make the code for this nonce worthless."""
    old = PasswordResetRequest.digest == secret_digest(nonce)
    session.execute(delete(PasswordResetRequest).where(old))


def make_code(key: str, digest: bytes, user_id: int, state: State) -> str:
    """Make the code of the request with this digest, for an account in this state."""
    text = "\0".join([digest.hex(), str(user_id), *state])
    number = int.from_bytes(hmac.digest(key.encode(), b"reset code\0" + text.encode(), "sha256"))
    letters = []
    for _place in range(LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def code_for(keys: Keys, digest: bytes, user: User) -> str:
    """Make the code that is mailed to this account, in two groups for people to read."""
    code = make_code(keys.current, digest, user.id, account_state(user))
    return f"{code[: LENGTH // 2]} {code[LENGTH // 2 :]}"


def read_code(typed: str) -> str | None:
    """Return the code that was typed, whatever its case and the blanks and hyphens in it.

    Returns None for what cannot be a code.
    """
    code = without_separators(typed).upper()
    return code if _CODE.fullmatch(code) else None


def admit_try(session: Session, keys: Keys, nonce: str, *, now: datetime) -> Try:
    """Count a try for the request of the browser with this nonce, before the code is looked at.

    It is exact for simultaneous tries if the transaction is committed before that. Raises
    NoTriesLeftError, and TooManyTriesError, which is to undo the transaction. Nothing here depends
    on whether the address has an account.
    """
    digest = secret_digest(nonce)
    count = (
        update(PasswordResetRequest)
        .where(
            PasswordResetRequest.digest == digest,
            PasswordResetRequest.tries < TRIES,
            PasswordResetRequest.requested_at > now - KEPT,
        )
        .values(tries=PasswordResetRequest.tries + 1)
        .returning(PasswordResetRequest.tries, PasswordResetRequest.message_id)
    )
    found = session.execute(count).one_or_none()
    if found is None:
        raise NoTriesLeftError
    message = session.get(OutboxMessage, found.message_id)
    if message is not None:
        key = throttle_key(keys, message.recipient_key, purpose=RESET_CODE)
        wait = admit(session, key, now=now)
        if wait is not None:
            raise TooManyTriesError(wait)
    return Try(digest, TRIES - found.tries, message)


def token_for_code(
    session: Session, keys: Keys, one: Try, code: str, *, now: datetime, lifetime: timedelta
) -> str | None:
    """Return the token of the link beside this code, if the code is right and the link still works.

    The work is the same whether the address has an account or not.
    """
    recipient = one.message.recipient_key if one.message else ""
    found = columns_by_email(session, recipient, User.id, User.password_hash, User.email_key)
    user_id, *state = found or _NOBODY
    codes = [make_code(key, one.digest, user_id, state) for key in keys]
    matching = [hmac.compare_digest(mine, code) for mine in codes]
    if not any(matching) or one.message is None:
        return None
    user = session.get(User, user_id)
    sent_at = _sent_at(one.message)
    if user is None or user.disabled_at is not None or now >= sent_at + lifetime:
        return None
    return make_token(keys, RESET_PASSWORD, user, now=sent_at, lifetime=lifetime)


def prune_requests(session: Session, now: datetime) -> bool:
    """Delete a batch of old requests; return whether there may be more."""
    old = PasswordResetRequest.requested_at < now - KEPT
    digest = PasswordResetRequest.digest
    found = session.scalars(select(digest).where(old).limit(REMOVED_AT_ONCE)).all()
    session.execute(delete(PasswordResetRequest).where(digest.in_(found), old))
    return len(found) == REMOVED_AT_ONCE


def _sent_at(message: OutboxMessage) -> datetime:
    """When the message was sent; when it was enqueued, if that is not settled."""
    settled = message.settled_at if message.status in ACCEPTED else None
    return from_unix(message.created_at if settled is None else settled)
