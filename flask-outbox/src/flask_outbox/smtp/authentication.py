"""Logging in (RFC 4954): the mechanisms, their order, and what counts as a yes."""

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
"""What to answer to a challenge, given as it came: Base64, as a rule. Raises ValueError where it
cannot be answered."""


class Connection(Protocol):
    """What a log-in needs of a connection to a server."""

    @property
    def mechanisms(self) -> list[str]: ...

    @property
    def is_open(self) -> bool: ...

    def command(self, step: Step, line: str, *, shown: str | None = None) -> Reply: ...


def log_in(connection: Connection, username: str, password: str) -> None:
    """Try each mechanism that the server offers, until one is good.

    Servers offer some that they do not have, or not for this account.

    Raises SmtpError: the last refusal, if all were refused.
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
                # Where the server refused and hung up, its refusal is what counts.
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
    """XOAUTH2, the form that Google and Microsoft documented and still take.

    OAUTHBEARER (RFC 7628) is its successor, which Microsoft does not offer. Raises SmtpError.
    """
    if "XOAUTH2" not in connection.mechanisms:
        raise SmtpError(Step.AUTH, None, "the server offers no log-in with a token here")
    said = f"user={username}\1auth=Bearer {token}\1\1".encode()
    # A challenge holds why it was refused; the code follows an empty answer.
    _converse(connection, _begin(connection, "XOAUTH2", said), lambda _challenge: b"")


def _cram_md5(connection: Connection, username: bytes, password: bytes) -> None:
    def answer(challenge: str) -> bytes:
        # Where this machine may not compute MD5, that is a ValueError too.
        digest = hmac.new(password, base64.b64decode(challenge), "md5").hexdigest()
        return username + b" " + digest.encode()

    _converse(connection, _begin(connection, "CRAM-MD5"), answer)


def _plain(connection: Connection, username: bytes, password: bytes) -> None:
    said = b"\0" + username + b"\0" + password
    # Some servers ignore what comes with the command, and ask for it.
    _converse(connection, _begin(connection, "PLAIN", said), lambda _challenge: said)


def _login(connection: Connection, username: bytes, password: bytes) -> None:
    reply, answers = _begin(connection, "LOGIN"), [username, password]
    if reply.code >= 500 and not _is_good(reply):
        # Some servers want the name in the command. The password was not said so far.
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
"""In the order of the standard library's client: a site that comes from it meets no surprise."""


def _begin(connection: Connection, mechanism: str, said: bytes | None = None) -> Reply:
    if said is None:
        return connection.command(Step.AUTH, f"AUTH {mechanism}")
    line = f"AUTH {mechanism} {base64.b64encode(said).decode()}"
    return connection.command(Step.AUTH, line, shown=f"AUTH {mechanism} ***")


def _converse(connection: Connection, reply: Reply, answer: Answer) -> None:
    """Answer the server's challenges until it says yes or no. Raises SmtpError where it is no."""
    for _ in range(CHALLENGES_MAXIMUM):
        if not reply.goes_on:
            break
        try:
            line = base64.b64encode(answer(reply.text)).decode()
        except ValueError:
            reply = _cancel(connection)
            break
        reply = connection.command(Step.AUTH, line, shown="***")
    if reply.goes_on:
        reply = _cancel(connection)
    if not _is_good(reply):
        raise SmtpError(Step.AUTH, reply.code, reply.text)


def _is_good(reply: Reply) -> bool:
    """Whether the server knows us: now, or already (RFC 4954, section 4).

    503 may also mean that it is not the time for a log-in. To go on then would cost messages that
    it takes only from those who are logged in.
    """
    return reply.is_good or (reply.code == 503 and "already" in reply.text.lower())


def _cancel(connection: Connection) -> Reply:
    """Give a mechanism up (RFC 4954, section 4): the server answers with 501."""
    return connection.command(Step.AUTH, "*")
