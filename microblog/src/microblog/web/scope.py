"""The origin, moment and language of a request, which pages and commands pass to actions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import g, has_request_context

from microblog.database import utc_now
from microblog.web.clients import RequestOrigin, current_origin
from microblog.web.languages import current_language


@dataclass(frozen=True, slots=True)
class Scope:
    """Where something is done from, when, and in which language.

    A request or a command has one scope and passes it down, so that all of it has one moment.
    """

    origin: RequestOrigin
    now: datetime
    locale: str


def current_scope() -> Scope:
    """The scope of this request, made by the first call; outside a request, a new one."""
    if not has_request_context():
        return _scope()
    if "scope" not in g:
        g.scope = _scope()
    scope: Scope = g.scope
    return scope


def _scope() -> Scope:
    return Scope(current_origin(), utc_now(), current_language())
