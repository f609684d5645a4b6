"""A mail server that speaks a dialect: it answers each command as the dialect says.

Unlike `tests.smtp_server` it is not a correct server with one fault, but imitates real ones, with
other codes, other line ends, other ways to ask for a password.
"""

from __future__ import annotations

import base64
import hmac
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType

USER, PASSWORD = "susan", "secret"
CHALLENGE = b"<1896.697170952@mail.example.net>"

HANG_UP = "\0"
"""At the end of an answer: its last line has no line end, and the connection is closed."""


@dataclass(frozen=True)
class Dialect:
    """How a server speaks. The lines of an answer are separated by newlines.

    `offers` are the lines of the answer to EHLO after the first, unless `ehlo` is the whole answer;
    `offers_encrypted` those after STARTTLS. `auth` says for each mechanism what happens: "check" is
    the ordinary way, "ask" asks although it has everything, "initial" wants the name in the
    command, "thrice" asks once more than needed, and anything else is the answer. `rcpt` may have
    an answer for each recipient in turn; `body` is the answer to MAIL with BODY. `smtplib` says
    whether the standard library's client delivers there.
    """

    name: str
    banner: str = "220 mail.example.net ESMTP"
    offers: tuple[str, ...] = ("SIZE 35882577", "8BITMIME")
    ehlo: str | None = None
    helo: str = "250 mail.example.net"
    auth: Mapping[str, str] = field(default_factory=dict)
    prompts: tuple[str, str] = ("VXNlcm5hbWU6", "UGFzc3dvcmQ6")
    welcome: str = "235 2.7.0 Authentication successful"
    wrong: str = "535 5.7.8 Error: authentication failed"
    tls: str = ""
    starttls: str = "220 2.0.0 Ready to start TLS"
    offers_encrypted: tuple[str, ...] | None = None
    mail: str = "250 2.1.0 Ok"
    body: str | None = None
    rcpt: str | tuple[str, ...] = "250 2.1.5 Ok"
    data: str = "354 End data with <CR><LF>.<CR><LF>"
    dot: str = "250 2.0.0 Ok: queued as 4XK1"
    rset: str = "250 2.0.0 Ok"
    quit: str = "221 2.0.0 Bye"
    end: str = "\r\n"
    pieces: bool = False
    loses_pipelined: bool = False
    needs_mail: bool = True
    smtplib: bool = True

    def __str__(self) -> str:
        return self.name


class _HangUpError(Exception):
    pass


class DialectServer:
    """Serves one connection after the other; `taken` has the recipients of each accepted message.

    `rcpt_in_all` are answers to successive recipients, whatever message they belong to.
    """

    def __init__(self, dialect: Dialect, context: ssl.SSLContext | None = None) -> None:
        self.dialect = dialect
        self.context = context
        self.taken: list[list[str]] = []
        self.connections = 0
        self.rcpt_in_all: Sequence[str] = ()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> DialectServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        for one in (self._listener, self._connection):
            with suppress(OSError):
                if one is not None:
                    one.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        while True:
            try:
                self._connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            conversation = _Conversation(self, self._connection)
            with suppress(OSError, _HangUpError):
                conversation.run()
            conversation.socket.close()


