"""A picture that somebody brought, as the site keeps it: small, square, and nothing but a picture.

Whatever a file holds beside its pixels (a place, a camera, a script) is left behind, since only the
pixels are encoded again. That happens in a process of its own, with limits; this one never decodes.
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
"""Of a JPEG. Progressive ones have about ten; each makes the decoder go over the whole picture."""

CPU_SECONDS = 5
"""The largest picture that is taken needs less than two."""

MEMORY_BYTES = 768 * 1024 * 1024
"""The largest picture that is taken needs less than half of it."""

SECONDS = 20.0
"""Of the clock, where the machine has too little time for the decoder."""

WAITING_MAXIMUM = 2
"""Uploads that wait for the decoder: each keeps a thread from answering others."""

WAITING_SECONDS = 5.0

MIMETYPE = "image/webp"

REFUSED = 3
"""The exit code of the decoder where the file is to blame."""

_ENDED = (-signal.SIGXCPU, -signal.SIGKILL)
"""By its own limit, or by the kernel where memory runs out."""

_JPEG = b"\xff\xd8"
_START_OF_SCAN = b"\xff\xda"

# One picture at a time for each web process, so that memory does not grow with its threads.
_decoder = threading.Lock()
_places = threading.BoundedSemaphore(1 + WAITING_MAXIMUM)


class PictureError(ValueError):
    """The file cannot be taken; `reason` is "large", "unknown", "broken", "costly" or "busy"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is kept (WebP), and the digest that names it."""

    content: bytes
    digest: str


def read_picture(file: IO[bytes]) -> Picture:
    """Read a picture and encode it again. Raises PictureError."""
    given = file.read(BYTES_MAXIMUM + 1)
    if len(given) > BYTES_MAXIMUM:
        raise PictureError("large")
    # In what is compressed this marker never occurs, so none is missed (ITU T.81, B.1.1.2).
    if given.startswith(_JPEG) and given.count(_START_OF_SCAN) > SCANS_MAXIMUM:
        raise PictureError("costly")
    with _turn():
        content = _decoded(given)
    return Picture(content, hashlib.sha256(content).hexdigest()[:32])


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for the decoder, unless too many do. Raises PictureError."""
    if not _places.acquire(blocking=False):
        raise PictureError("busy")
    try:
        if not _decoder.acquire(timeout=WAITING_SECONDS):
            raise PictureError("busy")
        try:
            yield
        finally:
            _decoder.release()
    finally:
        _places.release()


def _decoded(given: bytes) -> bytes:
    """What the process gives. Raises PictureError, and RuntimeError where it does not run."""
    # Started and not imported: Pillow has no business in a web process.
    program = [sys.executable, "-P", "-m", "microblog.blog.decoding"]
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
    if done.returncode in _ENDED:
        raise PictureError("costly")
    if done.returncode < 0:
        raise PictureError("broken")
    raise RuntimeError(f"The decoder does not run: {done.stderr.decode(errors='replace')}")
