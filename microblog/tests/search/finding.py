"""Searching in tests: the page, the posts on it, and what is marked in them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote

from werkzeug.test import TestResponse

from tests.visitor import Visitor


def search(visitor: Visitor, typed: str, kind: str = "all", **more: Any) -> TestResponse:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    page = visitor.get(f"/search?q={quote(typed)}&kind={kind}{extra}")
    assert page.status_code == 200
    return page


def found(visitor: Visitor, typed: str, kind: str = "posts", **more: Any) -> list[str]:
    """The texts of the posts on the page."""
    html = search(visitor, typed, kind, **more).get_data(as_text=True)
    bodies = re.findall(r'(?s)<p class="post-body"[^>]*>(.*?)</p>', html)
    return [unescape(re.sub(r"<[^>]+>", "", body)) for body in bodies]


def marks(visitor: Visitor, typed: str) -> list[str]:
    html = search(visitor, typed, "posts").get_data(as_text=True)
    return [unescape(one) for one in re.findall(r"<mark>(.*?)</mark>", html)]
