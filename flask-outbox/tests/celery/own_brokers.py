"""Brokers that a test starts, and kills."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from kombu.connection import Connection

from tests.ports import HOST, free_port
from tests.waiting import eventually

DEBIAN_RABBITMQ = "/usr/lib/rabbitmq/bin"
"""The script of the same name in PATH would change the user to that of the service."""


class OwnBroker(ABC):
    """A server process with its data in `folder`. Use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str: ...

    @abstractmethod
    def command(self) -> Sequence[str]: ...

    def environment(self) -> Mapping[str, str]:
        return os.environ

    def __enter__(self) -> OwnBroker:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, for the first time or after `kill`, and wait until it answers."""
        log = self.folder / "broker.txt"
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                self.command(),
                env=dict(self.environment()),
                cwd=self.folder,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        if not eventually(self._answers, seconds=90):
            self.kill()
            raise AssertionError(log.read_text(errors="replace"))

    def kill(self) -> None:
        """Kill it with all its processes, as a power cut would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _answers(self) -> bool:
        with Connection(self.url, connect_timeout=2) as connection:
            try:
                connection.connect()
            except (OSError, *connection.connection_errors):
                return False
        return True


class OwnRedis(OwnBroker):
    """A Redis that stores nothing on disk: its data is lost when it is killed."""

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> Sequence[str]:
        return ["redis-server", "--bind", HOST, "--port", str(self.port), "--save", ""]


class OwnRabbitMQ(OwnBroker):
    """A RabbitMQ node with its own port mapper, separate from others on this machine."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._distribution_port, self._mapper_port = free_port(), free_port()
        self._mapper: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    def command(self) -> Sequence[str]:
        return [str(rabbitmq_server())]

    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": HOST,
            "RABBITMQ_NODENAME": f"test{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder),
            "RABBITMQ_LOG_BASE": str(self.folder),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced"),
        }

    def __enter__(self) -> OwnBroker:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "plugins").write_text("[].\n")
        (self.folder / "rabbitmq.conf").write_text("")
        self._mapper = subprocess.Popen(["epmd", "-port", str(self._mapper_port), "-address", HOST])
        return super().__enter__()

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        assert self._mapper is not None
        self._mapper.kill()
        self._mapper.wait()


@cache
def rabbitmq_server() -> str | None:
    return shutil.which("rabbitmq-server", path=f"{DEBIAN_RABBITMQ}:{os.environ['PATH']}")


def has_own(name: str) -> bool:
    """Whether this machine can start such a broker."""
    if name == "redis":
        return shutil.which("redis-server") is not None
    return rabbitmq_server() is not None and shutil.which("epmd") is not None
