"""A wall clock that a test sets while processes run, as an administrator or a time server does.

Debian's libfaketime breaks what Python waits with (select and poll), so this has its own few lines.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import time
from datetime import datetime
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """The wall clock of the processes that are started with its `environment`."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "wall-clock"
        self._ahead = 0
        self._write()
        self._library = folder / "wall-clock.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self._library, SOURCE],
            check=True,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self._library), "WALL_CLOCK": str(self._file)}

    def set(self, moment: datetime) -> None:
        """Set it to this moment."""
        self._ahead = round(moment.timestamp() - time.time())
        self._write()

    def move(self, seconds: int) -> None:
        """Set it forward by so many seconds, or back."""
        self._ahead += seconds
        self._write()

    def _write(self) -> None:
        file = os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(file, struct.pack("=q", self._ahead), 0)
        os.close(file)


def has_compiler() -> bool:
    return shutil.which("cc") is not None