class _Conversation:
    def __init__(self, server: DialectServer, connection: socket.socket) -> None:
        self.server = server
        self.dialect = server.dialect
        self.socket = connection
        self.buffer = b""
        self.encrypted = False
        self.known = not self.dialect.auth
        self.recipients: list[str] | None = None
        self.asked = 0

    def run(self) -> None:
        if self.dialect.tls == "implicit":
            self._encrypt()
        self._say(self.dialect.banner)
        while True:
            line = self._line()
            if self.dialect.loses_pipelined:
                self.buffer = b""
            verb, _, rest = line.partition(" ")
            handler = getattr(self, f"_do_{verb.lower()}", None)
            if handler is None:
                self._say("500 5.5.1 Command unrecognized")
            else:
                handler(rest)

    def _do_ehlo(self, _name: str) -> None:
        dialect = self.dialect
        if dialect.ehlo is not None and not (self.encrypted and dialect.offers_encrypted):
            self._say(dialect.ehlo)
            return
        offers = dialect.offers
        if self.encrypted and dialect.offers_encrypted is not None:
            offers = dialect.offers_encrypted
        if dialect.tls == "starttls" and not self.encrypted:
            offers = (*offers, "STARTTLS")
        lines = ["mail.example.net", *offers]
        self._say("\n".join([*(f"250-{one}" for one in lines[:-1]), f"250 {lines[-1]}"]))

    def _do_helo(self, _name: str) -> None:
        self._say(self.dialect.helo)

    def _do_starttls(self, _rest: str) -> None:
        self._say(self.dialect.starttls)
        self._encrypt()

    def _do_auth(self, rest: str) -> None:
        mechanism, _, initial = rest.partition(" ")
        way = self.dialect.auth.get(mechanism.upper())
        if way is None:
            self._say("504 5.5.4 Unrecognized authentication type")
        elif way == "initial" and not initial:
            self._say("501 5.5.2 The name belongs to the command")
        elif way not in {"check", "ask", "initial", "thrice"}:
            self._say(way)
        elif self._proved(mechanism.upper(), way, initial):
            self.known = True
            self._say(self.dialect.welcome)
        else:
            self._say(self.dialect.wrong)

    def _proved(self, mechanism: str, way: str, initial: str) -> bool:
        first, second = self.dialect.prompts
        if mechanism == "PLAIN":
            said = self._ask("") if way == "ask" or not initial else initial
            return base64.b64decode(said) == f"\0{USER}\0{PASSWORD}".encode()
        if mechanism == "CRAM-MD5":
            answer = base64.b64decode(self._ask(base64.b64encode(CHALLENGE).decode())).decode()
            digest = hmac.new(PASSWORD.encode(), CHALLENGE, "md5").hexdigest()
            return answer == f"{USER} {digest}"
        name = initial or self._ask(first)
        password = self._ask(second)
        if way == "thrice":
            password = self._ask(second)
        return (base64.b64decode(name), base64.b64decode(password)) == (
            USER.encode(),
            PASSWORD.encode(),
        )

    def _ask(self, challenge: str) -> str:
        self._say(f"334 {challenge}")
        return self._line()

    def _do_mail(self, rest: str) -> None:
        if not self.known:
            self._say("530 5.7.0 Authentication required")
            return
        answer = self.dialect.mail
        if "BODY=" in rest and self.dialect.body is not None:
            answer = self.dialect.body
        if answer.startswith("2"):
            self.recipients, self.asked = [], 0
        self._say(answer)

    def _do_rcpt(self, rest: str) -> None:
        if self.recipients is None and self.dialect.needs_mail:
            self._say("503 5.5.1 Error: need MAIL command")
            return
        answer = self.dialect.rcpt
        if self.server.rcpt_in_all:
            answer, *self.server.rcpt_in_all = self.server.rcpt_in_all
        if not isinstance(answer, str):
            answer = answer[min(self.asked, len(answer) - 1)]
        self.asked += 1
        if answer.startswith("2"):
            self.recipients = self.recipients or []
            self.recipients.append(rest.partition("<")[2].partition(">")[0])
        self._say(answer)

    def _do_data(self, _rest: str) -> None:
        if not self.recipients:
            self._say("554 5.5.1 Error: no valid recipients")
            return
        self._say(self.dialect.data)
        if not self.dialect.data.startswith("3"):
            return
        while self._line() != ".":
            pass
        if self.dialect.dot.startswith("2"):
            self.server.taken.append(self.recipients)
        self.recipients = None
        self._say(self.dialect.dot)

    def _do_rset(self, _rest: str) -> None:
        self.recipients = None
        self._say(self.dialect.rset)

    def _do_noop(self, _rest: str) -> None:
        self._say("250 2.0.0 Ok")

    def _do_quit(self, _rest: str) -> None:
        self._say(self.dialect.quit)
        raise _HangUpError

    def _encrypt(self) -> None:
        assert self.server.context is not None
        self.buffer = b""
        self.socket = self.server.context.wrap_socket(self.socket, server_side=True)
        self.encrypted = True

    def _say(self, answer: str) -> None:
        hangs_up = answer.endswith(HANG_UP)
        text = answer.removesuffix(HANG_UP).replace("\n", self.dialect.end)
        # Bytes, whatever the server's character set is.
        data = (text if hangs_up else text + self.dialect.end).encode("latin-1")
        for piece in [data[:2], data[2:5], data[5:]] if self.dialect.pieces else [data]:
            self.socket.sendall(piece)
        if hangs_up:
            raise _HangUpError

    def _line(self) -> str:
        while b"\n" not in self.buffer:
            received = self.socket.recv(65536)
            if not received:
                raise _HangUpError
            self.buffer += received
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")
