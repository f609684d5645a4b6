"""Comparison of two responses that nobody may tell apart."""

from __future__ import annotations

import re

from werkzeug.test import TestResponse

_CSRF_TOKEN = (
    r'(?<=name="csrf_token" type="hidden" value=")[^"]+|(?<=name="csrf_token" value=")[^"]+'
)
_DRAWN_AVATAR = r'<span class="avatar.*?</span>'
_READER = r'(?<=data-reader=")\d+'


def comparable(answer: TestResponse, typed: str = "") -> tuple[str, list[tuple[str, str]], str]:
    """Status, headers and body without cookies, CSRF tokens, drawn avatars, the reader's id, and
    what was typed.

    Cookies and tokens are random and compressed: even their lengths differ by chance. A
    Content-Length counts what was typed. An avatar shows a letter of the name.
    """
    headers = [
        (name, re.sub(r"(?<==)[^;]+", "***", value, count=1))
        for name, value in answer.headers
        if name not in {"X-Request-ID", "Content-Length" if typed else ""}
    ]
    body = re.sub(f"{_CSRF_TOKEN}|{_DRAWN_AVATAR}|{_READER}", "***", answer.get_data(as_text=True))
    return answer.status, headers, body.replace(typed, "TYPED") if typed else body
