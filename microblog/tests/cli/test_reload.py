"""`microblog run`: its sockets outlive its processes, which SIGHUP replaces."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from microblog.cli.ports import choose_free
from tests.cli.running import HOST, Running, clean_environment, run_command, running
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow

SETTINGS = """
SECRET_KEY=a secret for tests only, long enough to be one
PUBLIC_URL=http://localhost:8080
ADMINS=admin@microblog.example.com
MAIL_SERVER=127.0.0.1
MAIL_PORT=1
TRUSTED_PROXIES=1
"""


class UnixConnection(HTTPConnection):
    """A connection to the socket with this path."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


class Readers:
    """Threads that read pages without a pause, half of them on connections that they keep."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.served = 0
        self.failures: list[str] = []
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._read, args=[kept]) for kept in (0, 0, 1, 1)]

    def __enter__(self) -> Readers:
        for one in self._threads:
            one.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        for one in self._threads:
            one.join()

    def _read(self, kept: int) -> None:
        client = HTTPConnection(HOST, self.port, timeout=60)
        while not self._ending.is_set():
            try:
                client.request("GET", "/login", headers={} if kept else {"Connection": "close"})
                answer = client.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failures.append(str(answer.status))
            except (OSError, HTTPException) as error:
                self.failures.append(repr(error))
                client.close()
            self.served += 1
            time.sleep(0.01)
        client.close()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    settings = tmp_path / "settings"
    settings.write_text(SETTINGS)
    return clean_environment(
        MICROBLOG_ENV_FILE=str(settings), INSTANCE_PATH=str(tmp_path / "instance")
    )


@contextmanager
def site(environment: dict[str, str], folder: Path, *options: str) -> Iterator[Running]:
    """A site that serves."""
    port = choose_free(HOST)
    with running(["run", "--port", str(port), *options], environment, folder, port) as started:
        assert eventually(lambda: "listens at" in started.output.read_text(), seconds=60)
        yield started


@contextmanager
def started(
    command: Sequence[str],
    environment: dict[str, str],
    folder: Path,
    pass_fds: Sequence[int] = (),
) -> Iterator[Running]:
    """A command that is not asked at a port."""
    output, errors = folder / "output.txt", folder / "errors.txt"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=out, stderr=err, pass_fds=pass_fds
        )
    try:
        yield Running(process, 0, output, errors)
    finally:
        end(process, seconds=30)


def answer(connection: HTTPConnection, path: str = "/login") -> int:
    """The status of a page."""
    connection.request("GET", path)
    response = connection.getresponse()
    response.read()
    return response.status


def processes(one: Running, kind: str) -> set[int]:
    return {pid for pid, line in one.children().items() if f"process {kind}" in line}


def said(one: Running, words: str, times: int = 1) -> bool:
    """Whether it has been said so often within a minute."""
    return bool(eventually(lambda: one.errors.read_text().count(words) >= times, seconds=60))


def test_sighup_takes_new_settings_and_processes_and_fails_no_request(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with site(environment, tmp_path) as one, Readers(one.port) as readers:
        before = {kind: processes(one, kind) for kind in ("web", "dispatcher")}
        assert len(before["web"]) == 2
        settings = Path(environment["MICROBLOG_ENV_FILE"])
        settings.write_text(f"{SETTINGS}WEB_CONCURRENCY=2\n")
        for times in (1, 2):
            one.process.send_signal(signal.SIGHUP)
            assert said(one, "Reloaded.", times)
        assert eventually(lambda: len(processes(one, "web")) == 3, seconds=30)
        assert eventually(lambda: len(processes(one, "dispatcher")) == 1, seconds=30)
        for kind, old in before.items():
            assert not processes(one, kind) & old
        served = readers.served
        assert eventually(lambda: readers.served > served)
        assert one.process.poll() is None
    assert readers.failures == []
    assert "Traceback" not in one.errors.read_text()


def test_sighup_starts_the_release_that_the_link_leads_to_by_then(
    environment: dict[str, str], tmp_path: Path
) -> None:
    link = tmp_path / "link"
    for name in ("this", "next"):
        command = tmp_path / name / "microblog"
        command.parent.mkdir()
        command.write_text(
            f"#!{sys.executable}\nimport sys\nfrom microblog.cli import main\n"
            f"print('release {name}', *sys.argv[1:3], file=sys.stderr, flush=True)\nmain()\n"
        )
        command.chmod(0o700)
    link.symlink_to("this")
    run = [str(link / "microblog"), "run", "--port", str(choose_free(HOST))]
    with started(run, environment, tmp_path) as one:
        assert said(one, "release this process web")
        assert eventually(lambda: "listens at" in one.output.read_text(), seconds=60)
        link.unlink()
        link.symlink_to("next")
        one.process.send_signal(signal.SIGHUP)
        assert said(one, "Reloaded.")
        for process in ("web", "dispatcher"):
            assert said(one, f"release next process {process}")


def test_what_cannot_be_reloaded_is_said_and_the_site_goes_on_as_before(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with site(environment, tmp_path) as one:
        before = set(one.children())
        Path(environment["MICROBLOG_ENV_FILE"]).write_text(f"{SETTINGS}MAIL_PORT=many\n")
        one.process.send_signal(signal.SIGHUP)
        assert said(one, "Nothing was reloaded: the site goes on as before.")
        assert "MAIL_PORT" in one.errors.read_text()
        assert set(one.children()) == before
        assert '"ok"' in one.get("/healthz")
        assert one.end(signal.SIGTERM) == 0


BROKEN_THE_SECOND_TIME = """
import sys
from microblog.cli.listening import listening
from microblog.cli.supervisor import Child, Supervisor

