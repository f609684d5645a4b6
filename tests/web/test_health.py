"""What those who watch over the site are told."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.conftest import Make
from tests.visitor import ON_SQLITE, Visitor


def test_a_site_that_is_well_says_so(app: Flask) -> None:
    for path in ("/healthz", "/readyz"):
        answer = app.test_client().get(path)
        assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
        assert "Set-Cookie" not in answer.headers


@pytest.fixture(params=["a server that does not answer", "a folder that does not exist"])
def without_database(request: pytest.FixtureRequest, make_app: Make) -> Flask:
    url = {
        "a server that does not answer": "postgresql://nobody:secret@127.0.0.1:1/nothing",
        "a folder that does not exist": "sqlite:////nowhere/at/all/site.db",
    }[request.param]
    site: Flask = make_app(DATABASE_URL=url)
    return site


@ON_SQLITE
def test_a_site_without_its_database_lives_but_is_not_ready(without_database: Flask) -> None:
    client = without_database.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json() == {"status": "the database cannot be reached"}
    assert "secret" not in answer.get_data(as_text=True)


@ON_SQLITE
def test_a_site_is_ready_again_when_its_database_is(make_app: Make, database_url: str) -> None:
    """Nothing of the failure is kept: the next look is a new one."""
    broken = make_app(DATABASE_URL="sqlite:////nowhere/at/all/site.db").test_client()
    well = make_app(DATABASE_URL=database_url).test_client()
    assert [one.get("/readyz").status_code for one in (broken, well, broken)] == [503, 200, 503]


@ON_SQLITE
def test_whoever_watches_is_never_asked_to_log_in_or_to_wait(make_app: Make) -> None:
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    assert {client.get("/healthz").status_code for _ in range(50)} == {200}
    assert {client.head("/readyz").status_code for _ in range(50)} == {200}


@ON_SQLITE
def test_a_watchers_cookie_is_no_reason_to_ask_the_database(make_app: Make, app: Flask) -> None:
    visitor = Visitor(make_app(DATABASE_URL="sqlite:////nowhere/at/all/site.db"))
    visitor.client.set_cookie("microblog_remember", "somebody|" + "0" * 128)
    assert visitor.client.get("/healthz").status_code == 200
