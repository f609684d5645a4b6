"""A picture that somebody brought, as the site keeps it: small, square, and nothing but a picture.

Whatever a file holds beside its pixels (a place, a camera, a script) is left behind, since only the
pixels are encoded again.
"""

from __future__ import annotations

import hashlib
import threading
import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import IO

from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
BYTES_MAXIMUM = 4 * 1024 * 1024
JPEG_PIXELS_MAXIMUM = 40_000_000
PIXELS_MAXIMUM = 20_000_000
"""A small file may unfold to more than the machine has room for; only a JPEG can be read small."""

SIDE = 256
"""Pixels of a side of what is kept."""

BAND = 16
"""Rows of the small picture that are made at once: all at once would need the large one twice."""

# One picture at a time in each process, so that its memory does not grow with its threads.
_decoding = threading.Lock()

MIMETYPE = "image/webp"


class PictureError(ValueError):
    """The file is no picture that can be taken; `reason` is "large", "unknown" or "broken"."""

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
    with warnings.catch_warnings():
        # Pillow warns of a file that unfolds, and of odd metadata, where the sizes below decide.
        warnings.simplefilter("ignore")
        content = _encoded(given)
    return Picture(content, hashlib.sha256(content).hexdigest()[:32])


def _encoded(given: bytes) -> bytes:
    try:
        with _decoding, Image.open(BytesIO(given), formats=FORMATS) as opened:
            _require_room(opened)
            opened.draft("RGB", (2 * SIDE, 2 * SIDE))
            square = _square(opened)
    except UnidentifiedImageError:
        raise PictureError("unknown") from None
    except Image.DecompressionBombError:
        raise PictureError("large") from None
    except PictureError:
        raise
    except Exception as error:
        # The decoders of four formats raise whatever a broken file makes them stumble over.
        raise PictureError("broken") from error
    written = BytesIO()
    square.save(written, "WEBP", quality=82, method=4)
    return written.getvalue()


def _require_room(picture: Image.Image) -> None:
    maximum = JPEG_PIXELS_MAXIMUM if picture.format == "JPEG" else PIXELS_MAXIMUM
    if picture.width * picture.height > maximum:
        raise PictureError("large")


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