catcher = Child("catcher", ["process", "catcher", "--port", sys.argv[1]], essential=True)
plans = [[catcher]]
with listening("127.0.0.1", 0, None) as sockets:
    plans.append([Child("web server", ["process", "web", "--broken"], sockets=sockets)])
    supervisor = Supervisor(lambda _environment: plans.pop(0), {}, prepare=dict)
    sys.exit(supervisor.run(ready=lambda: print("ready", flush=True)))
"""


def test_new_processes_that_do_not_start_leave_the_old_ones(tmp_path: Path) -> None:
    command = [sys.executable, "-c", BROKEN_THE_SECOND_TIME, str(choose_free(HOST))]
    environment = clean_environment(INSTANCE_PATH=str(tmp_path))
    with started(command, environment, tmp_path) as one:
        assert eventually(lambda: "ready" in one.output.read_text())
        (before,) = one.children()
        one.process.send_signal(signal.SIGHUP)
        assert said(one, "Nothing was reloaded: the site goes on as before.")
        assert "No such option" in one.errors.read_text()
        assert eventually(lambda: set(one.children()) == {before})
        assert one.end(signal.SIGTERM) == 0


TAKE_AS_SYSTEMD_GIVES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.executable, [sys.executable, "-m", "microblog", "run", "--port", "1"])
"""


def test_a_socket_of_systemd_is_taken_and_systemd_is_told(
    environment: dict[str, str], tmp_path: Path
) -> None:
    notices = tmp_path / "notices"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(notices))
        told.settimeout(60)
        with socket.create_server((HOST, 0)) as handed:
            command = [sys.executable, "-c", TAKE_AS_SYSTEMD_GIVES, str(handed.fileno())]
            environment["NOTIFY_SOCKET"] = str(notices)
            with started(command, environment, tmp_path, pass_fds=[handed.fileno()]) as one:
                assert told.recv(100) == b"READY=1"
                assert answer(HTTPConnection(*handed.getsockname())) == 200
                one.process.send_signal(signal.SIGHUP)
                assert [told.recv(100) for _ in range(2)] == [b"RELOADING=1", b"READY=1"]
                assert answer(HTTPConnection(*handed.getsockname())) == 200
                assert one.end(signal.SIGTERM) == 0
                assert told.recv(100) == b"STOPPING=1"


def test_readiness_ends_before_the_site_does(environment: dict[str, str], tmp_path: Path) -> None:
    with site(environment, tmp_path, "--drain", "4") as one:
        assert answer(connection := HTTPConnection(HOST, one.port), "/readyz") == 200
        one.process.send_signal(signal.SIGTERM)
        assert eventually(lambda: answer(connection, "/readyz") == 503)
        assert answer(connection, "/login") == 200
        assert one.process.wait(timeout=40) == 0


def test_a_socket_with_a_path_serves_and_is_gone_at_the_end(
    environment: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "site.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    environment["TRUSTED_PROXIES"] = "0"
    command = [sys.executable, "-m", "microblog", "run", "--bind", f"unix:{path}"]
    with started(command, environment, tmp_path) as one:
        assert eventually(lambda: f"listens at {path}" in one.output.read_text())
        assert "look like one visitor" in one.errors.read_text()
        assert answer(UnixConnection(path)) == 200
        one.process.send_signal(signal.SIGHUP)
        assert said(one, "Reloaded.")
        assert answer(UnixConnection(path)) == 200
        refused = run_command(["run", "--bind", f"unix:{path}"], environment, tmp_path)
        assert (refused.returncode, "can't be opened: Address already in use") == (
            1,
            refused.stderr.strip().rpartition(f"{path} ")[2].rstrip("."),
        )
        assert one.end(signal.SIGTERM) == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("bind", "words"),
    [
        ("unix:/nowhere/at/all.sock", "can't be opened: No such file or directory."),
        ("unix:settings", "can't be opened: Address already in use."),
        ("unix:" + "x" * 200, "can't be opened: AF_UNIX path too long."),
        ("127.0.0.1:80", "does not begin with unix:. For a port there are --host and --port."),
    ],
)
def test_a_socket_that_cannot_be_opened_is_told_in_words(
    environment: dict[str, str], tmp_path: Path, bind: str, words: str
) -> None:
    refused = run_command(["run", "--bind", bind], environment, tmp_path)
    assert refused.returncode in {1, 2}
    assert words in refused.stderr
    assert (tmp_path / "settings").read_text() == SETTINGS
