"""The name by which this machine introduces itself to a mail server (RFC 5321, section 4.1.4)."""

from __future__ import annotations

import re
import socket
import threading
from contextlib import suppress
from functools import cache

LOOKUP_SECONDS = 2.0
"""The name service may not answer at all; mail waits for it no longer than this, and only once."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: a network address is not a name.
_FULL_NAME = re.compile(rf"(?i)(?=.{{1,253}}$)(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_NOBODYS = re.compile(r"(?i)(?:.*\.)?(?:localhost|localdomain)")


def is_full_name(name: str) -> bool:
    """Whether `name` is a domain name with a dot, other than those that every machine has."""
    return bool(_FULL_NAME.fullmatch(name)) and not _NOBODYS.fullmatch(name)


@cache
def full_host_name() -> str | None:
    """This machine's full name, or None. Looked up once in a process, and in bounded time."""
    name = socket.gethostname()
    if not is_full_name(name):
        name = _looked_up()
    return name if is_full_name(name) else None


def _looked_up() -> str:
    found: list[str] = []

    def look_up() -> None:
        with suppress(OSError, UnicodeError):
            found.append(socket.getfqdn())

    thread = threading.Thread(target=look_up, name="own-name", daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    return found[0] if found else ""
