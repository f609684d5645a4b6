"""How often one client may post a form: counted by client, never by what was posted.

A limit that depended on the address in the form would tell which addresses have accounts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from microblog.web.clients import client_network

FORM_LIMIT = "30 per minute; 300 per hour"


def current_client() -> str:
    """What the posts of one client are counted by."""
    address = get_remote_address()
    return client_network(address) or address


limiter = Limiter(current_client, headers_enabled=False)

View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    limiter.init_app(app)


def limit_posts(view: View) -> View:
    """Limit how often one client may post to this view; looking at it is free."""
    return cast(View, limiter.limit(FORM_LIMIT, methods=["POST"])(view))
