"""A site on several hosts, with a database and a broker of its own, and a balancer before it.

All run on this machine. A host is a port and an instance folder of its own, and its commands are
kept running.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any

import psycopg

from flask_outbox.outbox.models import IS_WAITING
from microblog.cli.ports import choose_free
from tests.brokers import Broker
from tests.celery.own_brokers import OwnBroker, OwnRabbitMQ
from tests.cli.running import HOST, clean_environment, command_line, descendants, is_alive
from tests.own_postgresql import OwnPostgreSQL
from tests.waiting import end, eventually

NAME = "blog.example.com"
READY_WITHIN_SECONDS = 120.0

RESTART_AFTER_SECONDS = 2.0
"""RestartSec in deploy/systemd."""

LOOK_SECONDS = 0.5
LOOK_WITHIN_SECONDS = 2.0
ANSWER_WITHIN_SECONDS = 30.0
"""Of the balancer: how often it asks /readyz, and how long it waits for that and for pages."""


class Service:
    """A `microblog` command that starts again two seconds after it ended, as systemd has it.

    Use it as a context manager. What it says is in the file `log`.
    """

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> None:
        self.log = folder / "log"
        self._command = [sys.executable, "-m", "microblog", *arguments]
        self._environment = {**environment, "INSTANCE_PATH": str(folder)}
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name=folder.name)
        self._process_count = 0
        folder.mkdir()

    def __enter__(self) -> Service:
        self._process = self._started()
        self._watcher.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._watcher.join()
        below = descendants(self._process.pid)
        end(self._process, seconds=60)
        _kill(filter(is_alive, below))

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that fails does."""
        _kill(self.processes())

    def kill_one(self, words: str) -> None:
        """Kill the youngest of its processes whose command line has these words."""
        _kill([max(pid for pid in self.processes() if words in command_line(pid))])

    def reload(self, *, seconds: float) -> None:
        """Let it take new settings and code, and wait until it has."""
        before = self.said("Reloaded.")
        self._process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + seconds
        while self.said("Reloaded.") == before:
            if time.monotonic() > deadline:
                raise SystemExit(f"This does not reload: {' '.join(self._command)}")
            time.sleep(0.05)

    def said(self, words: str) -> int:
        """How often the log has these words."""
        return self.log.read_text(errors="replace").count(words)

    def processes(self) -> list[int]:
        return [self._process.pid, *descendants(self._process.pid)]

    def remember_processes(self) -> None:
        """From now on it is whole with as many processes as it has now."""
        self._process_count = len(self.processes())

    def is_whole(self) -> bool:
        return self._process.poll() is None and len(self.processes()) >= self._process_count

    def _watch(self) -> None:
        while not self._ending.wait(0.1):
            if self._process.poll() is not None:
                if self._ending.wait(RESTART_AFTER_SECONDS):
                    return
                self._process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


@dataclass(frozen=True)
class Answer:
    """A page as it came over the balancer."""

    status: int
    headers: Message
    body: bytes

    def read(self) -> bytes:
        return self.body


class NoHostError(Exception):
    """No web server is ready: the balancer itself refuses."""


class Balancer:
    """Sends each request to one of the hosts that say at /readyz that they serve.

    A host that cannot be connected is left out until it is ready again, and the next one is asked.
    A page that was asked for and did not come is asked for once more elsewhere; a form never is,
    since it may have been taken. Use it as a context manager.
    """

    def __init__(self, ports: Sequence[int], name: str) -> None:
        self._name = name
        self.ready = dict.fromkeys(ports, False)
        """Whether each host, by its port, gets requests."""
        self._turns = itertools.count()
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="balancer")

    def __enter__(self) -> Balancer:
        self._watcher.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        self._watcher.join()

    def statuses(self) -> list[str]:
        """What each host says of itself: "ok", "degraded", "unavailable" or "away"."""
        return [self._status(port) for port in self.ready]

    def are_all_ready(self) -> bool:
        return all(self.ready.values())

    def request(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> Answer:
        """Raises NoHostError where nobody serves, OSError or HTTPException if no answer came."""
        ports = [port for port, ready in self.ready.items() if ready]
        turn = next(self._turns)
        ports = ports[turn % len(ports) :] + ports[: turn % len(ports)] if ports else []
        failed: Exception | None = None
        for port in ports:
            connection = http.client.HTTPConnection(HOST, port, timeout=ANSWER_WITHIN_SECONDS)
            try:
                connection.connect()
            except OSError as error:
                self.ready[port] = False
                failed = error
                continue
            try:
                return self._ask(connection, method, path, body, headers)
            except (OSError, http.client.HTTPException) as error:
                if method != "GET":
                    raise
                failed = error
            finally:
                connection.close()
        raise failed or NoHostError("No web server is ready.")

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: str | None,
        headers: Mapping[str, str],
    ) -> Answer:
        own = {"Host": self._name, "Connection": "close"}
        connection.request(method, path, body, {**headers, **own})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            for port in self.ready:
                self.ready[port] = self._status(port) in {"ok", "degraded"}

    def _status(self, port: int) -> str:
        connection = http.client.HTTPConnection(HOST, port, timeout=LOOK_WITHIN_SECONDS)
        try:
            answer = self._ask(connection, "GET", "/readyz", None, {})
            return str(json.loads(answer.body)["status"])
        except (OSError, http.client.HTTPException, ValueError):
            return "away"
        finally:
            connection.close()


