"""Scopes for tests that call rules without a request."""

from __future__ import annotations

from datetime import datetime

import pytest

from microblog.database import utc_now
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope

HERE = RequestOrigin("Firefox on Linux", "203.0.113.0/24")


def scope_at(now: datetime, origin: RequestOrigin = HERE) -> Scope:
    """A scope at this moment, in English."""
    return Scope(origin, now, "en")


def scope_now() -> Scope:
    return scope_at(utc_now())


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Make every request begin at this moment."""
    monkeypatch.setattr("microblog.web.scope.utc_now", lambda: moment)
