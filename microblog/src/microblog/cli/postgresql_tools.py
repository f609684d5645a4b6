"""PostgreSQL's own programs, run so that no password stands on a command line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from gettext import gettext as _
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO

from microblog.cli.backup_file import BackupError


def find_tool(name: str) -> str:
    """Where a program is. Raises BackupError if it is missing."""
    found = shutil.which(name)
    if found is None:
        words = _("{name} is missing: install PostgreSQL's client programs (Debian: {command}).")
        raise BackupError(words.format(name=name, command="apt install postgresql-client"))
    return found


def require_version(tool: str, server: int) -> None:
    """Raise BackupError if the program is older than the server, which it would refuse."""
    said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603 - a program of the system's
    found = re.search(r"\d+", said)
    if found and int(found[0]) < server:
        words = _("{name} is version {found}, but the server is newer: install {needed}.")
        needed = f"postgresql-client-{server}"
        raise BackupError(words.format(name=Path(tool).name, found=found[0], needed=needed))


@contextmanager
def output_of(
    command: Sequence[str], environment: Mapping[str, str], source: IO[bytes] | None = None
) -> Iterator[IO[bytes]]:
    """What a program writes while it reads `source`; killed if the block fails.

    Raises BackupError with its words if it fails.
    """
    with TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603 - a program of the system's
            command,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        feeding = Thread(target=_feed, args=(source, process.stdin), daemon=True)
        feeding.start()
        try:
            with process.stdout:
                yield process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            code = process.wait()
            feeding.join()
        if code:
            errors.seek(0)
            name = Path(command[0]).name
            said = errors.read().decode(errors="replace").strip().removeprefix(f"{name}: ")
            words = _("{name} failed: {reason}")
            raise BackupError(words.format(name=name, reason=said.partition("\n")[0] or code))


def _feed(source: IO[bytes] | None, target: IO[bytes]) -> None:
    # The program may end before it has read everything.
    with suppress(BrokenPipeError), target:
        if source is not None:
            shutil.copyfileobj(source, target)