class BalancedConnection:
    """A browser's connection to the balancer, in the form in which `Client` uses one."""

    def __init__(self, balancer: Balancer) -> None:
        self._balancer = balancer
        self._asked: tuple[str, str, str | None, Mapping[str, str]] = ("GET", "/", None, {})

    def request(
        self, method: str, url: str, body: str | None = None, headers: Mapping[str, str] = {}
    ) -> None:
        self._asked = (method, url, body, headers)

    def getresponse(self) -> Answer:
        return self._balancer.request(*self._asked)

    def close(self) -> None:
        """There is nothing to close: the balancer connects for each request."""


@dataclass(frozen=True)
class Hosts:
    """All the parts of a running site, but for the mail server."""

    database: OwnPostgreSQL
    broker: OwnBroker | None
    webs: list[Service]
    workers: list[Service]
    balancer: Balancer

    @property
    def services(self) -> list[Service]:
        return [*self.webs, *self.workers]

    def is_whole(self) -> bool:
        """Whether every process is there, and every web server ready."""
        return self.balancer.are_all_ready() and all(one.is_whole() for one in self.services)

    def log_lines(self) -> int:
        """How many lines all logs have, without those that tell of one message each."""
        return sum(one.said("\n") - one.said(": Message ") for one in self.services)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database.url) as connection:
            return connection.execute(sql).fetchall()

    def waiting(self) -> int:
        """How many messages are not settled."""
        return int(self.rows(f"SELECT count(*) FROM outbox WHERE {IS_WAITING}")[0][0])


@contextmanager
def running_hosts(
    *,
    webs: int,
    web_processes: int,
    workers: int,
    mail_port: int,
    people: int,
    with_broker: bool = False,
) -> Iterator[Hosts]:
    """Run so many `microblog run` and `microblog worker`, with RabbitMQ or without a broker."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="microblog-hosts-")))
        # As on a server: what is committed is on the disk.
        database = stack.enter_context(OwnPostgreSQL("fsync=on"))
        broker = stack.enter_context(OwnRabbitMQ(folder / "broker")) if with_broker else None
        environment = clean_environment(
            SECRET_KEY=secrets.token_urlsafe(48),
            PUBLIC_URL=f"http://{NAME}",
            ADMINS="admin@example.com",
            DATABASE_URL=database.url,
            MAIL_SERVER=HOST,
            MAIL_PORT=str(mail_port),
            RATELIMIT_ENABLED="off",
            WEB_CONCURRENCY=str(web_processes),
            **(Broker.at(broker.url).settings if broker else {}),
        )
        sample = ["fake", "--users", str(people), "--posts", "20000", "--follows", "0"]
        for command in (["db", "upgrade"], sample):
            arguments = [sys.executable, "-m", "microblog", *command]
            own = {**environment, "INSTANCE_PATH": str(folder)}
            subprocess.run(arguments, env=own, check=True, capture_output=True)
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(_FOLLOW)
            connection.execute("ANALYZE")
        ports = [choose_free(HOST) for _ in range(webs)]
        commands = [["run", "--port", str(port)] for port in ports] + [["worker"]] * workers
        services = [
            stack.enter_context(Service(command, environment, folder / f"host-{number}"))
            for number, command in enumerate(commands)
        ]
        balancer = stack.enter_context(Balancer(ports, NAME))
        hosts = Hosts(database, broker, services[:webs], services[webs:], balancer)
        if not eventually(lambda: _have_started(hosts), seconds=READY_WITHIN_SECONDS):
            raise SystemExit("The site did not start.")
        for service in services:
            service.remember_processes()
        yield hosts


VISITING, FOLLOWED = 20, 50
"""So many sample people, as whom visitors are signed in, follow so many others each."""

_FOLLOW = f"""INSERT INTO follows (follower_id, followed_id)
    SELECT visitor.id, other.id FROM users AS visitor, users AS other
    WHERE visitor.id <> other.id AND visitor.id <= (SELECT min(id) + {VISITING - 1} FROM users)
    AND other.id <= (SELECT min(id) + {FOLLOWED} FROM users)"""


def _have_started(hosts: Hosts) -> bool:
    if not hosts.balancer.are_all_ready():
        return False
    if hosts.broker is not None:
        return all(one.said(" ready.") == 2 for one in hosts.workers)
    listening = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN %'"
    return bool(hosts.rows(listening)[0][0] == len(hosts.services))


def _kill(pids: Iterable[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
