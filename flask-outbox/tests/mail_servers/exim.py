"""Exim: takes mail from an application, and sends it reports about what it cannot deliver."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.mail_servers.scratch import NOBODY, need_program, scratch, wait_for
from tests.mail_servers.servers import Routes, Server
from tests.ports import HOST, free_port
from tests.waiting import end

# Its package cannot be installed beside Postfix's, but unpacked.
PLACES = ("/usr/sbin/exim4", "/opt/exim4/usr/sbin/exim4")
PROGRAM = next(filter(os.path.exists, PLACES), PLACES[-1])
PACKAGE = "exim4-daemon-light, which can be unpacked to /opt/exim4"

USER = "Debian-exim"
"""Whom the program was built to run as: without its set-user-id bit it stays that user."""

CONFIGURATION = """
primary_hostname = mx.local.test
exim_path = {program}
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/exim.pid
daemon_smtp_ports = {port}
local_interfaces = {host}
tls_advertise_hosts =
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
acl_smtp_data = accept
deliver_drop_privilege
keep_environment =
message_size_limit = 50000
delay_warning = 4s
ignore_bounce_errors_after = 1d
queue_only = false
queue_run_max = 20

begin acl

begin routers

reports:
  driver = accept
  domains = app.test
  local_part_suffix = +*
  local_part_suffix_optional
  transport = {reports}

sink:
  driver = manualroute
  domains = sink.test
  route_list = * {host}
  transport = to_sink
  self = send

down:
  driver = manualroute
  domains = down.test
  route_list = * {host}
  transport = to_down
  self = send

full:
  driver = accept
  domains = local.test
  local_parts = nobody
  transport = to_mailbox

begin transports

to_sink:
  driver = smtp
  port = {sink}
  allow_localhost
  hosts_try_fastopen =

to_down:
  driver = smtp
  port = {down}
  allow_localhost

to_mailbox:
  driver = appendfile
  file = {folder}/mail/nobody
  user = {user}
  quota = 50K
  check_owner = false

pipe:
  driver = pipe
  command = {script}
  user = {user}
  temp_errors = 75
  log_output

lmtp:
  driver = smtp
  protocol = lmtp
  port = {lmtp}
  hosts = {host}
  hosts_override
  allow_localhost
  rcpt_include_affixes

begin retry

* * F,30s,2s
"""


@contextmanager
def exim(routes: Routes) -> Iterator[Server]:
    """Start it in a folder of its own; it ends with the block."""
    need_program(PROGRAM, PACKAGE)
    with scratch() as folder:
        log, port = folder / "log" / "mainlog", free_port()
        for name in ("spool", "log", "mail"):
            (folder / name).mkdir()
            shutil.chown(folder / name, USER)
        _fill(folder / "mail" / NOBODY)
        path = folder / "exim.conf"
        path.write_text(
            CONFIGURATION.format(
                program=PROGRAM, folder=folder, host=HOST, port=port, user=USER,
                sink=routes.sink, down=routes.down, lmtp=routes.lmtp, script=routes.script,
                reports="lmtp" if routes.lmtp else "pipe",
            )
        )  # fmt: skip
        command = [PROGRAM, "-C", str(path), "-bdf", "-q2s"]
        process = subprocess.Popen(command, start_new_session=True)
        try:
            wait_for(port, log)
            yield Server(port, log)
        finally:
            end(process, seconds=30)
            # Those that deliver go on when the daemon has ended, and write into its folder.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _fill(mailbox: Path) -> None:
    mailbox.write_text("From somebody\n" + "x" * 60_000)
    shutil.chown(mailbox, USER)
