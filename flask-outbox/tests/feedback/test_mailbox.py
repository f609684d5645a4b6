"""A mailbox at a real IMAP server is read to its end, once, and nothing in it is lost."""

from __future__ import annotations

import imaplib
import logging
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from flask.ctx import AppContext
from imap_tools import BaseMailBox, MailMessageFlags
from sqlalchemy import select, update

from flask_outbox.feedback import imap
from flask_outbox.feedback import mailbox as polling
from flask_outbox.feedback.imap import ImapMailbox, OpenFolder
from flask_outbox.feedback.intake import KEPT_BYTES
from flask_outbox.outbox.models import MailboxPosition, MailReport
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.mail_servers.dovecot import PASSWORD, Dovecot, dovecot
from tests.ports import HOST, free_port

NOW = 1_796_000_000.0


@pytest.fixture
def server() -> Iterator[Dovecot]:
    with dovecot() as running:
        yield running


@pytest.fixture(autouse=True)
def _database(app_context: AppContext) -> None:
    pass


def poll(mailbox: ImapMailbox, *, now: float = NOW, forced: bool = True) -> int:
    with db.sessionmaker() as session:
        return polling.poll(session, mailbox, now=now, forced=forced)


def reports() -> list[MailReport]:
    return list(db.session.scalars(select(MailReport).order_by(MailReport.id)))


def position() -> MailboxPosition:
    return db.session.scalars(select(MailboxPosition)).one()


def mail(subject: str, body: str = "Hm") -> bytes:
    return f"Subject: {subject}\r\n\r\n{body}\r\n".encode()


def test_messages_are_stored_and_moved(server: Dovecot) -> None:
    server.deliver(mail("one"), to="bounces+abc@example.com")
    server.deliver(mail("two"))

    assert poll(server.mailbox()) == 2

    first, second = reports()
    assert (first.source, first.received_at, first.due_at) == ("imap", NOW, NOW)
    assert first.envelope_recipient == "bounces+abc@example.com"
    assert b"Subject: one\r\n\r\nHm\r\n" in first.content
    assert second.envelope_recipient == "bounces@example.com"
    assert server.subjects() == []
    assert server.subjects("Done") == ["one", "two"]
    with server.opened("Done") as box:
        assert not any(MailMessageFlags.SEEN in one.flags for one in box.fetch(mark_seen=False))
    assert (position().uid, position().polled_at, position().trouble) == (2, NOW, None)


@ON_SQLITE
def test_what_comes_later_is_stored_later(server: Dovecot) -> None:
    for number in range(polling.BATCH + 5):
        server.deliver(mail(f"{number}"))
    assert poll(server.mailbox()) == polling.BATCH + 5
    assert poll(server.mailbox()) == 0
    server.deliver(mail("last"))

    assert poll(server.mailbox()) == 1
    assert b"Subject: last" in reports()[-1].content
    assert server.subjects() == []


@ON_SQLITE
def test_what_was_stored_but_not_moved_is_only_moved(server: Dovecot) -> None:
    server.deliver(mail("one"))
    # Dovecot makes no folder of this name.
    assert poll(server.mailbox(done_folder="~no")) == 1
    assert "cannot be moved" in str(position().trouble)
    assert server.subjects() == ["one"]
    server.deliver(mail("two"))

    assert poll(server.mailbox()) == 1

    assert [b"Subject: two" in report.content for report in reports()] == [False, True]
    assert server.subjects("Done") == ["one", "two"]
    assert position().trouble is None


@ON_SQLITE
def test_a_mailbox_that_was_made_anew_is_read_from_its_beginning(server: Dovecot) -> None:
    server.deliver(mail("one"))
    poll(server.mailbox(done_folder="Elsewhere"))
    with transaction() as session:
        session.execute(update(MailboxPosition).values(uid_validity=7, uid=1_000))
    server.deliver(mail("two"))

    assert poll(server.mailbox()) == 1
    assert position().uid_validity != 7
    assert position().uid == 2


