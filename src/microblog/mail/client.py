"""A client for one connection to a mail server (RFC 5321): commands out, answers in.

The standard library's client blurs which step failed, waits without end for a server that dribbles
bytes, and asks the name service for this machine's name at every connection. This one names the
step in every error and gives each answer one deadline.
"""

from __future__ import annotations

import base64
import hmac
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from microblog.mail.addresses import is_loopback
from microblog.mail.oauth import TokenSource
from microblog.mail.outcomes import SmtpError, Step, one_line

LINE_MAXIMUM = 4096
"""Octets in one line of an answer; RFC 5321 promises 512, extensions announce more."""
LINES_MAXIMUM = 200

_PIECE = 65536


@dataclass(frozen=True)
class SmtpServer:
    """How to reach a mail server. `timeout` is seconds for each of its answers.

    With `tokens`, the log-in is by OAuth and no password is sent.
    """

    host: str = "localhost"
    port: int = 25
    use_tls: bool = False
    use_ssl: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tokens: TokenSource | None = None
    timeout: float = 30.0
    ca_file: Path | str | None = None
    debug: bool = False

    def tls_context(self) -> ssl.SSLContext:
        """Certificates and names are verified, by the system's authorities and `ca_file`."""
        context = ssl.create_default_context()
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        return context


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its three digits and its words, lines joined."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


