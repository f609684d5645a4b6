"""The site behind its web server: what it believes of where it is, and of who asks."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cli.test_web_server import Served
from tests.constants import Make
from tests.visitor import ON_SQLITE

pytestmark = pytest.mark.slow

FORGED = [
    "SCRIPT_NAME: //evil.example",
    "Script-Name: //evil.example",
    "PATH_INFO: //evil.example/",
    "HTTP_HOST: evil.example",
    "X-Forwarded-Host: evil.example",
    "X_Forwarded_Host: evil.example",
    "X-Forwarded-Prefix: //evil.example",
    "X-Forwarded-Server: evil.example",
    "X-Forwarded-Port: 99",
    "X-Forwarded-Proto: gopher",
    "X-Forwarded-Protocol: ssl",
    "X-Forwarded-Ssl: on",
    "X-Forwarded-By: evil.example",
    "Forwarded: for=evil.example;host=evil.example;proto=https",
    "X-Original-URL: //evil.example/",
    "X-Rewrite-URL: //evil.example/",
    "X-HTTP-Method-Override: DELETE",
]


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.close()


@ON_SQLITE
@pytest.mark.parametrize("proxies", [0, 1])
def test_no_header_moves_the_site_elsewhere(make_app: Make, served: Served, proxies: int) -> None:
    served.worker.wsgi = make_app(PUBLIC_URL="http://blog.example.com", TRUSTED_PROXIES=proxies)
    served.start()
    plain = answer_of(served, "GET /settings/ HTTP/1.1", "Host: blog.example.com")
    assert "Location: /login?next=%2Fsettings%2F" in plain
    for header in FORGED:
        given = answer_of(served, "GET /settings/ HTTP/1.1", "Host: blog.example.com", header)
        assert given == plain, header
    whole = answer_of(
        served, "GET http://evil.example/settings/ HTTP/1.1", "Host: blog.example.com"
    )
    assert whole == plain
    for path in ("//evil.example/", "//evil.example/settings"):
        assert "//evil" not in answer_of(served, f"GET {path} HTTP/1.1", "Host: blog.example.com")


@ON_SQLITE
@pytest.mark.parametrize("hosts", [[], ["Host: evil.example"], ["Host:"], ["Host: a", "Host: b"]])
def test_the_web_server_gives_a_request_without_the_sites_name_no_page(
    make_app: Make, served: Served, hosts: list[str]
) -> None:
    served.worker.wsgi = make_app(PUBLIC_URL="http://blog.example.com")
    served.start()
    for version in ("1.0", "1.1"):
        answer = answer_of(served, f"GET /login HTTP/{version}", *hosts)
        assert answer.split()[1] == "400"
        assert "evil" not in answer


def answer_of(served: Served, *lines: str) -> str:
    """What comes back, but for what is of one request only."""
    request = "\r\n".join((*lines, "Connection: close", "", ""))
    client = served.send(request.encode())
    received = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    return re.sub(r"(?mi)^(X-Request-ID|Date|Set-Cookie): .*$", "", received)