@ON_SQLITE
def test_a_message_that_is_read_again_is_stored_once(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenFolder, "move", lambda *_arguments: None)
    server.deliver(mail("one"))
    assert poll(server.mailbox()) == 1
    with transaction() as session:
        session.execute(update(MailboxPosition).values(uid_validity=7))

    assert poll(server.mailbox()) == 0
    assert len(reports()) == 1


@ON_SQLITE
def test_what_others_marked_as_deleted_stays(server: Dovecot) -> None:
    server.deliver(mail("one"))
    with server.opened() as box:
        box.client.uid("STORE", "1", "+FLAGS", r"(\Deleted)")
    server.deliver(mail("two"))

    poll(server.mailbox())
    assert server.subjects("Done") == ["one", "two"]


@ON_SQLITE
def test_of_a_large_message_the_beginning_is_read(server: Dovecot) -> None:
    server.deliver(mail("large", "x" * 900 + "\r\n" + ("y" * 900 + "\r\n") * 2_000))

    assert poll(server.mailbox()) == 1
    assert len(reports()[0].content) == KEPT_BYTES


@ON_SQLITE
def test_old_mail_is_left_alone(server: Dovecot) -> None:
    server.deliver(mail("today"))
    assert poll(server.mailbox(), now=NOW + 400 * 86_400) == 0
    assert server.subjects() == ["today"]


