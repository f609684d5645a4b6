"""Decodes one picture, in a process of its own: `python -m microblog.blog.decoding CPU MEMORY`.

The process takes at most CPU seconds and MEMORY bytes of address space. The file comes on standard
input. The small square that is kept goes to standard output, as WebP; or, with the exit code
REFUSED, the word for why there is none: "large", "unknown", "broken" or "costly".

Whatever a decoder does with a file that was made to hurt it, it does to this process alone.
"""

from __future__ import annotations

import os
import resource
import sys
import warnings
from io import BytesIO

# The plugin is named so that Pillow does not load all others to find it.
from PIL import Image, ImageOps, UnidentifiedImageError, WebPImagePlugin  # noqa: F401

from microblog.blog.pictures import REFUSED

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
JPEG_PIXELS_MAXIMUM = 40_000_000
PIXELS_MAXIMUM = 20_000_000
"""A small file may unfold to more than the machine has room for; only a JPEG can be read small."""

SIDE = 256
"""Pixels of a side of what is kept."""

BAND = 16
"""Rows of the small picture that are made at once: all at once would need the large one twice."""

NICENESS = 10
"""Whoever waits for a page comes first."""


class RefusedError(ValueError):
    """The file is no picture that can be taken; its word says why."""


def main() -> None:
    """Answer as the module says. Ends with 1 and a traceback only where the site is to blame."""
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
    """Let this process have so many seconds and bytes, write no file, and give way to others."""
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(NICENESS)


def decode(given: bytes) -> bytes:
    """The square (WebP) of this file. Raises RefusedError."""
    # Pillow warns of a file that unfolds, and of odd metadata, where the sizes below decide.
    warnings.simplefilter("ignore")
    try:
        with Image.open(BytesIO(given), formats=FORMATS) as opened:
            _require_room(opened)
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
        # The decoders of four formats raise whatever a broken file makes them stumble over.
        raise RefusedError("broken") from error
    written = BytesIO()
    square.save(written, "WEBP", quality=82, method=4)
    return written.getvalue()


def _require_room(picture: Image.Image) -> None:
    maximum = JPEG_PIXELS_MAXIMUM if picture.format == "JPEG" else PIXELS_MAXIMUM
    if picture.width * picture.height > maximum:
        raise RefusedError("large")


def _square(picture: Image.Image) -> Image.Image:
    """The middle of a picture, the right way up."""
    small = _reduced(picture)
    # Beside the pixels stands which way is up.
    small.info.update(picture.info)
    ImageOps.exif_transpose(small, in_place=True)
    return ImageOps.fit(small, (SIDE, SIDE))


def _reduced(picture: Image.Image) -> Image.Image:
    """The middle of a picture, at least twice as large as it will be kept if it was, with alpha."""
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
