"""Limits on parsing forms, for every address and every client, before any page sees the form."""

from __future__ import annotations

from io import BytesIO
from typing import IO, Any

from flask import Flask, Request, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

FORM_MAXIMUM_BYTES = 2 * 1024 * 1024
"""A larger form is not read. In a smaller one, the fields themselves report what is too long."""

FIELDS_MAXIMUM = 1000
"""The largest form of the site has a few dozen."""

ESCAPES_MAXIMUM = 300_000
"""Bytes that are written as %XX: seven times as many as the longest post needs."""

MULTIPART_MAXIMUM_BYTES = 256 * 1024
"""Of a multipart form, whose headers are slow to parse. Pages that take files allow more."""

BOUNDARY_MAXIMUM = 70
"""Characters (RFC 2046, 5.1.1). A hostile body has each compared with each of its bytes."""


class FormParser(FormDataParser):
    """Werkzeug's parser, which first checks how much work a form is."""

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,
        options: dict[str, str] | None = None,
    ) -> Any:
        """Parse a form as Werkzeug does. Raises RequestEntityTooLarge and BadRequest."""
        if len((options or {}).get("boundary", "")) > BOUNDARY_MAXIMUM:
            raise BadRequest
        if mimetype == "application/x-www-form-urlencoded":
            body = stream.read()
            if body.count(b"&") >= FIELDS_MAXIMUM or body.count(b"%") > ESCAPES_MAXIMUM:
                raise RequestEntityTooLarge
            stream = BytesIO(body)
        return super().parse(stream, mimetype, content_length, options)


class BoundedRequest(Request):
    """A request whose form is read by FormParser."""

    form_data_parser_class = FormParser


def init_app(app: Flask) -> None:
    """Limit the forms of this application. A page that takes files raises the limits later."""
    app.config.update(
        MAX_CONTENT_LENGTH=FORM_MAXIMUM_BYTES,
        MAX_FORM_MEMORY_SIZE=FORM_MAXIMUM_BYTES,
        MAX_FORM_PARTS=FIELDS_MAXIMUM,
    )
    app.url_value_preprocessor(_limit_parts)


def _limit_parts(_endpoint: str | None, _values: Any) -> None:
    if request.mimetype == "multipart/form-data":
        request.max_content_length = MULTIPART_MAXIMUM_BYTES