@ON_SQLITE
def test_a_message_that_the_server_does_not_return_is_shown(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OpenFolder.content
    monkeypatch.setattr(
        OpenFolder, "content", lambda folder, uid: None if uid == 1 else real(folder, uid)
    )
    server.deliver(mail("one"))
    server.deliver(mail("two"))

    assert poll(server.mailbox()) == 2
    assert [b"two" in one.content for one in reports()] == [False, True]
    assert reports()[0].content == b""
    assert poll(server.mailbox()) == 0


@ON_SQLITE
def test_a_server_that_returns_nothing_for_now_is_asked_again(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deliver(mail("one"))
    server.deliver(mail("two"))
    with monkeypatch.context() as patched:
        patched.setattr(OpenFolder, "content", lambda *_arguments: None)
        assert poll(server.mailbox()) == 0
    assert "returns none of its messages" in str(position().trouble)
    assert server.subjects() == ["one", "two"]

    assert poll(server.mailbox()) == 2
    assert position().trouble is None


@ON_SQLITE
def test_numbers_that_are_given_again_are_read_again(
    server: Dovecot, caplog: pytest.LogCaptureFixture
) -> None:
    """As after a backup of the mailbox was restored, with its numbers."""
    server.deliver(mail("one"))
    poll(server.mailbox())
    with transaction() as session:
        session.execute(update(MailboxPosition).values(uid=1_000))
    server.deliver(mail("two"))

    assert poll(server.mailbox()) == 1
    assert b"Subject: two" in reports()[-1].content
    assert position().uid == 2
    assert caplog.text == ""


@ON_SQLITE
def test_a_mailbox_of_any_size_is_read(server: Dovecot, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that names all of its messages may be longer than imaplib takes."""
    for number in range(5):
        server.deliver(mail(f"{number}"))
    asked: list[str] = []
    real = BaseMailBox.uids

    def noted(box: BaseMailBox, searched: str, **values: Any) -> list[str]:
        asked.append(searched.partition(" ")[0])
        return real(box, searched, **values)

    with monkeypatch.context() as patched:
        patched.setattr(BaseMailBox, "uids", noted)
        patched.setattr(imap, "SEARCHED_AT_ONCE", 2)
        assert poll(server.mailbox()) == 5
    assert asked == ["4:5", "2:3", "1:1"]
    assert server.subjects("Done") == [f"{number}" for number in range(5)]


@ON_SQLITE
def test_many_that_could_not_be_moved_are_moved_later(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server need not take a command that names all of them."""
    for number in range(5):
        server.deliver(mail(f"{number}"))
    assert poll(server.mailbox(done_folder="~no")) == 5
    moved: list[str] = []
    real = imaplib.IMAP4.uid

    def noted(client: imaplib.IMAP4, command: str, *arguments: Any) -> Any:
        if command == "MOVE":
            moved.append(arguments[0])
        return real(client, command, *arguments)

    monkeypatch.setattr(imaplib.IMAP4, "uid", noted)
    monkeypatch.setattr(imap, "MOVED_AT_ONCE", 2)

    assert poll(server.mailbox()) == 0
    assert moved == ["1,2", "3,4", "5"]
    assert server.subjects() == []


def test_of_several_that_poll_one_asks(server: Dovecot) -> None:
    server.deliver(mail("one"))
    assert poll(server.mailbox(), forced=False) == 1
    server.deliver(mail("two"))

    assert poll(server.mailbox(), forced=False, now=NOW + 1) == 0
    assert poll(server.mailbox(), forced=False, now=NOW + polling.POLL_SECONDS) == 1
    assert poll(server.mailbox(), forced=False, now=NOW - 1_000) == 0
    assert position().polled_at == NOW - 1_000


# What goes wrong


def test_trouble_is_kept_and_logged_once(server: Dovecot, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "flask_outbox")
    server.deliver(mail("one"))
    wrong = server.mailbox(password="hunter2")

    assert poll(wrong) == 0
    assert poll(wrong) == 0

    trouble = str(position().trouble)
    assert trouble.startswith("The server refuses the log-in of bounces: [AUTHENTICATIONFAILED]")
    assert poll(server.mailbox()) == 1
    assert position().trouble is None
    name = server.mailbox().name
    assert [one.getMessage() for one in caplog.records] == [
        f"The mailbox {name}: {trouble}",
        f"The mailbox {name} can be read again.",
    ]
    assert "hunter2" not in caplog.text + repr(wrong)


@ON_SQLITE
def test_a_server_that_refuses_is_left_alone_for_a_while(server: Dovecot) -> None:
    poll(server.mailbox(password="wrong"))
    server.deliver(mail("one"))

    later = NOW + polling.POLL_SECONDS
    assert poll(server.mailbox(), forced=False, now=later) == 0
    assert poll(server.mailbox(), forced=False, now=NOW + polling.TROUBLE_SECONDS) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("given", "trouble"),
    [
        ({"port": 0}, "127.0.0.1, port {port}, cannot be reached: "),
        ({"folder": "Nowhere"}, "The folder Nowhere cannot be opened: "),
    ],
)
def test_what_cannot_be_used_is_named(server: Dovecot, given: dict[str, Any], trouble: str) -> None:
    if "port" in given:
        given = {"port": free_port()}
    assert poll(server.mailbox(**given)) == 0
    assert str(position().trouble).startswith(trouble.format(**given))


@ON_SQLITE
def test_letters_of_any_language_can_be_a_password(server: Dovecot) -> None:
    poll(server.mailbox(password="пароль"))
    assert "AUTHENTICATIONFAILED" in str(position().trouble)


@ON_SQLITE
def test_a_servers_words_cannot_steer_a_terminal_or_add_lines_to_the_log() -> None:
    def refuse() -> None:
        connection, _address = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK\r\n")
            for line in lines:
                tag, command = line.split()[:2]
                refused = b"NO [\x1b]0;x\x07 \x85away" if command == b"LOGIN" else b"OK done"
                connection.sendall(b"* CAPABILITY IMAP4rev1\r\n" + tag + b" " + refused + b"\r\n")

    with socket.create_server((HOST, 0)) as listener:
        thread = threading.Thread(target=refuse)
        thread.start()
        poll(ImapMailbox(HOST, "bounces", PASSWORD, listener.getsockname()[1], timeout=30))
        thread.join()
    trouble = str(position().trouble)
    assert trouble.startswith("The server refuses the log-in of bounces: ")
    assert "away" in trouble
    assert trouble.isprintable()


def test_nobody_waits_for_a_server_that_is_silent() -> None:
    with socket.create_server((HOST, 0)) as listener:
        mailbox = ImapMailbox(HOST, "bounces", PASSWORD, listener.getsockname()[1], timeout=30)
        app = db.engine

        def ask() -> None:
            from sqlalchemy.orm import Session  # noqa: PLC0415

            with Session(app) as session:
                session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
                polling.poll(session, mailbox, now=NOW)

        thread = threading.Thread(target=ask)
        thread.start()
        silent, _address = listener.accept()
        try:
            with transaction() as session:
                session.execute(update(MailboxPosition).values(trouble="written meanwhile"))
            assert thread.is_alive()
        finally:
            silent.close()
            thread.join()
    assert "cannot be reached" in str(position().trouble)


@contextmanager
def says_of_its_folder(words: bytes) -> Iterator[ImapMailbox]:
    """A server that lets everybody in, and says this where a folder is opened."""

    class Answers(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK [CAPABILITY IMAP4rev1] here\r\n")
            for line in self.rfile:
                tag, command = line.split()[:2]
                said = words if command == b"SELECT" else b"* CAPABILITY IMAP4rev1\r\n%b OK Hm\r\n"
                self.wfile.write(said % tag)

    with socketserver.ThreadingTCPServer((HOST, 0), Answers) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield ImapMailbox(HOST, "bounces", PASSWORD, server.server_address[1])
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("words", "trouble"),
    [
        (b"%b NO \x1b[2J\0Not now\r\n", "[2JNot now"),
        (b"* 0 EXISTS\r\n* OK [UIDVALIDITY x] Hm\r\n%b OK Hm\r\n", "invalid literal for int()"),
    ],
)
def test_whatever_a_server_says_can_be_kept_and_logged(
    words: bytes, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    with says_of_its_folder(words) as mailbox:
        assert poll(mailbox) == 0
    assert str(position().trouble).startswith(f"The folder INBOX cannot be opened: {trouble}")
    assert "\x1b" not in caplog.text


# TLS


class Encrypted(ImapMailbox):
    """A mailbox here that is treated as one elsewhere."""

    is_encrypted = True


class StartTls(Encrypted):
    """One whose port says that TLS is begun over it."""

    starts_tls = True


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    made = trustme.CA()
    made.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = made.issue_cert(HOST)
    issued.cert_chain_pems[0].write_to_path(tmp_path / "certificate.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    return made


@ON_SQLITE
@pytest.mark.usefixtures("authority")
@pytest.mark.parametrize("kind", [Encrypted, StartTls])
def test_certificates_are_verified(tmp_path: Path, kind: type[ImapMailbox]) -> None:
    with dovecot(certificate=tmp_path / "certificate.pem", key=tmp_path / "key.pem") as server:
        server.deliver(mail("one"))
        port = server.port if kind is StartTls else server.tls_port
        assert poll(kind(HOST, "bounces", PASSWORD, port)) == 0
        assert "its certificate is not valid: " in str(position().trouble)
        assert poll(kind(HOST, "bounces", PASSWORD, port, ca_file=str(tmp_path / "ca.pem"))) == 1


@ON_SQLITE
@pytest.mark.parametrize(
    ("host", "port", "is_encrypted", "starts_tls"),
    [
        ("imap.example.com", 993, True, False),
        ("imap.example.com", 143, True, True),
        ("imap.example.com", 1143, True, False),
        ("127.0.0.1", 993, True, False),
        ("127.0.0.1", 143, False, False),
        ("localhost", 1143, False, False),
    ],
)
def test_only_this_machine_is_asked_without_tls(
    host: str, port: int, *, is_encrypted: bool, starts_tls: bool
) -> None:
    mailbox = ImapMailbox(host, "bounces", PASSWORD, port)
    assert (mailbox.is_encrypted, mailbox.starts_tls) == (is_encrypted, starts_tls)


@ON_SQLITE
def test_a_server_without_tls_gets_no_password(server: Dovecot) -> None:
    assert poll(StartTls(HOST, "bounces", PASSWORD, server.port)) == 0
    assert "cannot be reached" in str(position().trouble)
