"""The mail servers of an outbox: which of them a message goes to, and how well each of them is.

Messages of a type go to the first server that is for it and open. A server is closed for a while
after an answer that means that something is wrong with it or with our account there, and while its
own rate limits let nothing leave. Only such answers close it, and none of them comes after a server
may have accepted the message: so what goes to another server instead is never sent twice.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from flask_outbox.delivery.server_settings import EVERY_TYPE
from flask_outbox.outbox.email_types import EmailType, Priority
from flask_outbox.outbox.rate_limits import RateLimit
from flask_outbox.outbox.validation import OutboxError
from flask_outbox.smtp.errors import SmtpError, Step
from flask_outbox.smtp.transport import Transport

logger = logging.getLogger(__name__)

PAUSE_FIRST_SECONDS = 1.0
PAUSE_LONGEST_SECONDS = 60.0
REFUSED_LONGEST_SECONDS = 300.0
"""After a refused log-in: providers lock accounts and addresses that keep trying."""

HINT_SECONDS = 1.0
"""Another process may free a limit's slot earlier than expected: no longer is a server taken for
full without looking again."""


class ServerHealth:
    """What all threads know about one mail server. Thread-safe."""

    def __init__(self, name: str = "") -> None:
        self.trouble: SmtpError | None = None
        self._called = f"The mail server {name!r}" if name else "The mail server"
        self._means = "" if name else ", mail waits"  # another one may take it
        self._lock = threading.Lock()
        self._failures = 0
        self._paused_until = 0.0

    def pause(self) -> float:
        """Seconds until the server may be tried again; 0 if it works."""
        until = self._paused_until
        return max(0.0, until - time.monotonic()) if until else 0.0

    def failed(self, error: SmtpError) -> None:
        """Pause, longer each time; logged at the first failure."""
        with self._lock:
            if time.monotonic() < self._paused_until:
                return
            if self._failures == 0:
                logger.error("%s cannot be used%s: %s", self._called, self._means, error)
            self.trouble = error
            self._failures += 1
            pause = PAUSE_FIRST_SECONDS * 2 ** min(self._failures - 1, 10)
            refused = error.step is Step.AUTH and (error.code or 0) >= 500
            longest = REFUSED_LONGEST_SECONDS if refused else PAUSE_LONGEST_SECONDS
            self._paused_until = time.monotonic() + min(pause, longest)

    def succeeded(self) -> None:
        """End the pauses; logged if there were any."""
        if not self._failures:
            return
        with self._lock:
            if self._failures:
                logger.info("%s can be used again.", self._called)
            self._failures = 0
            self._paused_until = 0.0
            self.trouble = None


@dataclass(eq=False)
class Server:
    """A mail server that messages may go to.

    `transport` makes a connection for one thread. It is for the types whose names match one of the
    patterns in `types`, such as `shop.news` or `news.*`. `limits` are on all that goes to it, from
    any process.
    """

    transport: Callable[[], Transport]
    name: str = ""
    types: Sequence[str] = EVERY_TYPE
    limits: tuple[RateLimit, ...] = ()
    health: ServerHealth = field(init=False)

    def __post_init__(self) -> None:
        self.health = ServerHealth(self.name)
        self._full_until = {True: 0.0, False: 0.0}

    @property
    def scope(self) -> str:
        """The scope of its limits' slots. No domain has a space in its name."""
        return f"server {self.name}"

    def is_for(self, kind: str) -> bool:
        return any(fnmatchcase(kind, pattern) for pattern in self.types)

    def fill(self, *, urgent: bool, seconds: float) -> None:
        """Let no mail go there for so long; with `urgent`, not even urgent mail."""
        for each in {False, urgent}:
            self._full_until[each] = time.monotonic() + min(seconds, HINT_SECONDS)

    def closed_for(self, *, urgent: bool) -> float:
        """Seconds until it may take such mail: after trouble, or when a limit is reached; 0 now."""
        until = self._full_until[urgent]
        return max(self.health.pause(), until - time.monotonic() if until else 0.0)


class Servers:
    """The servers of one process, in the order in which they are chosen. Thread-safe."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self.all = tuple(servers)
        self.have_limits = any(server.limits for server in self.all)
        self._for_type: dict[str, tuple[Server, ...]] = {}
        self._full_until: dict[str, float] = {}

    def for_type(self, kind: str) -> tuple[Server, ...]:
        """The servers for this type of email, in their order."""
        found = self._for_type.get(kind)
        if found is None:
            found = tuple(server for server in self.all if server.is_for(kind))
            self._for_type[kind] = found
        return found

    def choose(self, kind: str, *, urgent: bool) -> Server | None:
        """The first open server for this type; None if all are closed, or none is for it."""
        for server in self.for_type(kind):
            if not server.closed_for(urgent=urgent):
                return server
        return None

    @property
    def may_be_tried(self) -> bool:
        """Whether any of them is not in trouble, as far as this process knows."""
        return any(not server.health.pause() for server in self.all)

    @property
    def trouble(self) -> dict[str, SmtpError]:
        """What is wrong with those that are in trouble, by name."""
        found = ((server.name, server.health.trouble) for server in self.all)
        return {name: error for name, error in found if error is not None}

    def closed_types(self, types: Iterable[EmailType]) -> frozenset[str]:
        """The types whose servers are all closed: their messages are not claimed meanwhile."""
        if len(self.all) == 1 and not self._full_until:
            return frozenset()  # with a single server in trouble, nothing at all is claimed
        paused = {server for server in self.all if server.health.pause()}
        if not paused and not self._full_until:
            return frozenset()
        now = time.monotonic()
        full = {kind for kind, until in list(self._full_until.items()) if until > now}
        return frozenset(full).union(
            one.name
            for one in list(types)
            if paused.issuperset(found := self.for_type(one.name)) and found
        )

    def note_full(self, kind: str, *, urgent: bool) -> None:
        """Leave this type out until one of its servers, all of which are closed, may be open."""
        waits = [one.closed_for(urgent=urgent) for one in self.for_type(kind)]
        self._full_until[kind] = time.monotonic() + min([*waits, HINT_SECONDS])

    def opens_in(self) -> float:
        """Seconds until a server may be open again for mail that its limits let wait."""
        now = time.monotonic()
        waits = [until - now for until in list(self._full_until.values()) if until > now]
        return min(waits, default=math.inf)

    def check(self, types: Iterable[EmailType]) -> None:
        """Raises OutboxError if a type has no server."""
        without = sorted(one.name for one in types if not self.for_type(one.name))
        if without:
            names = ", ".join(without)
            raise OutboxError(
                f"MAIL_SERVERS has no server for {names}: see MAIL_TYPES of each; one without"
                " MAIL_TYPES is for everything."
            )


def one_server(transport: Callable[[], Transport]) -> Servers:
    """A single server without a name, for all mail."""
    return Servers([Server(transport)])


def is_urgent(email_type: EmailType) -> bool:
    return email_type.priority == Priority.HIGH


class Connections:
    """The connections of one thread, one to each server, made when they are first needed."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self._made: dict[Server, Transport] = {}

    def to(self, server: Server) -> Transport:
        """The connection to this server."""
        made = self._made.get(server)
        if made is None:
            made = self._made[server] = server.transport()
        return made

    def close_if_idle(self) -> None:
        """Close connections that have not been used for a while."""
        for transport in self._made.values():
            transport.close_if_idle()

    def close(self) -> None:
        """Close all connections."""
        for transport in self._made.values():
            transport.close()