class SmtpClient:
    """One connection. Every method raises SmtpError with the step that failed."""

    def __init__(self, server: SmtpServer) -> None:
        self.server = server
        self.features: dict[str, str] = {}
        self.encrypted = False
        self._socket: socket.socket | None = None
        self._buffer = b""

    def connect(self) -> Reply:
        """Look the name up, connect, encrypt where TLS comes first, and read the greeting."""
        server = self.server
        try:
            socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise self._broken(Step.LOOKUP, error) from None
        except UnicodeError:
            raise SmtpError(Step.LOOKUP, None, f"{server.host!r} cannot be a name") from None
        try:
            self._socket = socket.create_connection((server.host, server.port), server.timeout)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise self._broken(Step.CONNECT, error) from None
        if server.use_ssl:
            self._encrypt()
        return self.require(Step.GREETING, self._reply(Step.GREETING), 220)

    def hello(self) -> None:
        """Introduce this machine, and learn what the server offers."""
        name = self._own_name()
        reply = self.command(Step.EHLO, f"EHLO {name}")
        if 500 <= reply.code < 600:
            self.require(Step.EHLO, self.command(Step.EHLO, f"HELO {name}"), 250)
            self.features = {}
            return
        self.require(Step.EHLO, reply, 250)
        offers = (line.partition(" ") for line in reply.text.split("\n")[1:])
        self.features = {keyword.lower(): rest for keyword, _, rest in offers}

    def start_tls(self) -> None:
        """Encrypt the connection (RFC 3207) and introduce this machine again."""
        if "starttls" not in self.features:
            raise SmtpError(Step.STARTTLS, None, "the server does not offer STARTTLS")
        self.require(Step.STARTTLS, self.command(Step.STARTTLS, "STARTTLS"), 220)
        # What came before encryption could be anybody's words.
        self._buffer = b""
        self._encrypt()
        self.hello()

    def log_in(self, username: str, password: str) -> None:
        """Prove who we are (RFC 4954), over an encrypted connection or to this machine only."""
        self._keep_secret("password")
        offered = self.features.get("auth", "").upper().split()
        plain = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
        if "PLAIN" in offered:
            reply = self.command(Step.AUTH, f"AUTH PLAIN {plain}", shown="AUTH PLAIN ***")
        elif "LOGIN" in offered:
            reply = self._challenge("AUTH LOGIN", username.encode(), password.encode())
        elif "CRAM-MD5" in offered:
            reply = self._cram_md5(username, password)
        else:
            raise SmtpError(Step.AUTH, None, "the server offers no log-in with a password here")
        self.require(Step.AUTH, reply, 235)

    def log_in_with_token(self, username: str, token: str) -> None:
        """Prove who we are with a token of OAuth, where `log_in` would send a password.

        By XOAUTH2, the form that Google and Microsoft documented and still take; OAUTHBEARER (RFC
        7628) is its successor, which Microsoft does not offer.
        """
        self._keep_secret("token")
        if "XOAUTH2" not in self.features.get("auth", "").upper().split():
            raise SmtpError(Step.AUTH, None, "the server offers no log-in with a token here")
        said = base64.b64encode(f"user={username}\1auth=Bearer {token}\1\1".encode()).decode()
        reply = self.command(Step.AUTH, f"AUTH XOAUTH2 {said}", shown="AUTH XOAUTH2 ***")
        if reply.code == 334:
            # The challenge holds why it was refused; the code follows an empty answer.
            reply = self.command(Step.AUTH, "")
        self.require(Step.AUTH, reply, 235)

    def command(self, step: Step, line: str, *, shown: str | None = None) -> Reply:
        """Say one line and read the answer; `shown` replaces the line in the debug output."""
        if "\r" in line or "\n" in line:
            raise ValueError("A command is one line.")
        self._write(step, line.encode() + b"\r\n", shown or line)
        return self._reply(step)

    def expect(self, step: Step, line: str, *codes: int) -> Reply:
        """Say one line; any answer but `codes` is an SmtpError."""
        return self.require(step, self.command(step, line), *codes)

    def pipeline(self, commands: Sequence[tuple[Step, str]]) -> list[Reply]:
        """Say several lines at once and read all the answers (RFC 2920).

        There are fewer answers than lines where the server refused something and hung up.

        When DATA is answered with 354 although the message cannot go on, an empty one is sent, as
        the RFC says, and refused by the server.
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
                    # The server refused and hung up: its refusal is what counts.
                    return replies
                raise
        hopeless = replies[0].code != 250 or not {250, 251} & {one.code for one in replies[1:-1]}
        if hopeless and replies[-1].code == 354:
            self._write(Step.DATA, b".\r\n", ".")
            self._reply(Step.DATA)
        return replies

    def content(self, content: bytes) -> Reply:
        """Send the message itself, the final dot last: where sending fails, nobody has taken it."""
        dotted = content.replace(b"\r\n.", b"\r\n..")
        if dotted.startswith(b"."):
            dotted = b"." + dotted
        if not dotted.endswith(b"\r\n"):
            dotted += b"\r\n"
        self._write(Step.CONTENT, dotted + b".\r\n", f"({len(content)} bytes)")
        return self.require(Step.ACCEPTANCE, self._reply(Step.ACCEPTANCE), 250)

    def is_alive(self) -> bool:
        """Whether the server still answers on this connection."""
        if self._socket is None:
            return False
        try:
            return self.command(Step.CHECK, "NOOP").code == 250
        except SmtpError:
            return False

    @property
    def is_open(self) -> bool:
        return self._socket is not None

    def quit(self) -> None:
        """Say goodbye; what goes wrong with that changes nothing any more."""
        if self._socket is not None:
            with suppress(SmtpError):
                self._socket.settimeout(min(self.server.timeout, 5))
                self.command(Step.QUIT, "QUIT")
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _own_name(self) -> str:
        """This end's address as a domain literal (RFC 5321, section 4.1.3): true, and at hand."""
        address = self._ask(socket.socket.getsockname)
        return f"[IPv6:{address}]" if ":" in address else f"[{address}]"

    def _keep_secret(self, what: str) -> None:
        if not self.encrypted and not self._is_loopback():
            raise SmtpError(
                Step.AUTH, None, f"the {what} was not sent: the connection is not encrypted"
            )

    def _is_loopback(self) -> bool:
        peer = self._ask(socket.socket.getpeername)
        # An IPv4 address may come in the dress of IPv6 (RFC 4291, section 2.5.5.2).
        return is_loopback(peer.removeprefix("::ffff:"))

    def _ask(self, question: Callable[[socket.socket], Any]) -> str:
        try:
            return str(question(self._connected())[0])
        except OSError as error:
            raise self._broken(Step.EHLO, error) from None

    def _encrypt(self) -> None:
        try:
            context = self.server.tls_context()
            self._socket = context.wrap_socket(self._connected(), server_hostname=self.server.host)
        except OSError as error:
            raise self._broken(Step.TLS, error) from None
        self.encrypted = True

    def _challenge(self, opening: str, *answers: bytes) -> Reply:
        reply = self.command(Step.AUTH, opening)
        for answer in answers:
            self.require(Step.AUTH, reply, 334)
            encoded = base64.b64encode(answer).decode()
            reply = self.command(Step.AUTH, encoded, shown="***")
        return reply

    def _cram_md5(self, username: str, password: str) -> Reply:
        reply = self.require(Step.AUTH, self.command(Step.AUTH, "AUTH CRAM-MD5"), 334)
        try:
            challenge = base64.b64decode(reply.text)
        except ValueError:
            raise SmtpError(Step.AUTH, None, f"no challenge: {reply.text}") from None
        digest = hmac.new(password.encode(), challenge, "md5").hexdigest()
        answer = base64.b64encode(f"{username} {digest}".encode()).decode()
        return self.command(Step.AUTH, answer, shown="***")

    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise SmtpError(Step.CONNECT, None, "the connection is closed")
        return self._socket

    def _write(self, step: Step, data: bytes, shown: str) -> None:
        if self.server.debug:
            sys.stderr.write(f"SMTP > {shown}\n")
        try:
            connection = self._connected()
            connection.settimeout(self.server.timeout)
            # Piece by piece: a server that is slow but goes on reading is not given up.
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
        while len(lines) < LINES_MAXIMUM:
            line = self._line(deadline)
            if self.server.debug:
                sys.stderr.write(f"SMTP < {one_line(line)}\n")
            lines.append(line[4:].decode("utf-8", "replace").strip())
            if not line[:3].isdigit() or line[3:4] not in {b"-", b" ", b""}:
                raise OSError(f"an answer that is not SMTP: {one_line(line[:80])}")
            if line[3:4] != b"-":
                return Reply(int(line[:3]), "\n".join(lines))
        raise OSError("an answer without end")

    def _line(self, deadline: float) -> bytes:
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE_MAXIMUM:
                raise OSError("an answer with an endless line")
            connection = self._connected()
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            received = connection.recv(4096)
            if not received:
                raise ConnectionResetError(0, "the server closed the connection")
            self._buffer += received
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r")

    @staticmethod
    def require(step: Step, reply: Reply, *codes: int) -> Reply:
        if reply.code not in codes:
            raise SmtpError(step, reply.code, reply.text)
        return reply

    def _broken(self, step: Step, error: OSError) -> SmtpError:
        """What failed on the connection, with its step; the connection is closed."""
        self.close()
        if isinstance(error, ssl.SSLCertVerificationError):
            return SmtpError(Step.TLS, None, f"the certificate is not good: {error.verify_message}")
        if isinstance(error, ssl.SSLError):
            return SmtpError(step, None, f"TLS failed: {error.reason or error}")
        if isinstance(error, TimeoutError):
            return SmtpError(step, None, f"no answer within {self.server.timeout:g} seconds")
        return SmtpError(step, None, error.strerror or str(error))
