"""Submission: opening a connection to a mail server, and handing over a message."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flask_outbox.smtp.client import SmtpClient, SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError, Step
from flask_outbox.smtp.replies import Reply
from flask_outbox.translation import gettext as _

_HUNG_UP = Reply(421, "the server closed the connection")


@dataclass(frozen=True)
class Envelope:
    """Sender and recipients as the server is told them, without names, and the message's bytes.

    With an `envelope_id`, a server that offers it is asked to report with it (RFC 3461).
    """

    sender: str
    recipients: Sequence[str]
    content: bytes
    smtputf8: bool = False
    mail_options: Sequence[str] = ()
    rcpt_options: Sequence[str] = ()
    envelope_id: str = ""


@dataclass(frozen=True)
class Accepted:
    """The server accepted the message: its answer, and the recipients that it refused."""

    answer: str
    refused: tuple[tuple[str, SmtpError], ...] = ()


def open_connection(
    server: SmtpServer, progress: Callable[[str], None] = lambda _line: None
) -> SmtpClient:
    """Connect, greet, encrypt and log in; `progress` gets a line for each step that succeeds.

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
            progress(_("The connection is encrypted and the certificate is valid."))
        if _log_in(client):
            progress(_("Logged in as {name}.").format(name=server.username))
    except SmtpError:
        client.close()
        raise
    return client


def _log_in(client: SmtpClient) -> bool:
    """Log in if the server is to be used with an account; return whether it is.

    A token can be revoked before it expires: if the server refuses one, another is fetched.
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
    """The server refused all recipients; `refused` has each one's refusal."""

    def __init__(self, refused: Sequence[tuple[str, SmtpError]]) -> None:
        # A refusal that is about the account, or only for now, lets the message wait.
        errors = [error for _, error in refused]
        kindest = min(errors, key=lambda error: _KINDEST_FIRST.index(error.meaning))
        super().__init__(Step.RCPT, kindest.code, kindest.answer)
        self.refused = tuple(refused)

    @property
    def is_final_for_some(self) -> bool:
        return any(error.meaning is Meaning.REJECT for _, error in self.refused)


_KINDEST_FIRST = [Meaning.SERVER, Meaning.RETRY, Meaning.REJECT]


def transmit(client: SmtpClient, envelope: Envelope) -> Accepted:
    """Hand over one message, to as many recipients as the server accepts at once.

    If the server accepts it for some recipients only, the refusals of the others are returned.

    Raises SmtpError; the connection is then closed, or ready for the next message.
    """
    able, unable = _split(client, envelope)
    if not able.recipients:
        raise RecipientsRefusedError(unable)
    try:
        refused = _begin_message(client, able)
        if len(refused) == len(able.recipients):
            raise RecipientsRefusedError([*refused, *unable])
        answer = client.content(envelope.content)
    except SmtpError as error:
        _recover(client, error)
        raise
    return Accepted(str(answer), (*refused, *unable))


def transmit_all(client: SmtpClient, envelope: Envelope) -> Accepted:
    """Hand over one message, in as many turns as the server needs for all its recipients.

    An error after the server accepted it for some is returned as the refusal of the others. Raises
    SmtpError if the server accepted it for nobody.
    """
    answer, left = "", list(envelope.recipients)
    refused: list[tuple[str, SmtpError]] = []
    while left:
        turn = replace(envelope, recipients=left)
        try:
            accepted = transmit(client, turn)
            answer, refusals = answer or accepted.answer, accepted.refused
        except RecipientsRefusedError as error:
            refusals = error.refused
        except SmtpError as error:
            if not answer:
                raise
            refusals = tuple((who, error) for who in left)
        left = [who for who, error in refusals if error.is_too_many]
        if len(left) == len(turn.recipients):
            left = []
        refused += [one for one in refusals if one[0] not in left]
    if not answer:
        raise RecipientsRefusedError(refused)
    return Accepted(answer, tuple(refused))


def _split(client: SmtpClient, envelope: Envelope) -> tuple[Envelope, list[tuple[str, SmtpError]]]:
    """The envelope with those the server can accept now, and the others with the reason."""
    unable = []
    able = list(envelope.recipients)
    if "smtputf8" not in client.features:
        reason = "5.6.7 the address has letters that this server cannot take (it lacks SMTPUTF8)"
        unable = [(who, SmtpError(Step.RCPT, 550, reason)) for who in able if not who.isascii()]
        able = [who for who in able if who.isascii()]
    most = client.limit("RCPTMAX") or len(able)
    reason = f"4.5.3 the server takes {most} recipients at once"
    unable += [(who, SmtpError(Step.RCPT, 452, reason)) for who in able[most:]]
    return (replace(envelope, recipients=able[:most]) if unable else envelope), unable


def _recover(client: SmtpClient, error: SmtpError) -> None:
    """Make the connection ready for the next message, or close it."""
    if error.code is None:
        _note_silence(client, error.step)
    elif error.code == 421 or error.code < 400:
        # Neither positive nor negative: the server may take the next command for a message.
        client.close()
    elif client.is_open:
        try:
            client.expect(Step.RESET, "RSET")
        except SmtpError:
            client.close()


