"""Flask-Mail's interface over our own SMTP client.

`Mail`, `Message`, the eleven MAIL_ keys, `record_messages` and the `email_dispatched` signal work
as in Flask-Mail. In addition, certificates are verified, every wait has a time limit, headers
cannot be injected, and errors name the step that failed.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from contextlib import suppress
from copy import copy
from inspect import signature
from types import TracebackType
from typing import Any, cast

import flask_mail
from flask import Flask, current_app

from flask_outbox.config_values import Config, default_sender, flag
from flask_outbox.delivery.server_settings import mail_servers
from flask_outbox.message.addresses import (
    Address,
    AddressError,
    AddressLike,
    address_for_display,
    parse_address,
    parse_addresses,
    parse_reply_to,
)
from flask_outbox.message.email import (
    BadHeaderError,
    Email,
    check_header,
    is_charset,
)
from flask_outbox.message.message_id import new_message_id
from flask_outbox.message.mime import render
from flask_outbox.smtp.client import SmtpClient
from flask_outbox.smtp.recipients import redirected, without_beyond_ascii
from flask_outbox.smtp.submission import Accepted, Envelope, open_connection, transmit_all

logger = logging.getLogger(__name__)

HAS_ALTERNATIVES = "alts" in signature(flask_mail.Message).parameters
"""Whether Flask-Mail is 0.10 or newer."""


# A subject that was folded as RFC 5322, section 2.2.3, has it; other line breaks are refused.
_FOLD = re.compile(r"(?<=[^\r\n])\r\n(?=[ \t]+[^ \t\r\n])")


class IncompleteError(ValueError, AssertionError):
    """The message has no recipients or no sender; Flask-Mail raises AssertionError for that."""


class Message(flask_mail.Message):
    """Flask-Mail's message with recipients in their order, and a Message-ID in the sender's domain.

    `send_to` is a list without duplicates, where Flask-Mail returns a set. Addresses are checked
    when it is sent: what cannot be sent can still be printed.
    """

    def __init__(
        self, subject: str = "", recipients: Any = None, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(subject, recipients, *args, **kwargs)
        given = args[3] if len(args) > 3 else kwargs.get("sender")
        sender = given or current_app.extensions["mail"].default_sender
        if sender:
            with suppress(AddressError):
                author = parse_address(cast(AddressLike, sender))
                self.msgId = new_message_id(author)
                if not isinstance(sender, str):
                    self.sender = str(author)

    @property
    def send_to(self) -> list[Any]:  # type: ignore[override]
        """All recipients, each once, in the order of To, Cc and Bcc."""
        return list(dict.fromkeys([*self.recipients, *self.cc, *self.bcc]))

    def has_bad_headers(self) -> bool:
        """Whether a line break, a control character or the like would damage its headers."""
        try:
            from_message(self)
        except BadHeaderError:
            return True
        except ValueError:
            return False
        return False

    def send(self, connection: flask_mail.Connection) -> Accepted | None:  # type: ignore[override]
        """Send over this connection; return and raise as `connection.send` does."""
        return cast(Connection, connection).send(self)

    def as_bytes(self) -> bytes:
        """The message for a reader, even where its subject or an address cannot be sent.

        Raises BadHeaderError for other headers that cannot.
        """
        try:
            return render_message(self)
        except (AddressError, BadHeaderError):
            return render_message(_for_display(self))

    def as_string(self) -> str:
        """The message as it would be sent, as text."""
        return self.as_bytes().decode("utf-8", "replace")


class Connection(flask_mail.Connection):
    """A connection that is kept while the `with` block lasts.

    As in Flask-Mail, `host` is what sends, and None if sending is suppressed; any object with
    smtplib's `sendmail` and `quit` can replace it.
    """

    mail: Any
    host: Any

    def __enter__(self) -> Connection:
        self.host = None if self.mail.suppress else self.configure_host()
        self.num_emails = 0
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self.host is not None:
            self.host.quit()

    def configure_host(self) -> Any:
        """Connect to the server of the settings. Raises SmtpError."""
        return open_connection(self.mail.smtp_server)

    def send(  # type: ignore[override]  # Flask-Mail throws the answer away
        self, message: flask_mail.Message, envelope_from: AddressLike | None = None
    ) -> Accepted | None:
        """Send now and return the server's answer, or None if sending is suppressed.

        The answer has the recipients that were refused while others were accepted. A lost
        connection is replaced first. Raises BadHeaderError, AddressError, or SmtpError with the
        step that failed.
        """
        if not message.send_to:
            raise IncompleteError("The message has no recipients.")
        email = from_message(message, ascii_attachments=self.mail.ascii_attachments)
        author = _author(message, self.mail.default_sender)
        sender = parse_address(envelope_from) if envelope_from else author
        for option in (*message.mail_options, *message.rcpt_options):
            check_header("Option", option)
        named = email
        if self._lacks_smtputf8(email):
            # The server would refuse the whole message for an address in its headers.
            named = without_beyond_ascii(email)
        recipients = [one.mailbox for one in email.recipients]
        utf8 = named.needs_smtputf8() or sender.needs_smtputf8
        if self.mail.redirect_to:
            named = redirected(named, recipients)
            recipients = [one.mailbox for one in self.mail.redirect_to]
            utf8 |= any(one.needs_smtputf8 for one in self.mail.redirect_to)
        envelope = Envelope(
            sender.mailbox,
            recipients,
            render_message(message, named),
            utf8,
            message.mail_options,
            message.rcpt_options,
        )
        accepted = self._hand_over(message, envelope, envelope_from)
        _announce(_current_app(), message)
        self._count()
        return accepted

    def send_message(self, *args: Any, **kwargs: Any) -> Accepted | None:  # type: ignore[override]
        """Send a Message of these arguments; return and raise as `send` does."""
        return self.send(Message(*args, **kwargs))

    def _lacks_smtputf8(self, email: Email) -> bool:
        if not isinstance(self.host, SmtpClient) or not email.needs_smtputf8():
            return False
        return "smtputf8" not in self._connected(self.host).features

    def _connected(self, client: SmtpClient) -> SmtpClient:
        if client.is_used_up or not client.is_in_step():
            client.quit()
            client = self.host = self.configure_host()
            self.num_emails = 0
        return client

    def _hand_over(
        self,
        message: flask_mail.Message,
        envelope: Envelope,
        envelope_from: Any,
    ) -> Accepted | None:
        if isinstance(self.host, SmtpClient):
            return transmit_all(self._connected(self.host), envelope)
        if self.host is not None:
            # A replacement gets the same arguments as from Flask-Mail.
            self.host.sendmail(
                flask_mail.sanitize_address(envelope_from or message.sender),
                envelope.recipients
                if self.mail.redirect_to
                else list(flask_mail.sanitize_addresses(message.send_to)),
                envelope.content,
                message.mail_options,
                message.rcpt_options,
            )
        return None

    def _count(self) -> None:
        self.num_emails += 1
        if isinstance(self.host, SmtpClient) and self.num_emails == self.mail.max_emails:
            # The next message, if there is one, opens another connection.
            self.host.quit()


class Mail(flask_mail.Mail):
    """Flask-Mail's extension, which also reads the keys that `smtp_server` names.

    Where there are MAIL_SERVERS, `mail.send` uses the first of them.

    Values may be texts, as environment variables are. Raises ValueError for an invalid one.
    """

    def init_mail(
        self,
        config: dict[str, Any],
        debug: bool | int = False,
        testing: bool = False,
    ) -> Any:
        """What `init_app` keeps for an application with this configuration."""
        servers = mail_servers(config, debug=flag(config, "MAIL_DEBUG", default=bool(debug)))
        server = servers[0].smtp
        state: Any = flask_mail._Mail(  # noqa: SLF001 - Flask-Mail's own way to be extended
            server=server.host,
            username=server.username,
            password=server.password,
            port=server.port,
            use_tls=server.use_tls,
            use_ssl=server.use_ssl,
            default_sender=default_sender(config),
            debug=int(server.debug),
            max_emails=servers[0].max_emails,
            suppress=flag(config, "MAIL_SUPPRESS_SEND", default=testing),
            ascii_attachments=flag(config, "MAIL_ASCII_ATTACHMENTS"),
        )
        state.smtp_server, state.servers = server, servers
        state.redirect_to = redirect_to(config)
        return state

    def send(self, message: flask_mail.Message) -> Accepted | None:  # type: ignore[override]
        """Send over a new connection; return and raise as `Connection.send` does."""
        with self.connect() as connection:
            # The `send` of Flask-Mail's own messages discards the answer.
            return connection.send(message)

    def send_message(self, *args: Any, **kwargs: Any) -> Accepted | None:  # type: ignore[override]
        """Send a Message of these arguments; return and raise as `send` does."""
        return self.send(Message(*args, **kwargs))

    def connect(self) -> Connection:
        """One connection for several messages: `with mail.connect() as connection: …`.

        Raises RuntimeError if the application has no Mail.
        """
        app = self.app or current_app
        if "mail" not in app.extensions:
            raise RuntimeError("This application has no Mail extension: call init_app first.")
        return Connection(app.extensions["mail"])


def announcer(app: Flask) -> Callable[[Email, str, float], None]:
    """A function that sends Flask-Mail's signal for an email that the outbox has delivered.

    So `record_messages` records it. It takes the email, its Message-ID and its Date, and never
    raises.
    """

    def announce(email: Email, message_id: str, date: float) -> None:
        if not flask_mail.email_dispatched.receivers:
            return
        try:
            with app.app_context():
                _announce(app, to_message(email, message_id=message_id, date=date))
        except Exception:
            logger.exception("A receiver of the signal email_dispatched failed")

    return announce


def _current_app() -> Flask:
    return cast(Any, current_app)._get_current_object()  # type: ignore[no-any-return]  # noqa: SLF001 - there is no other way to it


def _announce(app: Flask, message: flask_mail.Message) -> None:
    """Send Flask-Mail's signal; until 0.10 its sender is the message."""
    if HAS_ALTERNATIVES:
        flask_mail.email_dispatched.send(app, message=message)
    else:
        flask_mail.email_dispatched.send(message, app=app)


