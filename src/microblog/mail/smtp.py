"""Opening a connection to the site's mail server, and handing a message over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from gettext import gettext as _

from microblog.mail.client import Reply, SmtpClient, SmtpServer
from microblog.mail.outcomes import Meaning, SmtpError, Step

_HUNG_UP = Reply(421, "the server closed the connection")


@dataclass(frozen=True)
class Envelope:
    """Who sends what to whom, as the server sees it: mailboxes without names."""

    sender: str
    recipients: Sequence[str]
    content: bytes
    smtputf8: bool = False
    mail_options: Sequence[str] = ()
    rcpt_options: Sequence[str] = ()


@dataclass(frozen=True)
class Accepted:
    """The server took the message: its words, and the recipients that it refused on the way."""

    answer: str
    refused: tuple[tuple[str, SmtpError], ...] = ()


def open_connection(
    server: SmtpServer, progress: Callable[[str], None] = lambda _line: None
) -> SmtpClient:
    """Connect, greet, encrypt and log in; `progress` is told each step that went well.

    Raises SmtpError with the step that failed.
    """
    client = SmtpClient(server)
    try:
        client.connect()
        words = _("Connected to {host}, port {port}.")
        progress(words.format(host=server.host, port=server.port))
        client.hello()
        if server.use_tls:
            client.start_tls()
        if client.encrypted:
            progress(_("The connection is encrypted, and the certificate is good."))
        if _log_in(client):
            progress(_("Logged in as {name}.").format(name=server.username))
    except SmtpError:
        client.close()
        raise
    return client


def _log_in(client: SmtpClient) -> bool:
    """Log in where that is wanted; whether it was.

    A token can be revoked before its time: where the server refuses one, one more is fetched.
    """
    server = client.server
    if not server.username:
        return False
    if server.tokens is None:
        if server.password:
            client.log_in(server.username, server.password)
        return bool(server.password)
    token = server.tokens.token()
    try:
        client.log_in_with_token(server.username, token)
    except SmtpError as error:
        if error.code != 535:
            raise
        server.tokens.drop(token)
        client.log_in_with_token(server.username, server.tokens.token())
    return True


class RecipientsRefusedError(SmtpError):
    """The server would take the message for nobody; `refused` has each recipient's refusal."""

    def __init__(self, refused: Sequence[tuple[str, SmtpError]]) -> None:
        # One that may be tried again keeps the message alive.
        errors = [error for _, error in refused]
        kindest = next((one for one in errors if one.meaning is Meaning.AGAIN), errors[0])
        super().__init__(Step.RCPT, kindest.code, kindest.answer)
        self.refused = tuple(refused)


def transmit(client: SmtpClient, envelope: Envelope) -> Accepted:
    """Hand over one message.

    Where the server takes it for some recipients and not for others, the refusals are returned.

    Raises SmtpError; the connection is then closed, or ready for the next message.
    """
    try:
        refused = _introduce(client, envelope)
        return Accepted(str(client.content(envelope.content)), refused)
    except SmtpError as error:
        if error.code == 421:
            client.close()
        elif client.is_open:
            _reset(client)
        raise


def _reset(client: SmtpClient) -> None:
    try:
        client.expect(Step.RESET, "RSET", 250)
    except SmtpError:
        client.close()


def _introduce(client: SmtpClient, envelope: Envelope) -> tuple[tuple[str, SmtpError], ...]:
    """MAIL, RCPT and DATA; in one go where the server offers it (RFC 2920)."""
    commands = [(Step.MAIL, _mail_from(client, envelope))]
    options = " ".join(["", *envelope.rcpt_options])
    commands += [(Step.RCPT, f"RCPT TO:<{one}>{options}") for one in envelope.recipients]
    commands.append((Step.DATA, "DATA"))
    if "pipelining" in client.features:
        replies = iter(client.pipeline(commands))
    else:
        replies = (client.command(step, line) for step, line in commands)
    client.require(Step.MAIL, next(replies, _HUNG_UP), 250)
    refused = []
    for recipient in envelope.recipients:
        reply = next(replies, _HUNG_UP)
        if reply.code == 421:
            raise SmtpError(Step.RCPT, reply.code, reply.text)
        if reply.code not in {250, 251}:
            refused.append((recipient, SmtpError(Step.RCPT, reply.code, reply.text)))
    if len(refused) == len(envelope.recipients):
        raise RecipientsRefusedError(refused)
    client.require(Step.DATA, next(replies, _HUNG_UP), 354)
    return tuple(refused)


def _mail_from(client: SmtpClient, envelope: Envelope) -> str:
    options = list(envelope.mail_options)
    if envelope.smtputf8:
        if "smtputf8" not in client.features:
            reason = "an address has letters beyond ASCII, which this server cannot take (SMTPUTF8)"
            raise SmtpError(Step.MAIL, 550, reason)
        options.append("SMTPUTF8")
    if "8bitmime" in client.features and not envelope.content.isascii():
        options.append("BODY=8BITMIME")
    if "size" in client.features:
        options.append(f"SIZE={len(envelope.content)}")
    return " ".join([f"MAIL FROM:<{envelope.sender}>", *dict.fromkeys(options)])
