"""An uploaded picture as the site stores it: small, square, and nothing but pixels.

Whatever else a file holds (a location, a camera, a script) is dropped, since only the pixels are
encoded again. That happens in a process of its own, with limits; this process never decodes.
"""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

BYTES_MAXIMUM = 4 * 1024 * 1024

SCANS_MAXIMUM = 100
"""Of a JPEG. Progressive ones have about ten; the decoder goes over the whole picture for each."""

CPU_SECONDS = 5
"""The largest accepted picture needs less than two."""

MEMORY_BYTES = 768 * 1024 * 1024
"""The largest accepted picture needs less than half of it."""

SECONDS = 20.0
"""Wall-clock time, for when a busy machine gives the decoder too little CPU."""

WAITING_MAXIMUM = 2
"""Uploads that may wait for the decoder: each keeps a thread from answering other requests."""

WAITING_SECONDS = 5.0

MIMETYPE = "image/webp"

REFUSED = 3
"""The exit code of the decoder if the file is at fault."""

_KILLED_BY_LIMIT = (-signal.SIGXCPU, -signal.SIGKILL)
"""By its own limit of CPU time, or by the kernel when memory runs out."""

_JPEG = b"\xff\xd8"
_START_OF_SCAN = b"\xff\xda"

# One picture at a time for each web process, so that memory does not grow with its threads.
_decoder = threading.Lock()
_queue = threading.BoundedSemaphore(1 + WAITING_MAXIMUM)


class PictureError(ValueError):
    """The file is not accepted; `reason` is "large", "unknown", "broken", "costly" or "busy"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Picture:
    """The stored picture (WebP), and the digest that names it."""

    content: bytes
    digest: str


def read_picture(file: IO[bytes]) -> Picture:
    """Read a picture and encode it again. Raises PictureError."""
    given = file.read(BYTES_MAXIMUM + 1)
    if len(given) > BYTES_MAXIMUM:
        raise PictureError("large")
    # Compressed data never contains this marker (ITU T.81, B.1.1.2).
    if given.startswith(_JPEG) and given.count(_START_OF_SCAN) > SCANS_MAXIMUM:
        raise PictureError("costly")
    with _exclusive_decoder():
        content = _decoded(given)
    return Picture(content, hashlib.sha256(content).hexdigest()[:32])


@contextmanager
def _exclusive_decoder() -> Iterator[None]:
    """Wait for the decoder and keep it. Raises PictureError if too many wait, or for too long."""
    if not _queue.acquire(blocking=False):
        raise PictureError("busy")
    try:
        if not _decoder.acquire(timeout=WAITING_SECONDS):
            raise PictureError("busy")
        try:
            yield
        finally:
            _decoder.release()
    finally:
        _queue.release()


def _decoded(given: bytes) -> bytes:
    """Return what the decoding process writes.

    Raises PictureError, or RuntimeError if the process cannot run.
    """
    # A process and not an import: Pillow must never be loaded into a web process.
    program = [sys.executable, "-P", "-m", "microblog.people.decoding"]
    limits = [str(CPU_SECONDS), str(MEMORY_BYTES)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [*program, *limits], input=given, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PictureError("costly") from None
    if done.returncode == 0:
        return done.stdout
    if done.returncode == REFUSED:
        raise PictureError(done.stdout.decode())
    if done.returncode in _KILLED_BY_LIMIT:
        raise PictureError("costly")
    if done.returncode < 0:
        raise PictureError("broken")
    raise RuntimeError(f"The decoder does not run: {done.stderr.decode(errors='replace')}")