def redirect_to(config: Config) -> tuple[Address, ...]:
    """MAIL_REDIRECT_TO: to whom all mail goes instead of its recipients. Raises ValueError."""
    value = config.get("MAIL_REDIRECT_TO")
    try:
        found = parse_reply_to(value)
    except AddressError as error:
        raise ValueError(f"MAIL_REDIRECT_TO is {value!r}: {error}") from None
    if value and not found:
        # Mail must not go to its real recipients by mistake.
        raise ValueError(f"MAIL_REDIRECT_TO is {value!r}; it must be one or several addresses.")
    return found


def from_message(message: flask_mail.Message, *, ascii_attachments: bool = False) -> Email:
    """The email that a Flask-Mail message describes.

    Raises AddressError, BadHeaderError as Email does, and UnicodeDecodeError for bytes that are not
    text in the message's charset.
    """
    charset = message.charset or "utf-8"
    if not is_charset(charset):
        raise BadHeaderError(f"{charset!r} is not the name of a charset")
    others = message.alts if HAS_ALTERNATIVES else {}
    alternatives = {kind: _text(text, charset) for kind, text in others.items() if kind != "html"}
    return Email(
        subject=_FOLD.sub("", _text(message.subject or "", charset)),
        text=_text(message.body or "", charset),
        html=None if message.html is None else _text(message.html, charset),
        alternatives=alternatives,
        to=_once_each(message.recipients),
        sender=_optional(message.sender),
        cc=_once_each(message.cc),
        bcc=_once_each(message.bcc),
        reply_to=parse_reply_to(message.reply_to),
        attachments=message.attachments,
        headers=message.extra_headers or {},
        ascii_attachments=ascii_attachments,
        charset=charset,
    )


