"""The log: requests have ids, and records are for people or for programs."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from microblog.settings import Settings
from microblog.web import logs
from tests.constants import Make
from tests.visitor import ON_SQLITE, Visitor, words

pytestmark = pytest.mark.slow


@pytest.fixture
def app(make_app: Make) -> Flask:
    """A site of its own, to which tests add pages."""
    site = make_app(PUBLIC_URL="http://localhost")
    assert isinstance(site, Flask)
    return site


@contextmanager
def clean_root() -> Iterator[None]:
    """Take the handlers away from the root logger, and give them back after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers.clear()
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)


def failing(app: Flask) -> Flask:
    def fail() -> str:
        raise LookupError("a cause")

    app.add_url_rule("/fail", view_func=fail)
    return app


@ON_SQLITE
def test_page_header_and_log_have_one_id(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "logs" / "site.log"
    with clean_root():
        logs.configure(file, form="json")
        page = Visitor(failing(app)).get("/fail")
    number = page.headers["X-Request-ID"]
    assert re.fullmatch("[0-9a-f]{16}", number)
    assert f"by its number: {number}" in words(page)
    entry = next(one for one in map(json.loads, file.read_text().splitlines()) if "exc_info" in one)
    assert entry["request_id"] == number
    assert entry["level"] == "ERROR"
    assert "LookupError: a cause" in entry["exc_info"]
    assert set(entry) >= {"time", "logger", "process", "message"}


@ON_SQLITE
def test_an_ordinary_error_shows_no_id(visitor: Visitor) -> None:
    page = visitor.get("/nothing")
    assert "number" not in words(page)
    assert page.headers["X-Request-ID"]


@ON_SQLITE
@pytest.mark.parametrize(
    ("proxies", "given", "believed"),
    [
        (1, "from-the-proxy.1", True),
        (0, "from-a-stranger-1", False),
        (1, "short", False),
        (1, "x" * 65, False),
        (1, "a line%0abreak", False),
    ],
)
def test_only_a_trusted_proxy_chooses_the_id(
    make_app: Make, proxies: int, given: str, believed: bool
) -> None:
    client = make_app(TRUSTED_PROXIES=proxies).test_client()
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert (answer.headers["X-Request-ID"] == given) is believed


WRITER = """
import logging, sys
from pathlib import Path
from microblog.web import logs
logs.configure(Path(sys.argv[1]), max_bytes=20_000, backup_count=9)
for number in range(300):
    logging.getLogger("writer").info("%s-%03d %s", sys.argv[2], number, "x" * 80)
"""


def test_several_processes_share_one_rotating_file(tmp_path: Path) -> None:
    file = tmp_path / "site.log"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(file), str(number)], stderr=subprocess.DEVNULL
        )
        for number in range(3)
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    files = list(tmp_path.glob("site.log*"))
    assert len(files) > 3
    found = re.findall(r"\d-\d{3} x", "".join(one.read_text() for one in files))
    assert len(set(found)) == 900


def test_text_is_for_people(tmp_path: Path) -> None:
    file = tmp_path / "site.log"
    with clean_root():
        logs.configure(file, process="dispatcher")
        logging.getLogger("some.part").warning("Hello")
    (line,) = (tmp_path / "site-dispatcher.log").read_text().splitlines()
    assert line.endswith("WARNING some.part [-]: Hello")


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="LOG_FORMAT"):
        Settings(LOG_FORMAT="xml", _env_file=None)
