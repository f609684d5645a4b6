"""Comparison of two responses that nobody may tell apart."""

from __future__ import annotations

import re

from werkzeug.test import TestResponse


def comparable(answer: TestResponse) -> tuple[str, list[tuple[str, str]], str]:
    """Status, headers and body without the values of cookies and CSRF tokens.

    These are random and compressed: even their lengths differ by chance.
    """
    headers = [
        (name, _hidden(value, r"(?<==)[^;]+"))
        for name, value in answer.headers
        if name != "X-Request-ID"
    ]
    body = _hidden(
        answer.get_data(as_text=True), r'(?<=name="csrf_token" type="hidden" value=")[^"]+'
    )
    return answer.status, headers, body


def _hidden(text: str, secret: str) -> str:
    return re.sub(secret, "***", text, count=1)
