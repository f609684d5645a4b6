"""Limits on how often one client may post forms or search, counted by client and never by what is
posted.

A limit by the email address in the form would reveal which addresses have accounts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Blueprint, Flask, request
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_qualified_name, get_remote_address

from flask_outbox.outage import Outage
from microblog.web.clients import client_network, client_site

FORM_LIMIT = "30 per minute; 300 per hour"

SITE_LIMIT = "300 per minute; 3000 per hour"
"""For all networks together that one client may have."""

READING_LIMIT = "60 per minute; 1000 per hour"
"""For pages that cost more than others: more than a person opens, less than a program that copies
the site."""

STORE_SECONDS = 0.5
"""A store that is away must not delay the page that notices."""

logger = logging.getLogger(__name__)


def current_client() -> str:
    """The key by which the posts of one client are counted."""
    address = get_remote_address()
    return client_network(address) or address


def current_site() -> str:
    """The key by which the posts from all networks of one client are counted."""
    address = get_remote_address()
    return client_site(address) or address


class FallbackLimiter(Limiter):
    """A limiter that counts in this process's memory while the store of the counts is away.

    Flask-Limiter does so too, and tries the store again after 1, 2, 4… up to 32 seconds. But of
    requests that notice the outage at the same moment, all except the first would fail.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, in_memory_fallback_enabled=True, **kwargs)

    def init_app(self, app: Flask) -> None:
        self._storage_dead = False
        self._outage = Outage(
            logger,
            "The store of the rate limits is away: each process counts for itself meanwhile.",
            "The store of the rate limits is back.",
        )
        super().init_app(app)

    def is_store_away(self) -> bool:
        """Ask the store of the counts; return whether it does not answer."""
        return self.enabled and not self.storage.check()

    def _check_request_limit(
        self, callable_name: str | None = None, in_middleware: bool = True
    ) -> None:
        if request.method != "POST" and callable_name not in _limited_reading:
            # No limit concerns it; Flask-Limiter would find that out from each of them.
            return
        try:
            super()._check_request_limit(callable_name, in_middleware)
        except RateLimitExceeded:
            raise
        except Exception:
            if not self._storage_dead:
                raise
            super()._check_request_limit(callable_name, in_middleware)
        finally:
            if self._storage_dead:
                self._outage.began()
            else:
                self._outage.ended()


_limited_reading: set[str] = set()
"""The names of the views that `limit_reading` got, as Flask-Limiter has them."""

limiter = FallbackLimiter(current_client, headers_enabled=False)

View = TypeVar("View", bound=Callable[..., Any])


def init_app(app: Flask) -> None:
    if app.config["RATELIMIT_STORAGE_URI"].startswith("redis"):
        app.config["RATELIMIT_STORAGE_OPTIONS"] = _redis_options()
    limiter.init_app(app)


def limit_posts(view: View) -> View:
    """Limit how often one client may post to this view; GET requests do not count."""
    by_client, by_site = _limits()
    return cast(View, by_site(by_client(view)))


def limit_reading(view: View) -> View:
    """Limit how often one client may open this view."""
    _limited_reading.add(get_qualified_name(view))
    return cast(View, limiter.limit(READING_LIMIT, methods=["GET", "HEAD"])(view))


def limit_posts_to(blueprint: Blueprint) -> None:
    """Limit how often one client may post to each view of a blueprint."""
    for limit in _limits():
        limit(blueprint)


def _limits() -> tuple[Any, Any]:
    by_client = limiter.limit(FORM_LIMIT, methods=["POST"])
    by_site = limiter.limit(SITE_LIMIT, key_func=current_site, methods=["POST"])
    return by_client, by_site


def _redis_options() -> dict[str, Any]:
    """Options for a Redis client that gives up soon; by default it retries for half a minute."""
    # Redis is an extra, which a site on one machine does not need.
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    return {
        "socket_connect_timeout": STORE_SECONDS,
        "socket_timeout": STORE_SECONDS,
        "retry": Retry(NoBackoff(), 0),
    }
