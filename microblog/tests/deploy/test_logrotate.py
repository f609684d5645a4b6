"""deploy/logrotate.conf: logrotate moves the log away while the site writes it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import need
from tests.waiting import end, eventually

pytestmark = pytest.mark.slow

CONFIGURATION = Path(__file__).resolve().parents[3] / "deploy" / "logrotate.conf"

WRITER = """
import logging, sys, time
from itertools import count
from pathlib import Path
from microblog.web import logs
logs.configure(Path(sys.argv[1]), max_bytes=0)
for number in count():
    logging.getLogger("writer").info("line %d", number)
    time.sleep(0.0005)
"""


def test_no_line_is_lost_and_the_site_goes_on_in_a_new_file(tmp_path: Path) -> None:
    need(shutil.which("logrotate", path="/usr/sbin") is not None, "logrotate")
    folder = tmp_path / "logs"
    log = folder / "microblog.log"
    rules = CONFIGURATION.read_text()
    for theirs, ours in {
        "/srv/microblog/logs": str(folder),
        "su microblog microblog": f"su {tmp_path.owner()} {tmp_path.group()}",
        # A name for each of the rotations that this test makes within a day.
        "dateext": "",
    }.items():
        assert theirs in rules
        rules = rules.replace(theirs, ours)
    configuration = tmp_path / "logrotate.conf"
    configuration.write_text(rules)
    rotate = ["/usr/sbin/logrotate", "--force", "--state", str(tmp_path / "state")]
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(log)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(5):
            assert eventually(lambda: log.exists() and log.stat().st_size > 1000)
            said = subprocess.run(
                [*rotate, str(configuration)], capture_output=True, text=True, check=False
            )
            assert (said.returncode, said.stderr) == (0, "")
        assert eventually(log.exists)
    finally:
        end(writer, seconds=30)
    rotated = sorted(folder.glob("microblog.log*"))
    assert [one.suffix for one in rotated] == [".log", ".1", ".gz", ".gz", ".gz", ".gz"]
    texts = [subprocess.check_output(["zcat", "--force", one], text=True) for one in rotated]
    numbers = [int(one) for text in texts for one in re.findall(r"line (\d+)\n", text)]
    assert sorted(numbers) == list(range(len(numbers)))
