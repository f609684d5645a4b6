"""A number for every request: a page, a line of the log and a mail can be told to be one."""

from __future__ import annotations

import logging
import re
import secrets

from flask import Flask, Response, current_app, g, has_request_context, request

HEADER = "X-Request-ID"

_ACCEPTABLE = re.compile(r"[A-Za-z0-9._-]{8,64}")


def init_app(app: Flask) -> None:
    app.after_request(_tell)
    app.jinja_env.globals["request_id"] = request_id


def request_id() -> str | None:
    """This request's number: the reverse proxy's where one is trusted, else a new one.

    None outside of a request.
    """
    if not has_request_context():
        return None
    if "request_id" not in g:
        given = request.headers.get(HEADER, "") if current_app.config["TRUSTED_PROXIES"] else ""
        g.request_id = given if _ACCEPTABLE.fullmatch(given) else secrets.token_hex(8)
    return str(g.request_id)


class RequestIdFilter(logging.Filter):
    """Gives every record the number of the request that it belongs to, or a dash."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


def _tell(response: Response) -> Response:
    response.headers[HEADER] = request_id() or ""
    return response
