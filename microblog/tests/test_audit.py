"""The audit takes nothing but an answer about each package for a good one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from scripts import audit
from tests.services import need
from tests.smtp_server import Authority

pytestmark = pytest.mark.slow

# In the shape of PyPI's JSON: https://docs.pypi.org/api/json/
KNOWN = {
    "aliases": ["CVE-2018-1000656", "GHSA-562c-5r94-xh97"],
    "details": "The Pallets Project flask version Before 0.12.3 contains a CWE-20.",
    "fixed_in": ["0.12.3"],
    "id": "PYSEC-2018-66",
    "link": "https://osv.dev/vulnerability/PYSEC-2018-66",
    "source": "osv",
    "summary": None,
    "withdrawn": None,
}
CANARY = {"/pypi/flask/0.12/json": [KNOWN]}


class Index(ThreadingHTTPServer):
    """Answers for pypi.org, as the proxy on the way there."""

    known: dict[str, list[dict[str, Any]]]
    absent: set[str]
    status: int
    asked: list[str]
    authority: Authority


class _Handler(BaseHTTPRequestHandler):
    server: Index
    protocol_version = "HTTP/1.1"

    def do_CONNECT(self) -> None:
        assert self.path == "pypi.org:443"
        self.send_response(200)
        self.end_headers()
        context = self.server.authority.context("pypi.org")
        self.connection = context.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb")
        self.close_connection = False  # pip-audit's questions follow

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status = 404 if self.path in self.server.absent else self.server.status
        answer = {"info": {}, "vulnerabilities": self.server.known.get(self.path, [])}
        body = json.dumps(answer if status == 200 else {"message": "Not Found"}).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index that knows what is wrong with one release, and that pip-audit takes for PyPI."""
    need(find_spec("pip_audit") is not None, "pip-audit")
    with Index(("127.0.0.1", 0), _Handler) as server:
        server.known, server.absent, server.asked, server.status = dict(CANARY), set(), [], 200
        server.authority = Authority(tmp_path)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("NO_PROXY", "")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(server.authority.ca_file))
        serving = Thread(target=server.serve_forever)
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three packages instead of all: each is a question."""
    pinned = {("click", "8.5.1"), ("jinja2", "3.1.6"), ("mako", "1.4.3")}
    monkeypatch.setattr(audit, "packages", lambda: pinned)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], tuple[int, str]]:
    """Runs the audit; returns its exit code, and what it prints."""

    def run() -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            audit.main()
        return int(ended.value.code or 0), capsys.readouterr().out

    return run


Said = Callable[[], tuple[int, str]]


def test_every_locked_package_is_asked_about_once_by_name_and_version(
    index: Index, said: Said
) -> None:
    assert said() == (0, f"{len(audit.packages())} packages: no vulnerability is known\n")
    asked = {f"/pypi/{name}/{version}/json" for name, version in audit.packages()}
    assert sorted(index.asked) == sorted(asked | CANARY.keys())
    assert not any("microblog" in path or "flask-outbox" in path for path in asked)
    # Also those of other Pythons and systems than this one's.
    assert len([name for name, _ in audit.packages() if name == "deprecated"]) == 2


@pytest.mark.usefixtures("few")
def test_a_vulnerable_package_an_unknown_one_and_one_that_is_fine_are_told_apart(
    index: Index, said: Said
) -> None:
    index.known |= {
        "/pypi/jinja2/3.1.6/json": [KNOWN | {"id": "PYSEC-1", "fixed_in": ["99.1"]}],
        "/pypi/click/8.5.1/json": [KNOWN | {"withdrawn": "2026-01-01T00:00:00Z"}],
    }
    index.absent = {"/pypi/mako/1.4.3/json"}
    code, words = said()
    assert code == 1
    assert words.splitlines() == [
        "jinja2==3.1.6 has PYSEC-1, fixed in 99.1",
        "mako==1.4.3 could not be asked about: Dependency not found on PyPI and could not be"
        " audited: mako (1.4.3)",
    ]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("status", [404, 503])
def test_a_service_that_answers_nothing_is_not_a_good_answer(
    status: int, index: Index, said: Said
) -> None:
    index.status = status
    code, words = said()
    assert (code, words.startswith("Could not be asked.")) == (1, True)


@pytest.mark.usefixtures("few")
def test_a_service_that_knows_no_vulnerability_of_anything_is_not_believed(
    index: Index, said: Said
) -> None:
    index.known = {}
    assert said() == (
        1,
        "Could not be asked. flask==0.12, which is vulnerable: no vulnerability of it is known"
        " there\n",
    )


@pytest.mark.usefixtures("few")
def test_a_service_that_is_away_is_not_a_good_answer(
    index: Index, said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    code, words = said()
    assert (code, words.startswith("Could not be asked.")) == (1, True)
    assert index.asked == []
