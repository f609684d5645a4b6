"""What the sending mail servers have in common."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Routes:
    """Where a server sends what: ports of this machine.

    Mail to sink.test goes to `sink`, that to down.test to `down`, where nobody answers, that to
    app.test to `lmtp`, or, if that is 0, into the program `script`. local.test is its own domain,
    where the mailbox of `nobody` is full; nowhere.test does not exist.
    """

    sink: int
    down: int
    script: Path
    lmtp: int = 0


@dataclass(frozen=True)
class Server:
    """A running mail server: the port that takes mail, and its log."""

    port: int
    log: Path
