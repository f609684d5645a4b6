"""What mail servers pipe into: it hands the message to a command that the tests run.

A mail server runs its pipes as another user, who may not enter the folders of the tests' Python.
"""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# Sends the recipient, from its argument or the environment, and its standard input to the socket;
# ends with the code that it is told.
SCRIPT = """#!/usr/bin/perl
use IO::Socket::UNIX;
my $relay = IO::Socket::UNIX->new(Peer => "{socket}") or exit 75;
print $relay $ARGV[0], "\\n", $ENV{{RECIPIENT}}, "\\n";
print $relay $_ while read(STDIN, $_, 65536);
shutdown($relay, 1);
my $code = <$relay>;
exit(defined $code ? $code : 75);
"""


@dataclass
class Relay:
    """A running relay: `script` is what a mail server pipes into.

    `exit_codes` are what the command ended with, in order.
    """

    script: Path
    exit_codes: list[int] = field(default_factory=list)


@contextmanager
def relay(folder: Path, command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Relay]:
    """Run `command` for each message, one at a time; it ends with the block.

    It gets the recipient as the mail server gave it: as an option, or in the environment.
    """
    path, running = folder / "relay.socket", Relay(folder / "relay.pl")
    running.script.write_text(SCRIPT.format(socket=path))
    running.script.chmod(0o755)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            given, known = (self.rfile.readline().decode().strip() for _line in range(2))
            done = subprocess.run(
                [*command, *(["--recipient", given] if given else [])],
                input=self.rfile.read(),
                env={**environment, "RECIPIENT": known},
                check=False,
            )
            running.exit_codes.append(done.returncode)
            self.wfile.write(f"{done.returncode}\n".encode())

    with socketserver.UnixStreamServer(str(path), Handler) as server:
        path.chmod(0o777)
        thread = threading.Thread(target=server.serve_forever, name="relay")
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
