"""A client for one connection to a mail server (RFC 5321).

The standard library's client does not tell which step failed, waits forever for a server that sends
a byte now and then, and looks up this machine's name for every connection. This one names the step
in every error and gives each answer one deadline.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask_outbox.defaults import TIMEOUT_SECONDS
from flask_outbox.message.addresses import is_loopback
from flask_outbox.smtp import authentication
from flask_outbox.smtp.ehlo_name import full_host_name, is_full_name
from flask_outbox.smtp.errors import SmtpError, Step, one_line
from flask_outbox.smtp.oauth import TokenSource
from flask_outbox.smtp.replies import Reply, announced_limit, features

LINE_MAXIMUM = 8192
"""Octets in one line of an answer; RFC 5321 allows 512, extensions allow more."""
ANSWER_MAXIMUM = 32 * LINE_MAXIMUM
"""Octets in all lines of an answer."""

_LONE_ENDS = re.compile(rb"\r(?!\n)|(?<!\r)\n")

_PIECE = 65536


@dataclass(frozen=True)
class SmtpServer:
    """How to reach a mail server. `timeout` is in seconds, for each of its answers.

    With `tokens`, the log-in is by OAuth and no password is sent. `ehlo_name` is how this machine
    introduces itself; without it, by its full name if it has one, else by `sender_domain`, else by
    its address. `one_by_one` is set after the server failed to answer pipelined commands.
    """

    host: str = "localhost"
    port: int = 25
    use_tls: bool = False
    use_ssl: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: TokenSource | None = None
    timeout: float = TIMEOUT_SECONDS
    ca_file: Path | str | None = None
    debug: bool = False
    ehlo_name: str | None = None
    sender_domain: str | None = None
    one_by_one: threading.Event = field(
        default_factory=threading.Event, init=False, repr=False, compare=False
    )

    def tls_context(self) -> ssl.SSLContext:
        """A context that verifies certificates, by the system's authorities and `ca_file`.

        Raises OSError if that file cannot be read.
        """
        context = ssl.create_default_context()
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        return context


class SmtpClient:
    """One connection. Its methods raise SmtpError, which names the step that failed."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.features: dict[str, str] = {}
        self.encrypted = False
        self.transactions = 0
        self._socket: socket.socket | None = None
        self._buffer = b""

    def connect(self) -> Reply:
        """Look up the name, connect, encrypt if TLS comes first, and read the greeting."""
        server = self.server
        try:
            self._socket = socket.create_connection((server.host, server.port), server.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except socket.gaierror as error:
            raise self._broken(Step.LOOKUP, error) from None
        except UnicodeError:
            raise SmtpError(Step.LOOKUP, None, f"{server.host!r} cannot be a name") from None
        except OSError as error:
            raise self._broken(Step.CONNECT, error) from None
        if server.use_ssl:
            self._encrypt()
        return self.require(Step.GREETING, self._reply(Step.GREETING))

    def hello(self) -> None:
        """Introduce this machine, and learn what the server offers.

        If EHLO is refused, HELO may be accepted (RFC 5321, section 4.1.4).
        """
        name = self._own_name()
        self.features = {}
        reply = self.command(Step.EHLO, f"EHLO {name}")
        if reply.is_good:
            self.features = features(reply)
            return
        try:
            self.expect(Step.EHLO, f"HELO {name}")
        except SmtpError as error:
            if error.code is None:
                # If the server refused and then hung up, its refusal is what counts.
                raise SmtpError(Step.EHLO, reply.code, reply.text) from None
            raise

    @property
    def mechanisms(self) -> list[str]:
        """The ways to log in that the server offers."""
        return self.features.get("auth", "").upper().split()

    @property
    def pipelines(self) -> bool:
        """Whether several commands may be sent at once (RFC 2920)."""
        return "pipelining" in self.features and not self.server.one_by_one.is_set()

    def limit(self, name: str) -> int | None:
        """A limit that the server announced, such as RCPTMAX (RFC 9422)."""
        limits = self.features.get("limits")
        return announced_limit(limits, name) if limits else None

    @property
    def is_used_up(self) -> bool:
        """Whether the server accepts no further message over this connection."""
        most = self.limit("MAILMAX")
        return most is not None and self.transactions >= most

    def start_tls(self) -> None:
        """Encrypt the connection (RFC 3207) and introduce this machine again."""
        if "starttls" not in self.features:
            raise SmtpError(Step.STARTTLS, None, "the server does not offer STARTTLS")
        self.expect(Step.STARTTLS, "STARTTLS")
        # What came before the encryption may have been sent by anybody.
        self._buffer = b""
        self._encrypt()
        self.hello()

    def log_in(self, username: str, password: str) -> None:
        """Log in (RFC 4954), over an encrypted connection or to this machine only."""
        self._require_secrecy("password")
        authentication.log_in(self, username, password)

    def log_in_with_token(self, username: str, token: str) -> None:
        """Log in with an OAuth token instead of a password, under the same condition."""
        self._require_secrecy("token")
        authentication.log_in_with_token(self, username, token)

    def command(self, step: Step, line: str, *, shown: str | None = None) -> Reply:
        """Send one line and return the answer; `shown` replaces the line in the debug output."""
        if "\r" in line or "\n" in line:
            raise ValueError("A command is one line.")
        self._write(step, line.encode() + b"\r\n", shown or line)
        return self._reply(step)

    def expect(self, step: Step, line: str) -> Reply:
        """Send one line and return the answer; raise SmtpError unless it is positive."""
        return self.require(step, self.command(step, line))

    def pipeline(self, commands: Sequence[tuple[Step, str]]) -> list[Reply]:
        """Send MAIL, RCPT and DATA at once and return the answers (RFC 2920).

        There are fewer answers than commands if the server refused something and hung up.

        If the server waits for a message that must not follow, the connection is closed where it
        has a recipient; otherwise an empty message is sent, as the RFC says, and reaches nobody.
        """
        if any("\r" in line or "\n" in line for _, line in commands):
            raise ValueError("A command is one line.")
        lines = "".join(f"{line}\r\n" for _, line in commands)
        self._write(commands[0][0], lines.encode(), lines.strip().replace("\r\n", " | "))
        replies: list[Reply] = []
        for step, _ in commands:
            try:
                replies.append(self._reply(step))
            except SmtpError:
                if any(reply.code >= 400 for reply in replies):
                    # If the server refused and then hung up, its refusal is what counts.
                    return replies
                raise
        sender, *recipients, data = replies
        has_recipients = any(reply.is_good for reply in recipients)
        if data.is_intermediate and not sender.is_good and has_recipients:
            self.close()
        elif data.is_intermediate and not has_recipients:
            with suppress(SmtpError):
                self._write(Step.DATA, b".\r\n", ".")
                self._reply(Step.DATA)
        return replies

    def content(self, content: bytes) -> Reply:
        """Send the message itself, the final dot last: if sending fails, it was not accepted.

        A lone CR or LF becomes a line end: some servers take a dot beside one for the end of the
        message, and what follows for commands.
        """
        ends = content.count(b"\r\n")
        if not content.count(b"\r") == content.count(b"\n") == ends:
            content = _LONE_ENDS.sub(b"\r\n", content)
        dotted = content.replace(b"\r\n.", b"\r\n..")
        if dotted.startswith(b"."):
            dotted = b"." + dotted
        if not dotted.endswith(b"\r\n"):
            dotted += b"\r\n"
        self._write(Step.CONTENT, dotted + b".\r\n", f"({len(content)} bytes)")
        return self.require(Step.ACCEPTANCE, self._reply(Step.ACCEPTANCE))

    def is_alive(self) -> bool:
        """Whether the server still answers on this connection."""
        if self._socket is None:
            return False
        try:
            return self.command(Step.CHECK, "NOOP").is_good
        except SmtpError:
            return False

    def is_in_step(self) -> bool:
        """Whether the server has neither hung up nor sent anything unasked.

        A second answer to one command would be taken for the answer to the next.
        """
        if self._socket is None or self._buffer:
            return False
        if not self.encrypted and not _has_data(self._socket):
            return True
        try:
            self._socket.settimeout(0)
            self._buffer = self._socket.recv(LINE_MAXIMUM)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def quit(self) -> None:
        """Send QUIT and close; errors do not matter any more."""
        if self._socket is not None:
            with suppress(SmtpError):
                self._socket.settimeout(min(self.server.timeout, 5))
                self.command(Step.QUIT, "QUIT")
        self.close()

    def close(self) -> None:
        """Close the connection without QUIT."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _own_name(self) -> str:
        """A name if there is one, else the local address as a literal (RFC 5321, 4.1.3)."""
        server = self.server
        name = server.ehlo_name or full_host_name() or server.sender_domain or ""
        if server.ehlo_name or is_full_name(name):
            return name
        address = self._ask(socket.socket.getsockname)
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _require_secrecy(self, what: str) -> None:
        if not self.encrypted and not self._is_loopback():
            raise SmtpError(
                Step.AUTH, None, f"the {what} was not sent: the connection is not encrypted"
            )

    def _is_loopback(self) -> bool:
        peer = self._ask(socket.socket.getpeername)
        # An IPv4 address may be mapped into IPv6 (RFC 4291, section 2.5.5.2).
        return is_loopback(peer.removeprefix("::ffff:"))

    def _ask(self, question: Callable[[socket.socket], Any]) -> str:
        try:
            return str(question(self._connected())[0])
        except OSError as error:
            raise self._broken(Step.EHLO, error) from None

    def _encrypt(self) -> None:
        try:
            context = self.server.tls_context()
            # The dot that ends an absolute name in the DNS is not part of it (RFC 6066, section 3).
            name = self.server.host.removesuffix(".")
            self._socket = context.wrap_socket(self._connected(), server_hostname=name)
        except OSError as error:
            raise self._broken(Step.TLS, error) from None
        self.encrypted = True

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise SmtpError(Step.CONNECT, None, "the connection is closed")
        return self._socket

    def _write(self, step: Step, data: bytes, shown: str) -> None:
        if self.server.debug:
            sys.stderr.write(f"SMTP > {shown}\n")
        try:
            connection = self._connected()
            self._set_timeout(connection, self.server.timeout)
            # In pieces: a server that reads slowly, but goes on reading, does not time out.
            for start in range(0, len(data), _PIECE):
                connection.sendall(data[start : start + _PIECE])
        except OSError as error:
            raise self._broken(step, error) from None

    def _reply(self, step: Step) -> Reply:
        try:
            return self._read_reply(time.monotonic() + self.server.timeout)
        except OSError as error:
            raise self._broken(step, error) from None

    def _read_reply(self, deadline: float) -> Reply:
        lines: list[str] = []
        size = 0
        while size < ANSWER_MAXIMUM:
            line = self._line(deadline)
            if self.server.debug:
                sys.stderr.write(f"SMTP < {one_line(line)}\n")
            size += len(line) + 1
            lines.append(line[4:].decode("utf-8", "replace").strip())
            if not (len(line) >= 3 and line[:3].isdigit()):
                raise OSError(f"an answer that is not SMTP: {one_line(line[:80])}")
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "\n".join(lines))
        raise OSError("an answer without end")

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_MAXIMUM:
                raise OSError("an answer with an endless line")
            connection = self._connected()
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise TimeoutError
            self._set_timeout(connection, remaining)
            received = connection.recv(4096)
            if not received and not self._buffer:
                raise ConnectionResetError(0, "the server closed the connection")
            # Some servers hang up instead of ending the last line of their answer.
            self._buffer += received or b"\n"
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    def _set_timeout(self, connection: socket.socket, seconds: float) -> None:
        """Set the timeout unless it is nearly right: that is a system call for every answer."""
        present = connection.gettimeout()
        if present is None or abs(present - seconds) > self.server.timeout / 100:
            connection.settimeout(seconds)

    @staticmethod
    def require(step: Step, reply: Reply) -> Reply:
        if not reply.is_good:
            raise SmtpError(step, reply.code, reply.text)
        return reply

    def _broken(self, step: Step, error: OSError) -> SmtpError:
        """Close the connection; return its failure as an SmtpError with the step."""
        self.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            return SmtpError(Step.TLS, None, f"the certificate is not good: {error.verify_message}")
        if isinstance(error, ssl.SSLError):
            return SmtpError(step, None, f"TLS failed: {error.reason or error}")
        if isinstance(error, TimeoutError):
            return SmtpError(step, None, f"no answer within {self.server.timeout:g} seconds")
        return SmtpError(step, None, error.strerror or str(error))


def _has_data(connection: socket.socket) -> bool:
    """Whether there is something to read; True if that cannot be told."""
    try:
        return bool(select.select([connection], [], [], 0)[0])
    except ValueError:
        return True  # it has a number that select cannot take
