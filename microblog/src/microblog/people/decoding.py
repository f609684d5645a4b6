"""Decode one picture in a process of its own: `python -m microblog.blog.decoding CPU MEMORY`.

The process gets at most CPU seconds and MEMORY bytes of address space. It reads the file from
standard input and writes a small square picture to standard output, as WebP. If there is none, it
writes the reason, "large", "unknown", "broken" or "costly", and exits with the code REFUSED.

A file that attacks the decoder harms this process alone.
"""

from __future__ import annotations

import os
import resource
import sys
import warnings
from io import BytesIO

# The plugin is named so that Pillow does not load all others to find it.
from PIL import Image, ImageOps, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from microblog.people.pictures import REFUSED

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
JPEG_PIXELS_MAXIMUM = 40_000_000
PIXELS_MAXIMUM = 20_000_000
"""A small file may decompress to more than memory holds; only a JPEG can be read smaller."""

SIDE = 256
"""Pixels along each side of the stored picture."""

BAND = 16
"""Rows of the small picture made at a time; making all at once would need the large one twice."""

NICENESS = 10
"""Requests for pages come first."""


class RefusedError(ValueError):
    """The file is not a picture that can be accepted; the message is the reason, in one word."""


def main() -> None:
    """Decode standard input. Exits with 1 and a traceback only if the site is at fault."""
    cpu, memory = map(int, sys.argv[1:])
    limit_process(cpu, memory)
    given = sys.stdin.buffer.read()
    try:
        answer, code = decode(given), 0
    except RefusedError as error:
        answer, code = str(error).encode(), REFUSED
    sys.stdout.buffer.write(answer)
    sys.exit(code)


def limit_process(cpu: int, memory: int) -> None:
    """Limit this process's CPU time and memory, forbid writing files, and lower its priority."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def decode(given: bytes) -> bytes:
    """Return the square picture (WebP) made from this file. Raises RefusedError."""
    # Pillow warns of decompression bombs and of odd metadata; the limits below decide instead.
    warnings.simplefilter("ignore")
    try:
        with Image.open(BytesIO(given), formats=FORMATS) as opened:
            _check_size(opened)
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            square = _square(opened)
    except UnidentifiedImageError:
        raise RefusedError("unknown") from None
    except Image.DecompressionBombError:
        raise RefusedError("large") from None
    except MemoryError:
        raise RefusedError("costly") from None
    except RefusedError:
        raise
    except Exception as error:
        # The decoders of the four formats raise exceptions of any type for broken files.
        raise RefusedError("broken") from error
    written = BytesIO()
    square.save(written, "WEBP", quality=82, method=4)
    return written.getvalue()


def _check_size(picture: Image.Image) -> None:
    maximum = JPEG_PIXELS_MAXIMUM if picture.format == "JPEG" else PIXELS_MAXIMUM
    if picture.width * picture.height > maximum:
        raise RefusedError("large")


def _square(picture: Image.Image) -> Image.Image:
    """The centre of a picture, upright."""
    small = _reduced(picture)
    # The metadata holds the orientation.
    small.info.update(picture.info)
    ImageOps.exif_transpose(small, in_place=True)
    return ImageOps.fit(small, (SIDE, SIDE))


def _reduced(picture: Image.Image) -> Image.Image:
    """The centre of a picture with alpha, still at least twice as large as the stored one if the
    original is.
    """
    side = min(picture.size)
    factor = max(side // (2 * SIDE), 1)
    length = max(side // factor, 1)
    left, top = (picture.width - length * factor) // 2, (picture.height - length * factor) // 2
    small = Image.new("RGBA", (length, length))
    for row in range(0, length, BAND):
        rows = min(BAND, length - row)
        upper = top + row * factor
        band = picture.crop((left, upper, left + length * factor, upper + rows * factor))
        small.paste(band.convert("RGBA").reduce(factor), (0, row))
    return small


if __name__ == "__main__":
    main()
