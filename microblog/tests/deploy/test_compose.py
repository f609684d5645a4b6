"""deploy/compose.yaml: what its services may do, and that they work together.

There is no container engine here. The commands run as processes of this machine, with its
PostgreSQL and RabbitMQ and the settings that Compose would give them.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import cache, partial
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from typing import Any

import pytest
import yaml

from microblog.cli.ports import choose_free, wait_until_open
from microblog.settings import Settings
from tests.brokers import RABBITMQ, Broker, has_broker, remove_queues
from tests.cli.proxies import Front, caddy_with, replaced, started
from tests.cli.running import HOST, Running, clean_environment, descendants, run_command
from tests.deploy.image import DOCKERFILE, steps
from tests.services import need
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually
from tests.worker.running import ON_POSTGRESQL

DEPLOY = DOCKERFILE.parent
COMPOSE = DEPLOY / "compose.yaml"
EXAMPLE = DEPLOY / "compose.env"
CADDYFILE = DEPLOY / "compose.Caddyfile"
SITE = "microblog"
PASSWORD = "an uncommon password of a test"
READERS = 3


@cache
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


SERVICES = ["caddy", "web-1", "web-2", "worker", "upgrade", "postgres", "rabbitmq"]


def example() -> dict[str, str]:
    """The settings that deploy/compose.env shows."""
    return dict(re.findall(r"^(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))


def interpolated(text: str, values: dict[str, str]) -> str:
    """As Compose replaces the variables of .env, all of which are required here."""
    found = re.sub(r"\$\{(\w+):\?\}", lambda one: values[one[1]], text)
    assert "${" not in found
    return found


@pytest.mark.slow
def test_the_file_is_as_the_specification_of_compose_says() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    said = subprocess.run([*check, COMPOSE], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_example_has_every_variable_and_settings_that_exist() -> None:
    used = set(re.findall(r"\$\{(\w+):\?\}", COMPOSE.read_text()))
    used |= set(re.findall(r"\{\$(\w+)\}", CADDYFILE.read_text()))
    assert used - set(example()) == set()
    assert set(example()) - used - set(Settings.model_fields) == set()
    assert set(services()["web-1"]["environment"]) <= set(Settings.model_fields)
    for name in used:
        assert f"${{{name}:?}}" in COMPOSE.read_text(), f"nothing says that {name} is missing"


def test_the_tests_here_know_every_service() -> None:
    assert sorted(services()) == sorted(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_may_do_little_and_fills_no_disk(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "caddy" else [])
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])
    assert bool(service.get("ports")) is (name == "caddy")
    if service["image"] != SITE:
        assert re.fullmatch(r"[a-z]+:\d[\w.-]*", service["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_waits_for_what_can_be_waited_for(name: str) -> None:
    service = services()[name]
    for other, condition in service.get("depends_on", {}).items():
        ends = services()[other]["restart"] == "no"
        wanted = "service_completed_successfully" if ends else "service_healthy"
        assert condition == {"condition": wanted}
    if service["image"] == SITE:
        assert [one for one in steps(DOCKERFILE.read_text()) if one.instruction == "HEALTHCHECK"]
    else:
        assert service["healthcheck"]["test"]


class Readers:
    """Threads that read a page through the proxy without a pause."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.served = 0
        self.failures: list[str] = []
        self.cut = 0
        """Answers that ended too early: the server had begun them."""
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._read) for _ in range(READERS)]

    def __enter__(self) -> Readers:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for one in self._threads:
            one.join()

    def _read(self) -> None:
        connection = self.front.connection()
        while not self._ending.is_set():
            try:
                connection.request("GET", "/login")
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(str(answer.status))
            except IncompleteRead:
                self.cut += 1
                connection.close()
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            self.served += 1
            time.sleep(0.02)

    def read_on(self) -> None:
        """Wait for some more answers."""
        before = self.served
        assert eventually(lambda: self.served > before + 30)


class Composed:
    """The services of the site, as processes."""

    def __init__(self, folder: Path, values: dict[str, str], environment: dict[str, str]) -> None:
        self.folder = folder
        self._values = values
        self._environment = environment
        self._open = ExitStack()
        self.ports = {"web-1": choose_free(HOST), "web-2": choose_free(HOST)}

    def environment(self, service: str) -> dict[str, str]:
        given = services()[service]["environment"]
        return clean_environment(
            **{
                **{name: interpolated(value, self._values) for name, value in given.items()},
                **self._values,
                **self._environment,
            }
        )

    def command(self, service: str) -> list[str]:
        """What the image's entry point gets; at this machine's own address, and a free port."""
        command = [HOST if one == "0.0.0.0" else one for one in services()[service]["command"]]
        return [*command, f"--port={self.ports[service]}"] if service in self.ports else command

    def start(self, service: str, number: int = 1) -> Running:
        line = [sys.executable, "-m", "microblog", *self.command(service)]
        folder = self.folder / f"{service}-{number}"
        folder.mkdir(exist_ok=True)
        return self.add(started(line, folder, service, **self.environment(service)))

    def add(self, started: AbstractContextManager[Running]) -> Running:
        return self._open.enter_context(started)

    def close(self) -> None:
        self._open.close()