def to_message(email: Email, *, message_id: str, date: float) -> Message:
    """The Flask-Mail message that describes this email, which has a sender; see `from_message`."""
    message = Message(
        email.subject,
        recipients=[str(one) for one in email.to],
        body=email.text,
        html=email.html,
        sender=str(email.sender),
        cc=[str(one) for one in email.cc],
        bcc=[str(one) for one in email.bcc],
        attachments=[
            flask_mail.Attachment(
                one.filename, one.content_type, one.data, one.disposition, dict(one.headers)
            )
            for one in email.attachments
        ],
        reply_to=", ".join(str(one) for one in email.reply_to) or None,
        date=date,
        charset=email.charset,
        extra_headers=dict(email.headers),
    )
    message.msgId = message_id
    if HAS_ALTERNATIVES:
        message.alts.update(email.alternatives)
    return message


def _once_each(values: Any) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(parse_addresses(values)))


def _optional(value: AddressLike | None) -> Address | None:
    return parse_address(value) if value else None


def _text(value: Any, charset: str) -> str:
    """A text, which may also be bytes or a lazy translation."""
    return value.decode(charset) if isinstance(value, bytes) else str(value)


def render_message(message: flask_mail.Message, email: Email | None = None) -> bytes:
    """A Flask-Mail message as bytes. Sets its date if it has none."""
    state = current_app.extensions["mail"]
    email = email or from_message(message, ascii_attachments=state.ascii_attachments)
    author = _author(message, state.default_sender)
    if message.date is None:
        message.date = time.time()
    if not isinstance(message, Message):
        message.msgId = f"{message.msgId.rpartition('@')[0]}@{author.domain.strip('[]')}>"
    return render(email, message_id=message.msgId, date=message.date, sender=author)


def _for_display(message: Message) -> Message:
    """A copy with line breaks and what is no address taken out, as Flask-Mail shows it."""
    shown: Any = copy(message)
    shown.subject = " ".join(str(message.subject or "").split())
    for name in ("recipients", "cc", "bcc", "sender", "reply_to"):
        given = getattr(message, name)
        if isinstance(given, list):
            setattr(shown, name, [address_for_display(one) for one in given])
        elif given:
            setattr(shown, name, address_for_display(given))
    return cast(Message, shown)


def _author(message: flask_mail.Message, default: AddressLike | None) -> Address:
    sender = message.sender or default
    if not sender:
        raise IncompleteError(
            "The message has no sender: give it one, or set MAIL_DEFAULT_SENDER or ADMINS."
        )
    return parse_address(sender)
