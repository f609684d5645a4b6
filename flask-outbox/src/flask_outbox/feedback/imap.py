"""A mailbox at an IMAP server (RFC 9051) in which bounces and complaints arrive."""

from __future__ import annotations

import imaplib
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from flask_outbox.defaults import TIMEOUT_SECONDS
from flask_outbox.feedback.intake import KEPT_BYTES
from flask_outbox.message.addresses import is_loopback
from flask_outbox.smtp.errors import one_line

if TYPE_CHECKING:
    from imap_tools import BaseMailBox

IMAPS_PORT, IMAP_PORT = 993, 143

READ_DAYS = 31
"""Older mail is left where it is: the token of what came back is good for 30 days."""

SEARCHED_AT_ONCE = 50_000
"""Messages of a folder in one search: imaplib takes answers of a million bytes, and a UID has up to
ten digits."""

MOVED_AT_ONCE = 100
"""Messages in one command: a server need not take a line of more than 8000 bytes (RFC 7162)."""

_UID_MAXIMUM = 2**32 - 1
_MAXIMUM_NAME = 320


class MailboxError(Exception):
    """The mailbox cannot be used; the text says why, in the server's words if it said something."""


@dataclass(frozen=True)
class ImapMailbox:
    """A folder of an account, and where messages go that were stored.

    Its TLS is verified by the system's authorities and `ca_file`. `timeout` is in seconds, for each
    answer.
    """

    host: str
    username: str
    password: str = field(repr=False)
    port: int = IMAPS_PORT
    folder: str = "INBOX"
    done_folder: str = "Done"
    ca_file: str | None = None
    timeout: float = TIMEOUT_SECONDS

    @property
    def name(self) -> str:
        """How the mailbox is called in the log and in `mail_mailboxes`."""
        return f"{self.username}@{self.host}:{self.port}/{self.folder}"[-_MAXIMUM_NAME:]

    @property
    def is_encrypted(self) -> bool:
        """Whether the password needs TLS: everywhere but on this machine."""
        return self.port == IMAPS_PORT or not is_loopback(self.host)

    @property
    def starts_tls(self) -> bool:
        """Whether TLS begins over a connection without it."""
        return self.is_encrypted and self.port == IMAP_PORT


class OpenFolder:
    """The folder of a mailbox, over a connection that is logged in.

    `uid_next` is more than the UID of any message that it had when it was opened.
    """

    def __init__(self, mailbox: ImapMailbox, connection: BaseMailBox) -> None:
        self._mailbox = mailbox
        self._connection = connection
        with _in_words("The folder {} cannot be opened", mailbox.folder):
            _status, found = connection.folder.set(mailbox.folder)
            self._count = int(found[0] or "")
            self.uid_validity = self._told("UIDVALIDITY")
            self.uid_next = self._told("UIDNEXT") or _UID_MAXIMUM + 1
        if not self.uid_validity:
            raise MailboxError(f"The folder {mailbox.folder} has no lasting numbers.")
        self._can_move = "MOVE" in connection.client.capabilities
        self._is_made = False

    def uids(self, *, now: float) -> list[int]:
        """The UIDs of its messages in ascending order, but for those that are too old to matter."""
        from imap_tools import AND  # noqa: PLC0415 - an extra

        since = (datetime.fromtimestamp(now, UTC) - timedelta(days=READ_DAYS)).date()
        found: set[int] = set()
        # The newest first: what moves up meanwhile, since others left, is found a second time.
        for last in range(self._count, 0, -SEARCHED_AT_ONCE):
            searched = f"{max(last - SEARCHED_AT_ONCE, 0) + 1}:{last} {AND(date_gte=since)}"
            with _in_words("The folder {} cannot be read", self._mailbox.folder):
                found.update(map(int, self._connection.uids(searched, charset=None)))
        return sorted(found)

    def content(self, uid: int) -> bytes | None:
        """The beginning of a message, which stays unread; None if the server doesn't return it."""
        part = f"(BODY.PEEK[]<0.{KEPT_BYTES}>)"
        with _in_words("The folder {} cannot be read", self._mailbox.folder):
            _status, found = self._connection.client.uid("FETCH", str(uid), part)
        return next((bytes(one[1]) for one in found or () if isinstance(one, tuple)), None)

    def move(self, uids: Sequence[int]) -> None:
        """Move messages to the done folder, which is made if it is missing.

        Where the server cannot move (RFC 6851) they stay: copying and deleting would also remove
        what others marked as deleted.
        """
        if not (uids and self._can_move):
            return
        done = self._mailbox.done_folder
        with _in_words("Messages cannot be moved to the folder {}", done):
            if not self._is_made and not self._connection.folder.exists(done):
                self._connection.folder.create(done)
            self._is_made = True
            self._connection.move(map(str, uids), done, chunks=MOVED_AT_ONCE)

    def _told(self, name: str) -> int:
        """What the server said of the folder when it was opened; 0 if nothing."""
        _name, found = self._connection.client.response(name)
        return int((found and found[0]) or 0)


@contextmanager
def opened(mailbox: ImapMailbox) -> Iterator[OpenFolder]:
    """Log in and open the folder; log out at the end. Raises MailboxError."""
    connection = _connected(mailbox)
    try:
        with _in_words("The server refuses the log-in of {}", mailbox.username, mailbox.password):
            _log_in(connection, mailbox)
        yield OpenFolder(mailbox, connection)
    finally:
        with suppress(Exception):
            connection.logout()
        with suppress(OSError):
            connection.client.shutdown()


def _connected(mailbox: ImapMailbox) -> BaseMailBox:
    from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted  # noqa: PLC0415 - an extra

    host, port, timeout = mailbox.host, mailbox.port, mailbox.timeout
    with _in_words("{} cannot be reached", f"{host}, port {port},"):
        if not mailbox.is_encrypted:
            return MailBoxUnencrypted(host, port, timeout=timeout)
        context = ssl.create_default_context()
        if mailbox.ca_file:
            context.load_verify_locations(mailbox.ca_file)
        kind = MailBoxStartTls if mailbox.starts_tls else MailBox
        return kind(host, port, timeout=timeout, ssl_context=context)


def _log_in(connection: BaseMailBox, mailbox: ImapMailbox) -> None:
    is_ascii = (mailbox.username + mailbox.password).isascii()
    log_in = connection.login if is_ascii else connection.login_utf8
    log_in(mailbox.username, mailbox.password, initial_folder=None)
    # What a server can do it says after the log-in, and nobody asks again.
    _status, found = connection.client.capability()
    given = found[-1] or b""
    connection.client.capabilities = tuple(given.decode("ascii", "replace").upper().split())


@contextmanager
def _in_words(what: str, name: str, secret: str = "") -> Iterator[None]:
    """Turn what goes wrong into a sentence about it, without the secret."""
    from imap_tools import ImapToolsError  # noqa: PLC0415 - an extra

    try:
        yield
    except (OSError, ValueError, imaplib.IMAP4.error, ImapToolsError) as error:
        said = _words_of(error)
        if secret:
            said = said.replace(secret, "…")
        raise MailboxError(f"{what.format(name)}: {one_line(said)}") from None


def _words_of(error: Exception) -> str:
    """The server's words, or the system's."""
    result = getattr(error, "command_result", None)
    if result is not None:
        parts = [one for one in result[1] if isinstance(one, bytes)]
        return b" ".join(parts).decode("utf-8", "replace") or str(result[0])
    if isinstance(error, TimeoutError):
        return "it does not answer in time."
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}."
    return str(error) or type(error).__name__
