"""The commands of README.md, typed as they are written there, each in a terminal of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.documentation import EXAMPLES, LIBRARY
from tests.extensions import needs_lite
from tests.ports import free_port, is_open
from tests.services import need
from tests.shop import read
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "example", ["five_lines", pytest.param("examples/shop.py", marks=needs_lite)]
)
def test_the_mail_of_an_order_is_in_the_inbox(example: str, tmp_path: Path) -> None:
    need(shutil.which("curl") is not None, "curl")
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    folder = tmp_path / "examples" if example == "five_lines" else tmp_path
    pages, smtp, inbox = free_port(), free_port(), free_port()
    *started, order = commands(f"--app {example} ", pages=pages, smtp=smtp, inbox=inbox)
    assert len(started) == 3
    with ExitStack() as stack:
        for command in started:
            process = subprocess.Popen(
                ["bash", "-c", command], cwd=folder, env=environment(pages, smtp)
            )
            stack.callback(end, process, seconds=20)
            # Two that start at once could both make the tables.
            if " deliver" not in command:
                assert eventually(partial(is_open, smtp if " catch" in command else pages))
        done = subprocess.run(["bash", "-c", order], capture_output=True, text=True, check=True)
        assert done.stdout == "Ordered.\n"
        assert eventually(lambda: "Your order" in read(inbox, "/dev/inbox"))


def commands(of_example: str, *, pages: int, smtp: int, inbox: int) -> list[str]:
    """The lines of the block about this example, with ports that are free."""
    blocks = re.findall(r"(?ms)^```sh\n(.*?)^```$", (LIBRARY / "README.md").read_text())
    (block,) = [block for block in blocks if of_example in block]
    python = shlex.quote(sys.executable)
    block = (
        block.replace("outbox catch", f"outbox catch --port {smtp} --web-port {inbox}")
        .replace("localhost:5000", f"localhost:{pages}")
        .replace("MAIL_PORT=8025", f"MAIL_PORT={smtp}")
    )
    lines = [line for line in block.splitlines() if not line.startswith("pip ")]
    return [re.sub(r"(^|\s)flask ", rf"\1exec {python} -m flask ", line, count=1) for line in lines]


def environment(pages: int, smtp: int) -> dict[str, str]:
    given = {"FLASK_RUN_PORT": str(pages), "SHOP_MAIL_PORT": str(smtp), "NO_PROXY": "localhost"}
    return {**os.environ, **given}