def is_serving(site: Running) -> bool:
    return bool(eventually(lambda: "listens at" in site.output.read_text()))


def is_delivering(worker: Running) -> bool:
    return worker.errors.read_text().count(" ready.") == 2


def kill(site: Running) -> None:
    """As the machine's memory guard ends a container: all of it, without a word."""
    for pid in [site.process.pid, *descendants(site.process.pid)]:
        os.kill(pid, signal.SIGKILL)
    site.process.wait()


@contextmanager
def composed(folder: Path, front: Front, **environment: str) -> Iterator[Composed]:
    values = {**example(), "SECRET_KEY": "a secret for tests only, long enough to be one"}
    values |= {"POSTGRES_PASSWORD": "postgres", "RABBITMQ_PASSWORD": "rabbitmq"}
    values |= {"PUBLIC_URL": front.url, "MAIL_USE_TLS": "off", "MAIL_USERNAME": ""}
    made = Composed(folder, values, environment)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    need(has_broker(RABBITMQ), "RabbitMQ")
    made = Broker.at(RABBITMQ)
    yield made
    remove_queues(made)


def caddy_of_compose(front: Front, ports: dict[str, int]) -> list[str]:
    server = CADDYFILE.read_text()
    places = {f"{name}:5000": f"{HOST}:{port}" for name, port in ports.items()}
    return caddy_with(front, replaced(server, places), "{$PUBLIC_URL}")


def worker_health(environment: dict[str, str], folder: Path) -> int:
    kind, script = services()["worker"]["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["sh", "-c", script.replace("$$", "$")]
    return subprocess.run(
        command, env={**environment, "PATH": path}, cwd=folder, check=False
    ).returncode


def reset_mails(smtp: ScriptedServer) -> Sequence[str]:
    return [one.text() for one in smtp.received if one.recipients == ["susan@example.com"]]


@pytest.mark.slow
@ON_POSTGRESQL
def test_mail_arrives_once_and_no_request_fails_while_a_web_server_ends(
    database_url: str, broker: Broker, smtp: ScriptedServer, tmp_path: Path
) -> None:
    front = Front.at_free_ports(tmp_path)
    own = {
        "DATABASE_URL": database_url,
        **broker.settings,
        "MAIL_SERVER": HOST,
        "MAIL_PORT": str(smtp.port),
        "RATELIMIT_ENABLED": "off",
    }
    with composed(tmp_path, front, **own) as site:
        environment = site.environment("worker")
        upgrade = site.start("upgrade")
        assert upgrade.process.wait(60) == 0, upgrade.errors.read_text()
        create = ["user", "create", "susan", "susan@example.com", "--password-stdin"]
        assert run_command(create, environment, tmp_path, typed=PASSWORD).returncode == 0

        webs = {name: site.start(name) for name in site.ports}
        workers = [site.start("worker", number) for number in (1, 2)]
        assert all(map(is_serving, webs.values()))
        for one in workers:
            assert eventually(partial(is_delivering, one))
        line = caddy_of_compose(front, site.ports)
        proxy = site.add(started(line, tmp_path, "caddy", PUBLIC_URL=front.url))
        assert wait_until_open(HOST, front.tls, seconds=30), proxy.errors.read_text()
        with Readers(front) as readers:
            browser = front.browser()
            browser.open("/reset_password_request")
            assert "Check your email" in browser.submit(email="susan@example.com")
            smtp.wait_for(1)
            readers.read_on()
            assert worker_health(environment, tmp_path) == 0

            webs["web-2"].process.send_signal(signal.SIGTERM)
            assert webs["web-2"].process.wait(60) == 0
            readers.read_on()
            assert is_serving(site.start("web-2", 2))
            readers.read_on()
            assert (readers.failures, readers.cut) == ([], 0)
            kill(webs["web-1"])
            readers.read_on()
            # What had begun, nobody can repeat; all else the other server answers.
            assert readers.failures == []
            assert readers.cut <= READERS
        assert len(reset_mails(smtp)) == 1
        for one in workers:
            assert one.end(signal.SIGTERM) == 0
