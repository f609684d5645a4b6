"""Logging in (RFC 4954): the mechanisms, their order, and what counts as success."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable
from itertools import chain, repeat
from typing import Protocol

from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.replies import Reply

CHALLENGES_MAXIMUM = 5

Answer = Callable[[str], bytes]
"""Returns the answer to a challenge, which is Base64 as a rule, or raises ValueError."""


class Connection(Protocol):
    """What a log-in needs of a connection to a server."""

    @property
    def mechanisms(self) -> list[str]: ...

    @property
    def is_open(self) -> bool: ...

    def command(self, step: Step, line: str, *, shown: str | None = None) -> Reply: ...


def log_in(connection: Connection, username: str, password: str) -> None:
    """Try each mechanism that the server offers until one succeeds.

    Servers offer some that they do not support, or not for this account.

    Raises SmtpError: the last refusal, if all are refused.
    """
    name, secret = username.encode(), password.encode()
    refusal: SmtpError | None = None
    for mechanism, prove in _MECHANISMS.items():
        if mechanism not in connection.mechanisms:
            continue
        try:
            prove(connection, name, secret)
        except SmtpError as error:
            if not connection.is_open:
                # If the server refused and then hung up, its refusal is what counts.
                raise refusal or error from None
            refusal = error
        else:
            return
    if refusal is None:
        offered = ", ".join(connection.mechanisms)
        but = f"; it offers {offered}" if offered else ""
        raise SmtpError(Step.AUTH, None, f"the server offers no log-in with a password here{but}")
    raise refusal


def log_in_with_token(connection: Connection, username: str, token: str) -> None:
    """Log in with XOAUTH2, which Google and Microsoft documented and still accept.

    Its successor OAUTHBEARER (RFC 7628) is not offered by Microsoft. Raises SmtpError.
    """
    if "XOAUTH2" not in connection.mechanisms:
        raise SmtpError(Step.AUTH, None, "the server offers no log-in with a token here")
    initial_response = f"user={username}\1auth=Bearer {token}\1\1".encode()
    # A challenge contains the reason of a refusal; the code follows after an empty answer.
    _converse(connection, _begin(connection, "XOAUTH2", initial_response), lambda _challenge: b"")


def _cram_md5(connection: Connection, username: bytes, password: bytes) -> None:
    def answer(challenge: str) -> bytes:
        # On a machine that forbids MD5, this raises ValueError too.
        digest = hmac.new(password, base64.b64decode(challenge), "md5").hexdigest()
        return username + b" " + digest.encode()

    _converse(connection, _begin(connection, "CRAM-MD5"), answer)


def _plain(connection: Connection, username: bytes, password: bytes) -> None:
    initial_response = b"\0" + username + b"\0" + password
    # Some servers ignore what comes with the command, and ask for it again.
    _converse(
        connection,
        _begin(connection, "PLAIN", initial_response),
        lambda _challenge: initial_response,
    )


def _login(connection: Connection, username: bytes, password: bytes) -> None:
    reply, answers = _begin(connection, "LOGIN"), [username, password]
    if reply.code >= 500 and not _is_good(reply):
        # Some servers expect the name in the command. The password was not sent so far.
        refusal = SmtpError(Step.AUTH, reply.code, reply.text)
        try:
            reply, answers = _begin(connection, "LOGIN", username), [password]
        except SmtpError:
            raise refusal from None
    following = chain(answers, repeat(password))
    _converse(connection, reply, lambda _challenge: next(following))


_MECHANISMS: dict[str, Callable[[Connection, bytes, bytes], None]] = {
    "CRAM-MD5": _cram_md5,
    "PLAIN": _plain,
    "LOGIN": _login,
}
"""In the order of the standard library's client, so that sites which used it see no difference."""


def _begin(connection: Connection, mechanism: str, initial_response: bytes | None = None) -> Reply:
    if initial_response is None:
        return connection.command(Step.AUTH, f"AUTH {mechanism}")
    line = f"AUTH {mechanism} {base64.b64encode(initial_response).decode()}"
    return connection.command(Step.AUTH, line, shown=f"AUTH {mechanism} ***")


def _converse(connection: Connection, reply: Reply, answer: Answer) -> None:
    """Answer the server's challenges until it accepts. Raises SmtpError if it refuses."""
    for _ in range(CHALLENGES_MAXIMUM):
        if not reply.is_intermediate:
            break
        try:
            line = base64.b64encode(answer(reply.text)).decode()
        except ValueError:
            reply = _cancel(connection)
            break
        reply = connection.command(Step.AUTH, line, shown="***")
    if reply.is_intermediate:
        reply = _cancel(connection)
    if not _is_good(reply):
        raise SmtpError(Step.AUTH, reply.code, reply.text)


def _is_good(reply: Reply) -> bool:
    """Whether we are logged in: now, or since before (RFC 4954, section 4).

    503 may also mean that a log-in is not possible now. To go on then would cost messages that the
    server accepts only after a log-in.
    """
    return reply.is_good or (reply.code == 503 and "already" in reply.text.lower())


def _cancel(connection: Connection) -> Reply:
    """Cancel a mechanism (RFC 4954, section 4): the server answers with 501."""
    return connection.command(Step.AUTH, "*")
