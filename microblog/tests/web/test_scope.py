"""Who asks, when, and in which language."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from microblog.database import utc_now
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope, current_scope
from tests.scopes import set_clock
from tests.visitor import ON_SQLITE


@ON_SQLITE
def test_a_request_has_one_scope(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = utc_now()
    set_clock(monkeypatch, begin)
    headers = {"User-Agent": "curl/8.0", "Accept-Language": "ru"}
    with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": "203.0.113.77"}):
        scope = current_scope()
        assert scope == Scope(RequestOrigin("curl", "203.0.113.0/24"), begin, "ru")
        set_clock(monkeypatch, begin + timedelta(seconds=1))
        assert current_scope() is scope
    with app.test_request_context():
        assert current_scope().now == begin + timedelta(seconds=1)


@ON_SQLITE
def test_outside_of_a_request_each_scope_has_its_own_moment(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        for moment in (utc_now(), utc_now() + timedelta(days=1)):
            set_clock(monkeypatch, moment)
            assert current_scope() == Scope(RequestOrigin(), moment, "en")
