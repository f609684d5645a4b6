"""Dovecot: mailboxes over IMAP, filled over LMTP; every account has the same password."""

from __future__ import annotations

import smtplib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imap_tools import MailBoxUnencrypted

from flask_outbox.feedback.imap import ImapMailbox
from tests.mail_servers.scratch import NOBODY, need_program, scratch, wait_for
from tests.ports import HOST, free_port
from tests.waiting import end

PROGRAM, PACKAGE = "/usr/sbin/dovecot", "dovecot-imapd"

PASSWORD = "correct-horse"

CONFIGURATION = """
base_dir = {folder}/run
log_path = {folder}/dovecot.log
protocols = imap lmtp
listen = {host}
ssl = {ssl}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%Ln
recipient_delimiter = +
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid=nogroup home={folder}/mail/%Ln allow_all_users=yes
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    address = {host}
    port = {lmtp_port}
  }}
}}
"""


@dataclass(frozen=True)
class Dovecot:
    """A running server; `tls_port` is 0 without a certificate."""

    folder: Path
    port: int
    tls_port: int
    lmtp_port: int

    def mailbox(self, **given: Any) -> ImapMailbox:
        """The mailbox of `bounces`, as settings would name it."""
        values = {"username": "bounces", "password": PASSWORD, "port": self.port, **given}
        return ImapMailbox(HOST, **values)

    def deliver(self, content: bytes, to: str = "bounces@example.com") -> None:
        """Put a message into a mailbox, as a mail server does."""
        with smtplib.LMTP(HOST, self.lmtp_port) as lmtp:
            lmtp.sendmail("", [to], content)

    @contextmanager
    def opened(self, folder: str = "INBOX") -> Iterator[MailBoxUnencrypted]:
        """The folder of `bounces`, to look into it."""
        with MailBoxUnencrypted(HOST, self.port) as box:
            box.login("bounces", PASSWORD, folder)
            yield box

    def subjects(self, folder: str = "INBOX") -> list[str]:
        """What is in the folder, oldest first; nothing if there is no such folder."""
        with self.opened() as box:
            if not box.folder.exists(folder):
                return []
            box.folder.set(folder, readonly=True)
            return [one.subject for one in box.fetch(mark_seen=False)]


@contextmanager
def dovecot(*, certificate: Path | None = None, key: Path | None = None) -> Iterator[Dovecot]:
    """Start it in a folder of its own; it ends with the block."""
    need_program(PROGRAM, PACKAGE)
    need_program("/usr/lib/dovecot/lmtp", "dovecot-lmtpd")
    with scratch() as folder:
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        server = Dovecot(folder, free_port(), free_port() if certificate else 0, free_port())
        path = folder / "dovecot.conf"
        tls = f"yes\nssl_cert = <{certificate}\nssl_key = <{key}" if certificate else "no"
        path.write_text(
            CONFIGURATION.format(
                folder=folder, host=HOST, user=NOBODY, password=PASSWORD, ssl=tls,
                port=server.port, tls_port=server.tls_port, lmtp_port=server.lmtp_port,
            )
        )  # fmt: skip
        process = subprocess.Popen([PROGRAM, "-F", "-c", str(path)])
        try:
            for port in (server.port, server.lmtp_port):
                wait_for(port, folder / "dovecot.log")
            yield server
        finally:
            end(process, seconds=30)
