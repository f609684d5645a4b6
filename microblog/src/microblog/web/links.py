"""Addresses of pages, for mail and redirects."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, current_app, has_request_context, request, url_for
from markupsafe import Markup

DEFAULT_PUBLIC_URL = "http://localhost:5000"

ADDRESSES_MAXIMUM = 256
"""How many addresses are kept: more than there are pages without arguments, and static files."""


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(
        aria_current=aria_current,
        page_url=page_url,
        public_link=public_link,
        site_address=site_address,
        url_for=_kept_addresses(),
    )


_CURRENT, _OTHER = Markup(' aria-current="page"'), Markup("")


def aria_current(endpoint: str) -> Markup:
    """The attribute that marks a link to the current page for screen readers."""
    return _CURRENT if request.endpoint == endpoint else _OTHER


def public_link(endpoint: str, **values: object) -> str:
    """Build an absolute address for mail, from PUBLIC_URL and never from the request.

    A forged Host header changes nothing about it (CWE-640).
    """
    base = current_app.config["PUBLIC_URL"] or DEFAULT_PUBLIC_URL
    path = current_app.url_map.bind("", script_name="/").build(endpoint, values)
    return f"{base}{path}"


def site_address() -> str:
    """The address of the site as people read it, such as microblog.example."""
    return public_link("index").partition("://")[2].rstrip("/")


def page_url(**begin: int) -> str:
    """The address of another page of the current list."""
    values: dict[str, Any] = {**(request.view_args or {}), **begin}
    return url_for(request.endpoint or "index", **values)


def parse_id(text: str | None) -> int | None:
    """Read the id of a row from an address's arguments; None if it is not one."""
    if text and text.isascii() and text.isdigit() and len(text) < 10:
        return int(text)
    return None


def home() -> str:
    """The path of the first page."""
    return url_for("index")


def safe_next(target: str | None) -> str:
    """Where to go after a log-in: `target` if it is a path of this site, else the first page."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return home()
    if "\\" in target or not target.isprintable():
        return home()
    return target


def _kept_addresses() -> Callable[..., str]:
    """Flask's `url_for`, which keeps what is the same on every page below one path."""

    @lru_cache(ADDRESSES_MAXIMUM)
    def kept(_below: str, endpoint: str, **values: Any) -> str:
        return url_for(endpoint, **values)

    def address(endpoint: str, **values: Any) -> str:
        is_file = endpoint == "static" and values.keys() == {"filename"}
        has_values = any(value is not None for value in values.values()) and not is_file
        if not has_request_context() or endpoint.startswith(".") or has_values:
            return url_for(endpoint, **values)
        return kept(request.root_path, endpoint, **values)

    return address
