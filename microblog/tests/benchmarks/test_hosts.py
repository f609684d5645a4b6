"""The balancer of the benchmarks sends requests as one before a real site does."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from benchmarks.hosts import Balancer, NoHostError
from tests.ports import HOST, free_port
from tests.waiting import eventually


class Host(ThreadingHTTPServer):
    """A web server that is ready or not, and counts the forms and pages that it was asked for."""

    def __init__(self) -> None:
        super().__init__((HOST, 0), _Handler)
        self.ready = True
        self.hangs_up = False
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Host

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/readyz":
            self._answer(200 if self.server.ready else 503, "ok" if self.server.ready else "no")
        else:
            self._page("GET")

    def do_POST(self) -> None:
        self._page("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base
        """Say nothing."""

    def _page(self, method: str) -> None:
        self.server.asked.append(method)
        if not self.server.hangs_up:
            self._answer(200, "a page")

    def _answer(self, status: int, words: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps({"status": words}).encode())


@contextmanager
def serving() -> Iterator[Host]:
    with Host() as host:
        thread = threading.Thread(target=host.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield host
        finally:
            host.shutdown()
            thread.join()


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    with serving() as one, serving() as other:
        yield one, other


def ask(balancer: Balancer, method: str = "GET") -> int:
    return balancer.request(method, "/", None, {}).status


@contextmanager
def balancing(*ports: int, ready: int) -> Iterator[Balancer]:
    with Balancer(ports, "blog.example.com") as balancer:
        assert eventually(lambda: balancer.statuses().count("ok") == ready)
        assert eventually(lambda: sum(balancer.ready.values()) == ready)
        yield balancer


def test_hosts_take_turns(hosts: tuple[Host, Host]) -> None:
    with balancing(*(one.server_port for one in hosts), ready=2) as balancer:
        assert [ask(balancer) for _ in range(4)] == [200] * 4
    assert [len(one.asked) for one in hosts] == [2, 2]


def test_who_is_not_ready_is_not_asked(hosts: tuple[Host, Host]) -> None:
    one, other = hosts
    one.ready = False
    with balancing(one.server_port, other.server_port, ready=1) as balancer:
        assert [ask(balancer) for _ in range(3)] == [200] * 3
    assert one.asked == []
    assert len(other.asked) == 3


def test_a_page_is_asked_for_once_more_and_a_form_is_not(hosts: tuple[Host, Host]) -> None:
    one, other = hosts
    one.hangs_up = True
    with balancing(one.server_port, other.server_port, ready=2) as balancer:
        assert [ask(balancer) for _ in range(4)] == [200] * 4
        outcomes = []
        for _ in range(2):
            try:
                outcomes.append(ask(balancer, "POST"))
            except OSError:
                outcomes.append(0)
    assert sorted(outcomes) == [0, 200]
    assert one.asked.count("POST") == other.asked.count("POST") == 1


def test_without_a_ready_host_the_balancer_refuses() -> None:
    with (
        balancing(free_port(), ready=0) as balancer,
        pytest.raises(NoHostError),
    ):
        ask(balancer)


def test_a_host_that_cannot_be_connected_takes_no_form_with_it(hosts: tuple[Host, Host]) -> None:
    gone = free_port()
    with balancing(gone, hosts[0].server_port, ready=1) as balancer:
        balancer.ready[gone] = True
        assert [ask(balancer, "POST") for _ in range(2)] == [200, 200]
        assert not balancer.ready[gone]
