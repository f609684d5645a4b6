"""`microblog mail catch`, as a developer leaves it running."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest

from microblog.cli.ports import choose_free
from tests.cli.running import HOST, clean_environment, running

pytestmark = pytest.mark.slow


def test_a_page_elsewhere_cannot_read_the_inbox_by_a_name_that_leads_here(tmp_path: Path) -> None:
    """To the browser, evil.example that now leads to 127.0.0.1 is still one site (rebinding)."""
    smtp_port, port = choose_free(HOST), choose_free(HOST)
    command = ["mail", "catch", "--port", str(smtp_port), "--web-port", str(port)]
    with running(command, clean_environment(INSTANCE_PATH=str(tmp_path)), tmp_path, port):
        statuses = {}
        for host in ("localhost", "127.0.0.1", "evil.example"):
            connection = HTTPConnection(HOST, port, timeout=30)
            connection.request("GET", "/dev/inbox", headers={"Host": f"{host}:{port}"})
            statuses[host] = connection.getresponse().status
            connection.close()
    assert statuses == {"localhost": 200, "127.0.0.1": 200, "evil.example": 400}
