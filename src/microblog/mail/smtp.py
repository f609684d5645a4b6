"""Opening a connection to the site's mail server, and handing a message over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from microblog.mail.client import SmtpClient, SmtpServer
from microblog.mail.outcomes import SmtpError, Step


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
        progress(f"Connected to {server.host}, port {server.port}.")
        client.hello()
        if server.use_tls:
            client.start_tls()
        if client.encrypted:
            progress("The connection is encrypted, and the certificate is good.")
        if server.username and server.password:
            client.log_in(server.username, server.password)
            progress(f"Logged in as {server.username}.")
    except SmtpError:
        client.close()
        raise
    return client


def transmit(client: SmtpClient, envelope: Envelope) -> Accepted:
    """Hand over one message.

    Where the server takes it for some recipients and not for others, the refusals are returned.

    Raises SmtpError; the connection is then closed, or ready for the next message.
    """
    try:
        _mail_from(client, envelope)
        refused = _rcpt_to(client, envelope)
        client.expect(Step.DATA, "DATA", 354)
        return Accepted(str(client.content(envelope.content)), refused)
    except SmtpError as error:
        if error.code == 421:
            client.close()
        elif client.is_open:
            with suppress(SmtpError):
                client.expect(Step.EHLO, "RSET", 250)
        raise


def _mail_from(client: SmtpClient, envelope: Envelope) -> None:
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
    command = " ".join([f"MAIL FROM:<{envelope.sender}>", *dict.fromkeys(options)])
    client.expect(Step.MAIL, command, 250)


def _rcpt_to(client: SmtpClient, envelope: Envelope) -> tuple[tuple[str, SmtpError], ...]:
    refused = []
    for recipient in envelope.recipients:
        try:
            command = " ".join([f"RCPT TO:<{recipient}>", *envelope.rcpt_options])
            client.expect(Step.RCPT, command, 250, 251)
        except SmtpError as error:
            if error.code is None or error.code == 421:
                raise
            refused.append((recipient, error))
    if len(refused) == len(envelope.recipients):
        raise _kindest([error for _, error in refused])
    return tuple(refused)


def _kindest(errors: list[SmtpError]) -> SmtpError:
    """Where all are refused, one that may be tried again keeps the message alive."""
    return next((error for error in errors if error.code and error.code < 500), errors[0])