def _note_silence(client: SmtpClient, step: Step) -> None:
    """Stop pipelining with a server that offers it and loses commands.

    If the same happens without it, pipelining was not the reason, and is used again. A connection
    may also be lost because it was idle for too long: that shows at MAIL, and not at the first one.
    """
    in_envelope = step in {Step.RCPT, Step.DATA} or (step is Step.MAIL and client.transactions == 1)
    if not in_envelope or "pipelining" not in client.features:
        return
    if client.pipelines:
        client.server.one_by_one.set()
    else:
        client.server.one_by_one.clear()


def _begin_message(client: SmtpClient, envelope: Envelope) -> tuple[tuple[str, SmtpError], ...]:
    """Send MAIL, RCPT and DATA; return the refusals. DATA is only sent if somebody is accepted."""
    options, hints = _options(client, envelope)
    if envelope.envelope_id and "dsn" in client.features:
        refused = _begin_with_reports(client, envelope, [*options, *hints])
        if refused is not None:
            return refused
    try:
        return _send_envelope(client, envelope, [*options, *hints])
    except SmtpError as error:
        if not hints or not _refuses_parameters(error):
            raise
    # The server refuses what it offered, and can do without.
    client.expect(Step.RESET, "RSET")
    return _send_envelope(client, envelope, options)


def _begin_with_reports(
    client: SmtpClient, envelope: Envelope, options: Sequence[str]
) -> tuple[tuple[str, SmtpError], ...] | None:
    """Begin, and ask for reports; None, ready for another begin, if the server refuses that."""
    asking = [*options, "RET=HDRS", f"ENVID={envelope.envelope_id}"]
    try:
        refused = _send_envelope(client, envelope, asking, reports=True)
    except SmtpError as error:
        if not _refuses_parameters(error):
            raise
        refused = ()
    else:
        may_be_parameters = [error.code in _PARAMETER_REFUSED for _, error in refused]
        if len(refused) < len(envelope.recipients) or not all(may_be_parameters):
            return refused
    client.expect(Step.RESET, "RSET")
    return None


def _refuses_parameters(error: SmtpError) -> bool:
    return error.step is Step.MAIL and error.code in _PARAMETER_REFUSED


_PARAMETER_REFUSED = {501, 504, 555}
"""RFC 5321, section 4.2.2."""


def _options(client: SmtpClient, envelope: Envelope) -> tuple[list[str], list[str]]:
    """The parameters of MAIL: those that the message needs, and those that only help the server.

    Raises SmtpError if the server lacks what the message needs.
    """
    options, hints = list(envelope.mail_options), []
    if envelope.smtputf8:
        headers = envelope.content.partition(b"\r\n\r\n")[0]
        if "smtputf8" in client.features:
            options.append("SMTPUTF8")
        elif not (envelope.sender.isascii() and headers.isascii()):
            reason = "an address has letters beyond ASCII, which this server cannot take (SMTPUTF8)"
            raise SmtpError(Step.MAIL, 550, reason)
    if "8bitmime" in client.features and not envelope.content.isascii():
        hints.append("BODY=8BITMIME")
    if "size" in client.features:
        hints.append(f"SIZE={len(envelope.content)}")
    return options, hints


def _send_envelope(
    client: SmtpClient,
    envelope: Envelope,
    mail_options: Sequence[str],
    *,
    reports: bool = False,
) -> tuple[tuple[str, SmtpError], ...]:
    """Send the envelope and DATA, pipelined if the server offers it (RFC 2920).

    With `reports`, ask to be told of each recipient whom the message does not reach (RFC 3461).
    """
    mail = " ".join([f"MAIL FROM:<{envelope.sender}>", *dict.fromkeys(mail_options)])
    options = " ".join(["", *envelope.rcpt_options])
    commands = [(Step.MAIL, mail)]
    for one in envelope.recipients:
        asking = _report_options(one) if reports else ""
        commands.append((Step.RCPT, f"RCPT TO:<{one}>{options}{asking}"))
    commands.append((Step.DATA, "DATA"))
    client.transactions += 1
    if client.pipelines:
        replies = iter(client.pipeline(commands))
    else:
        replies = (client.command(step, line) for step, line in commands)
    client.require(Step.MAIL, next(replies, _HUNG_UP))
    refused = []
    for recipient in envelope.recipients:
        reply = next(replies, _HUNG_UP)
        if reply.code == 421:
            raise SmtpError(Step.RCPT, reply.code, reply.text)
        if not reply.is_good:
            refused.append((recipient, SmtpError(Step.RCPT, reply.code, reply.text)))
    if len(refused) < len(envelope.recipients):
        reply = next(replies, _HUNG_UP)
        if not reply.is_intermediate:
            raise SmtpError(Step.DATA, reply.code, reply.text)
    return tuple(refused)


def _report_options(recipient: str) -> str:
    """What asks for reports about one recipient, whom they then name as we do (RFC 3461, 4)."""
    if not recipient.isascii():
        return " NOTIFY=FAILURE,DELAY"
    written = _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", recipient)
    return f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{written}"


_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
