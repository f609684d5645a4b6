"""Postfix: takes mail from an application, and sends it reports about what it cannot deliver."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mail_servers.scratch import NOBODY, need_program, scratch, wait_for
from tests.mail_servers.servers import Routes, Server
from tests.ports import HOST, free_port

PROGRAM, PACKAGE = "/usr/sbin/postfix", "postfix"

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {log}
maillog_file_prefixes = {folder}
myhostname = mx.local.test
mydestination = local.test
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
smtpd_reject_unlisted_recipient = no
recipient_delimiter = +
mail_spool_directory = {folder}/mail
mailbox_size_limit = 50000
message_size_limit = 50000
transport_maps = inline:{{ {{app.test={reports}}}, {{sink.test=smtp:[{host}]:{sink}}},
 {{down.test=smtp:[{host}]:{down}}}, {{nowhere.test=error:5.1.2 Domain not found}} }}
reports_destination_recipient_limit = 1
lmtp_destination_recipient_limit = 1
queue_run_delay = 2s
minimal_backoff_time = 2s
maximal_backoff_time = 3s
delay_warning_time = 4s
maximal_queue_lifetime = 30s
bounce_queue_lifetime = 30s
"""

MASTER = (
    "{host}:{port}/inet={host}:{port} inet n - n - - smtpd",
    "reports/unix=reports unix - n n - - pipe flags=RX user={user}"
    " argv={script} ${{original_recipient}}",
)


@contextmanager
def postfix(routes: Routes) -> Iterator[Server]:
    """Start it in a folder of its own; it ends with the block."""
    need_program(PROGRAM, PACKAGE)
    with scratch() as folder:
        etc, log, port = folder / "etc", folder / "data" / "log", free_port()
        for name in ("etc", "queue", "data", "mail"):
            (folder / name).mkdir()
        (folder / "mail").chmod(0o1777)
        shutil.chown(folder / "data", "postfix")
        _fill(folder / "mail" / NOBODY)
        (etc / "main.cf").write_text(
            MAIN.format(
                folder=folder, log=log, host=HOST, sink=routes.sink, down=routes.down,
                reports=f"lmtp:inet:{HOST}:{routes.lmtp}" if routes.lmtp else "reports:",
            )
        )  # fmt: skip
        shutil.copy("/usr/share/postfix/master.cf.dist", etc / "master.cf")
        _run("postconf", "-c", str(etc), "-F", "*/*/chroot = n")
        _run("postconf", "-c", str(etc), "-MX", "smtp/inet")
        for line in MASTER:
            given = line.format(host=HOST, port=port, user=NOBODY, script=routes.script)
            _run("postconf", "-c", str(etc), "-M", given)
        _run(PROGRAM, "-c", str(etc), "start")
        try:
            wait_for(port, log)
            yield Server(port, log)
        finally:
            _run(PROGRAM, "-c", str(etc), "stop")


def _fill(mailbox: Path) -> None:
    mailbox.write_text("From somebody\n" + "x" * 60_000)
    shutil.chown(mailbox, NOBODY)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
