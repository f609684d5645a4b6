"""A worker of the web server, over real sockets: whoever is slow keeps nobody from a page."""

from __future__ import annotations

import logging
import os
import resource
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from microblog.cli import web_server
from microblog.cli.web_server import BufferingWorker
from microblog.people.profile_views import UPLOAD_MAXIMUM_BYTES
from tests.waiting import eventually

pytestmark = pytest.mark.slow

THREADS = 2
MANY = 5 * THREADS
LARGE = 16 * 1024 * 1024
"""More than the system keeps of an answer that nobody reads."""


class Site:
    """The smallest application: its paths are what a test needs."""

    def __init__(self) -> None:
        self.inside, self.go_on = threading.Semaphore(0), threading.Event()
        self.seen: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.seen.append(environ)
        answer = environ["wsgi.input"].read() or b"a page"
        if environ["PATH_INFO"] == "/large":
            answer = b"x" * LARGE
        if environ["PATH_INFO"] == "/wait":
            self.inside.release()
            assert self.go_on.wait(60)
        start("200 OK", [("Content-Length", str(len(answer)))])
        if environ["PATH_INFO"] == "/broken":
            raise RuntimeError("broken")
        return [answer]


class Served:
    """A worker of two threads in this process, at `port`."""

    def __init__(self) -> None:
        self.site = Site()
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._listening.getsockname()[1]
        config = Config()
        config.set("threads", THREADS)
        config.set("graceful_timeout", 60)
        sockets = [SimpleNamespace(sock=self._listening)]
        self.worker = BufferingWorker(1, os.getppid(), sockets, None, 60, config, None)
        self.worker.wsgi = self.site
        self._thread = threading.Thread(target=self.worker.run)
        self._clients: list[socket.socket] = []

    def start(self) -> None:
        self._thread.start()
        assert eventually(lambda: self.worker._listeners)

    def end(self) -> None:
        """As SIGTERM does it."""
        self.worker.handle_exit(None, None)

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self.site.go_on.set()
        for client in self._clients:
            client.close()
        self.end()
        self._thread.join(60)
        assert not self.is_running()
        self._listening.close()

    def send(self, words: bytes) -> socket.socket:
        """A new client that sends this and then does nothing."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self._clients.append(client)
        client.sendall(words)
        return client

    def connections(self) -> int:
        return len(self.worker._channels())


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    monkeypatch.setattr(web_server, "LOOK_SECONDS", 0.01)
    made = Served()
    made.start()
    yield made
    made.close()


def everything(client: socket.socket) -> bytes:
    """What the client reads until the connection ends."""
    came = b""
    try:
        while piece := client.recv(65536):
            came += piece
    except ConnectionResetError:
        pass
    return came


def get(path: str, *fields: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *fields]
    return "\r\n".join([*lines, "", ""]).encode()


PAGE = get("/page", "Connection: close")
POST = b"POST /page HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"G",
        POST,
        POST + b"Content-Length: 100\r\n\r\na=",
        POST + b"Content-Length: 200000\r\n\r\n" + b"x" * 100_000,
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        POST + b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
        get("/large"),
        get("/page"),
    ],
    ids=[
        "nothing",
        "a letter",
        "half a head",
        "half a body",
        "half a large body",
        "half a chunk",
        "a promise of a body",
        "an answer that is not read",
        "a connection that is kept",
    ],
)
def test_more_slow_clients_than_there_are_threads_keep_nobody_from_a_page(
    served: Served, words: bytes
) -> None:
    for _ in range(MANY):
        served.send(words)
    assert eventually(lambda: served.connections() == MANY)
    assert everything(served.send(PAGE)).endswith(b"\r\n\r\na page")


@pytest.mark.parametrize(
    ("limit", "words", "read"),
    [
        ("IDLE_SECONDS", b"", b""),
        ("IDLE_SECONDS", get("/page"), b"a page"),
        ("REQUEST_SECONDS", POST, b""),
        ("REQUEST_SECONDS", POST + b"Content-Length: 100\r\n\r\na=", b""),
        ("ANSWER_SECONDS", get("/large"), b"HTTP/1.1 200 OK"),
    ],
    ids=["nothing", "a connection that is kept", "a head", "a body", "an answer"],
)
def test_who_takes_too_long_is_cut_off(
    served: Served, monkeypatch: pytest.MonkeyPatch, limit: str, words: bytes, read: bytes
) -> None:
    client = served.send(words)
    came = b""
    while read not in came:
        came += client.recv(1000)
    assert eventually(lambda: served.connections() == 1)
    monkeypatch.setattr(web_server, limit, -1)
    assert eventually(lambda: served.connections() == 0)
    assert len(everything(client)) < LARGE


def test_a_request_has_longer_the_more_of_it_came(served: Served) -> None:
    adjustments = served.worker._server.adj
    request = web_server._Request(adjustments)
    request.received(POST + b"Content-Length: 9000000\r\n\r\n")
    late = request.begun_at + web_server.REQUEST_SECONDS + 1
    assert request.is_late(late)
    request.received(b"x" * 100_000)
    assert not request.is_late(late + 100)
    assert request.is_late(late + 300)


def test_bodies_together_have_a_limit_and_the_largest_goes_first(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = served.send(POST + b"Content-Length: 2000\r\nConnection: close\r\n\r\n" + b"x" * 1000)
    large = served.send(POST + b"Content-Length: 200000\r\n\r\n" + b"x" * 100_000)
    monkeypatch.setattr(web_server, "ARRIVING_MAXIMUM_BYTES", 50_000)
    assert everything(large) == b""
    small.sendall(b"x" * 1000)
    assert everything(small).endswith(b"x" * 2000)


def test_a_body_beyond_every_limit_is_not_read_and_the_application_says_so(
    served: Served,
) -> None:
    head = f"Content-Length: {UPLOAD_MAXIMUM_BYTES + 1}\r\n\r\n".encode()
    assert everything(served.send(POST + head)).endswith(b"a page")
    (environ,) = served.site.seen
    assert environ["CONTENT_LENGTH"] == str(UPLOAD_MAXIMUM_BYTES + 1)


def test_a_body_in_chunks_reaches_the_application_with_its_length(served: Served) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert everything(served.send(head + b"3\r\na=b\r\n0\r\n\r\n")).endswith(b"\r\n\r\na=b")
    assert served.site.seen[0]["CONTENT_LENGTH"] == "3"


@pytest.mark.parametrize("start", [b"", b"0\r\n"], ids=["a size", "a trailer"])
def test_no_line_of_a_body_in_chunks_is_long(served: Served, start: bytes) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n" + start
    answer = everything(served.send(head + b"1" * (web_server.CHUNK_LINE_MAXIMUM_BYTES + 1)))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert served.site.seen == []


def test_a_head_that_is_too_long_is_refused(served: Served) -> None:
    answer = everything(served.send(get("/?" + "a&" * web_server.HEAD_MAXIMUM_BYTES)))
    assert answer.startswith(b"HTTP/1.0 431 ")
    assert served.site.seen == []


def test_the_application_decides_which_forwarded_headers_it_believes(served: Served) -> None:
    fields = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "SCRIPT_NAME: //evil"]
    everything(served.send(get("/", "Connection: close", *fields)))
    (environ,) = served.site.seen
    assert environ["HTTP_X_FORWARDED_FOR"] == "192.0.2.1"
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["SCRIPT_NAME"] == ""
    assert environ["REMOTE_ADDR"] == "127.0.0.1"


def test_a_worker_that_ends_answers_what_was_asked_and_takes_nothing_new(served: Served) -> None:
    working = served.send(get("/wait"))
    arriving = served.send(POST + b"Content-Length: 3\r\n\r\na")
    assert served.site.inside.acquire(timeout=60)
    assert eventually(lambda: served.connections() == 2)
    served.end()
    assert eventually(lambda: not served.worker._listeners[0].accepting)
    late = served.send(PAGE)
    arriving.sendall(b"=b")
    answer = everything(arriving)
    assert b"Connection: close" in answer
    assert answer.endswith(b"\r\n\r\na=b")
    served.site.go_on.set()
    assert everything(working).endswith(b"a page")
    assert eventually(lambda: not served.is_running())
    assert len(served.site.seen) == 2
    late.close()


def test_what_the_application_breaks_with_is_logged_without_its_path(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "waitress"):
        answer = everything(served.send(get("/broken?", "Connection: close")))
    assert answer.startswith(b"HTTP/1.1 500 ")
    (record,) = caplog.records
    assert record.getMessage() == "Exception"
    assert record.exc_info


@pytest.mark.parametrize(
    ("allowed", "left"), [((1024, 4096), 1000), ((1024, 1500), 500), ((300, 300), 100)]
)
def test_a_worker_accepts_no_more_connections_than_it_may_have_files(
    monkeypatch: pytest.MonkeyPatch, allowed: tuple[int, int], left: int
) -> None:
    taken: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: allowed)
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: taken.append(limits))
    assert web_server._connections() == left
    assert all(soft <= hard for soft, hard in taken)
