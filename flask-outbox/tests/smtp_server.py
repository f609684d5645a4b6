"""A scripted mail server: any answer at any step, silence, or a dropped connection.

It speaks real SMTP over a real socket, encrypted if it has a certificate.
"""

from __future__ import annotations

import base64
import email
import email.policy
import hmac
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType

import trustme

STALL = "stall"
"""Do not answer until the server is closed."""
DROP = "drop"
"""Close the connection instead of answering."""

LONGEST_STALL_SECONDS = 30.0


@dataclass
class Received:
    """One message that the server took, with its envelope."""

    sender: str
    recipients: list[str]
    content: bytes
    mail_options: list[str]
    encrypted: bool
    login: str | None
    connection: int
    at: float = field(default_factory=time.time)

    @property
    def message(self) -> EmailMessage:
        parsed = email.message_from_bytes(self.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def text(self, subtype: str = "plain") -> str:
        part = self.message.get_body((subtype,))
        assert part is not None, f"the message has no text/{subtype}"
        return str(part.get_content()).replace("\r\n", "\n")


class Authority:
    """Signs certificates for scripted servers; clients that trust `ca_file` trust them."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self._own = folder / "own.pem"
        self._own.write_bytes(self._ca.private_key_pem.bytes() + self._ca.cert_pem.bytes())
        self.ca_file = folder / "authority.pem"
        self._ca.cert_pem.write_to_path(str(self.ca_file))

    def context(self, name: str = "127.0.0.1", *, expired: bool = False) -> ssl.SSLContext:
        """The server's TLS context, with a certificate for `name`."""
        now, day = datetime.now(UTC), timedelta(days=1)
        last = now - day if expired else now + day
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        leaf = self._ca.issue_cert(name, not_before=now - 2 * day, not_after=last)
        leaf.configure_cert(context)
        return context

    def self_signed(self) -> ssl.SSLContext:
        """The server's TLS context, with a self-signed certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._own)
        return context


class ScriptedServer:
    """A server whose answers are scripted by step.

    The steps are tls, connect, ehlo, starttls, auth, mail, rcpt, data, content, quit, rset, noop,
    and before-the-dot, which can only be STALL or DROP. A script is an answer such as "450 4.2.0
    later", STALL, DROP, or a list of these for successive occurrences (None for the ordinary
    answer); a key like "rcpt:bob@x.example" concerns one recipient. `delay` is the seconds before
    each answer to a message's content. `users` are names with their passwords, or with their tokens
    for XOAUTH2.
    """

    def __init__(
        self,
        *,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        features: Iterable[str] = ("8BITMIME", "SMTPUTF8", "SIZE 33554432"),
        auth: str | None = None,
        users: dict[str, str] | None = None,
        delay: float = 0.0,
        port: int = 0,
    ) -> None:
        self.script: dict[str, str | list[str | None]] = {}
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.passwords: list[tuple[str, bool]] = []
        """Every password that was sent, and whether the connection was encrypted."""
        self.connections = 0
        self.features = list(features)
        self.delay = delay
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.auth = auth
        self.users = users or {}
        self._listener = socket.create_server(("127.0.0.1", port))
        self._closing = threading.Event()
        self._answering = threading.Event()
        self._answering.set()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._arrived = threading.Condition(self._lock)
        self._threads: list[threading.Thread] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def __enter__(self) -> ScriptedServer:
        self._spawn(self._accept)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.set()
        self._answering.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(timeout=5)

    def wait_for(self, count: int, *, seconds: float = 120.0) -> list[Received]:
        """The messages, as soon as there are so many."""
        with self._arrived:
            arrived = self._arrived.wait_for(lambda: len(self.received) >= count, seconds)
        assert arrived, f"{len(self.received)} of {count} messages within {seconds:.0f} s"
        return self.received

    def wait_until_hung_up(self, *, seconds: float = 120.0) -> None:
        """Wait until every client is gone and everything it sent is read."""
        for conversation in self._threads[1:]:
            conversation.join(seconds)
            assert not conversation.is_alive(), "a client is still there"

    def pause(self) -> ExitStack:
        """From now on leave the content of messages without an answer, until this is closed."""
        self._answering.clear()
        paused = ExitStack()
        paused.callback(self._answering.set)
        return paused

    def wait_while_paused(self) -> None:
        self._answering.wait(LONGEST_STALL_SECONDS)

    def note(self, command: str) -> None:
        with self._lock:
            self.commands.append(command)

    def keep(self, received: Received) -> None:
        with self._arrived:
            self.received.append(received)
            self._arrived.notify_all()

    def scripted(self, step: str) -> str | None:
        with self._lock:
            planned = self.script.get(step)
            if isinstance(planned, list):
                return planned.pop(0) if planned else None
            return planned

    def stall(self) -> None:
        self._closing.wait(LONGEST_STALL_SECONDS)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            self._spawn(_Conversation(self, connection, self.connections).run)

    def _spawn(self, target: object) -> None:
        thread = threading.Thread(target=target, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()


class _EndedError(Exception):
    pass


class _Conversation:
    def __init__(self, server: ScriptedServer, connection: socket.socket, number: int) -> None:
        self.server = server
        self.socket = connection
        self.number = number
        self.encrypted = False
        self.login: str | None = None
        self.buffer = b""
        self._forget()

    def run(self) -> None:
        try:
            if self.server.implicit_tls:
                self._encrypt()
            self._answer("connect", "220 scripted.example ESMTP")
            while True:
                self._command(self._line())
        except (_EndedError, OSError):
            pass
        finally:
            with suppress(OSError):
                self.socket.close()

    def _command(self, line: str) -> None:
        verb = line.partition(" ")[0].partition(":")[0].upper()
        self.server.note(line if verb != "AUTH" else "AUTH")
        handler = getattr(self, f"_do_{verb.lower()}", None)
        if handler is None:
            self._say("500 5.5.1 What?")
        else:
            handler(line)

    def _do_ehlo(self, _line: str) -> None:
        offers = list(self.server.features)
        if self.server.tls is not None and not self.encrypted:
            offers.append("STARTTLS")
        if self.server.auth is not None:
            offers.append(f"AUTH {self.server.auth}")
        lines = ["scripted.example", *offers]
        ordinary = "\r\n".join([*(f"250-{one}" for one in lines[:-1]), f"250 {lines[-1]}"])
        self._answer("ehlo", ordinary)

    def _do_helo(self, _line: str) -> None:
        self._answer("helo", "250 scripted.example")

    def _do_starttls(self, _line: str) -> None:
        if self._answer("starttls", "220 Go ahead"):
            self._encrypt()
            self.buffer = b""

    def _do_auth(self, line: str) -> None:
        _, mechanism, *rest = line.split(" ")
        if mechanism.upper() == "PLAIN":
            _, user, password = base64.b64decode(rest[0]).decode().split("\0")
            right = self._hear(user, password)
        elif mechanism.upper() == "LOGIN":
            user = self._ask(b"Username:").decode()
            right = self._hear(user, self._ask(b"Password:").decode())
        elif mechanism.upper() == "CRAM-MD5":
            challenge = b"<1896.697170952@scripted.example>"
            user, digest = self._ask(challenge).decode().split(" ")
            password = self.server.users.get(user, "")
            right = hmac.new(password.encode(), challenge, "md5").hexdigest() == digest
        elif mechanism.upper() == "XOAUTH2":
            user, token = self._bearer(base64.b64decode(rest[0]).decode())
            right = self._hear(user, token)
            if not right and self._ask(b'{"status":"400","schemes":"Bearer"}'):
                self._say("501 5.5.2 An empty line is wanted here")
                return
        else:
            self._say("504 5.5.4 Unknown mechanism")
            return
        if self._answer("auth", "235 2.7.0 Welcome" if right else "535 5.7.8 Wrong credentials"):
            self.login = user

    def _ask(self, challenge: bytes) -> bytes:
        self._say("334 " + base64.b64encode(challenge).decode())
        return base64.b64decode(self._line())

    @staticmethod
    def _bearer(said: str) -> tuple[str, str]:
        user, token, *rest = said.split("\1")
        assert rest == ["", ""], "not in the form of XOAUTH2"
        assert user.startswith("user=")
        assert token.startswith("auth=Bearer ")
        return user.removeprefix("user="), token.removeprefix("auth=Bearer ")

    def _hear(self, user: str, password: str) -> bool:
        self.server.passwords.append((password, self.encrypted))
        return self.server.users.get(user) == password

    def _do_mail(self, line: str) -> None:
        if self._answer("mail", "250 2.1.0 OK"):
            address, *options = line.partition(":")[2].split(" ")
            self._forget()
            self.sender, self.options = address.strip("<>"), options

    def _do_rcpt(self, line: str) -> None:
        if not self.sender:
            self._say("503 5.5.1 MAIL first")
            return
        recipient = line.partition(":")[2].split(" ")[0].strip("<>")
        step = f"rcpt:{recipient}" if f"rcpt:{recipient}" in self.server.script else "rcpt"
        if self._answer(step, "250 2.1.5 OK"):
            self.recipients.append(recipient)

    def _do_data(self, _line: str) -> None:
        if not self.recipients:
            self._say("554 5.5.1 No valid recipients")
            return
        if not self._answer("data", "354 Go ahead"):
            return
        content = self._content()
        self.server.wait_while_paused()
        time.sleep(self.server.delay)
        self._answer("content", "250 2.0.0 Taken", before_yes=lambda: self._keep(content))
        self._forget()

    def _do_rset(self, _line: str) -> None:
        self._forget()
        self._answer("rset", "250 2.0.0 OK")

    def _do_noop(self, _line: str) -> None:
        self._answer("noop", "250 2.0.0 OK")

    def _do_quit(self, _line: str) -> None:
        self._answer("quit", "221 2.0.0 Bye")
        raise _EndedError

    def _keep(self, content: bytes) -> None:
        self.server.keep(
            Received(
                self.sender,
                self.recipients,
                content,
                self.options,
                self.encrypted,
                self.login,
                self.number,
            )
        )

    def _forget(self) -> None:
        self.sender = ""
        self.recipients = list[str]()
        self.options = list[str]()

    def _content(self) -> bytes:
        lines = []
        self._break_off("before-the-dot")
        while (line := self._raw_line()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if self.server.scripted("accept-and-drop") is not None:
            # The worst case: the message is accepted, and the client is not told.
            self._keep(b"".join(lines))
            raise _EndedError
        return b"".join(lines)

    def _answer(
        self, step: str, ordinary: str, *, before_yes: Callable[[], None] = lambda: None
    ) -> bool:
        """Send the scripted answer, or the ordinary one; return whether it was positive."""
        answer = self.server.scripted(step) or ordinary
        if answer == STALL:
            self.server.stall()
        if answer in {STALL, DROP}:
            raise _EndedError
        if answer.startswith("2"):
            before_yes()
        self._say(answer)
        if answer.startswith("421"):
            raise _EndedError
        return answer[:1] in "23"

    def _break_off(self, step: str) -> None:
        """Stall or drop the connection at a step without an answer, if that is scripted."""
        planned = self.server.scripted(step)
        if planned == STALL:
            self.server.stall()
        if planned is not None:
            raise _EndedError

    def _say(self, answer: str) -> None:
        self.socket.sendall(answer.encode() + b"\r\n")

    def _line(self) -> str:
        return self._raw_line().decode("utf-8", "replace").rstrip("\r\n")

    def _raw_line(self) -> bytes:
        while b"\n" not in self.buffer:
            received = self.socket.recv(65536)
            if not received:
                raise _EndedError
            self.buffer += received
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self._break_off("tls")
        self.socket = self.server.tls.wrap_socket(self.socket, server_side=True)
        self.encrypted = True
