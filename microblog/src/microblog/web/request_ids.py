"""An id for every request, which connects an error page, its log lines and its mail."""

from __future__ import annotations

import logging
import re
import secrets

from flask import Flask, Response, current_app, g, has_request_context, request

HEADER = "X-Request-ID"

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask) -> None:
    app.after_request(_add_header)
    app.jinja_env.globals["request_id"] = request_id


def request_id() -> str | None:
    """The id of this request: the one a trusted proxy sent, else a new one.

    None outside of a request.
    """
    if not has_request_context():
        return None
    if "request_id" not in g:
        given = request.headers.get(HEADER, "") if current_app.config["TRUSTED_PROXIES"] else ""
        g.request_id = given if _ACCEPTABLE.fullmatch(given) else secrets.token_hex(8)
    return str(g.request_id)


class RequestIdFilter(logging.Filter):
    """Adds to every record the id of the request it belongs to, or a dash."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


def _add_header(response: Response) -> Response:
    response.headers[HEADER] = request_id() or ""
    return response
