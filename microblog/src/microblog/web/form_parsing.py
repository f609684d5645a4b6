"""What a form may cost before any page sees it: for every address, whoever asks."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

FORM_MAXIMUM_BYTES = 2 * 1024 * 1024
"""A form larger than this is not read; smaller, its fields say themselves what is too long."""

FIELDS_MAXIMUM = 1000
"""The largest form of the site has a few dozen."""

ESCAPES_MAXIMUM = 300_000
"""Bytes that are written as %XX: seven times those of the longest post that is taken."""

MULTIPART_MAXIMUM_BYTES = 256 * 1024
"""Of a form in parts, whose heads take long. Where files are taken, the page allows more."""

BOUNDARY_MAXIMUM = 70
"""Characters (RFC 2046, 5.1.1). Each is compared with each byte of a body that is made for it."""


class FormParser(FormDataParser):
    """Werkzeug's, but that it looks first how much there is to do."""

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Any:
        """As documented there. Raises RequestEntityTooLarge and BadRequest."""
        if len((options or {}).get("boundary", "")) > BOUNDARY_MAXIMUM:
            raise BadRequest
        if mimetype == "application/x-www-form-urlencoded":
            body = stream.read()
            if body.count(b"&") >= FIELDS_MAXIMUM or body.count(b"%") > ESCAPES_MAXIMUM:
                raise RequestEntityTooLarge
            stream = BytesIO(body)
        return super().parse(stream, mimetype, content_length, options)


class BoundedRequest(Request):
    """A request whose form is read by this parser."""

    form_data_parser_class = FormParser


def init_app(app: Flask) -> None:
    """Limit the forms of this application; a page that takes files raises the limit after this."""
    app.config.update(
        MAX_CONTENT_LENGTH=FORM_MAXIMUM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_MAXIMUM_BYTES,
        MAX_FORM_PARTS=FIELDS_MAXIMUM,
    )
    app.url_value_preprocessor(_limit_parts)


def _limit_parts(_endpoint: str | None, _values: Any) -> None:
    if request.mimetype == "multipart/form-data":
        request.max_content_length = MULTIPART_MAXIMUM_BYTES
