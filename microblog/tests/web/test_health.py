"""Health checks: /healthz, /readyz, and the metrics about readiness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text, update

from flask_outbox import current_outbox
from flask_outbox.operations import backlog
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.outbox.wakeup import WakeupListener, listener_of
from microblog.database import transaction
from microblog.web import readiness as readiness_module
from tests.constants import Make
from tests.visitor import ON_SQLITE, Visitor


@pytest.fixture
def listener(app: Flask) -> Iterator[WakeupListener]:
    """A wake-up listener, as a running dispatcher has one."""
    with app.app_context():
        wakeup = current_outbox().wakeup
    with listener_of(wakeup) as listening:
        yield listening


def readiness(app: Flask) -> tuple[int, str, list[str] | str]:
    """The response's code, its status, and the reason or the degraded parts."""
    answer = app.test_client().get("/readyz")
    body = answer.get_json()
    return answer.status_code, body["status"], body.get("degraded", body.get("reason"))


@pytest.mark.usefixtures("listener")
def test_a_healthy_site_is_ready(app: Flask) -> None:
    answer = app.test_client().get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    assert "Set-Cookie" not in answer.headers
    answer = app.test_client().get("/readyz")
    well = {"status": "ok", "degraded": [], "says": []}
    assert (answer.status_code, answer.get_json()) == (200, well)
    assert "Set-Cookie" not in answer.headers


def test_a_read_only_database_makes_the_site_unavailable(
    make_app: Make, database_url: str, tmp_path: Path
) -> None:
    """A replica, a file of another user, a provider's database that is full."""
    if database_url.startswith("sqlite"):
        read_only = f"sqlite:///file:{tmp_path}/site.db?mode=ro&uri=true"
    else:
        read_only = f"{database_url}?options=-c%20default_transaction_read_only%3Don"
    assert readiness(make_app(DATABASE_URL=read_only)) == (503, "unavailable", "database")


@ON_SQLITE
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alembic_version SET version_num = '0001'",
        "UPDATE alembic_version SET version_num = 'of tomorrow'",
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
    ],
    ids=["older", "newer", "none", "nothing at all"],
)
def test_a_schema_of_another_version_makes_the_site_unavailable(app: Flask, statement: str) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(text(statement))
    assert readiness(app) == (503, "unavailable", "schema")


@ON_SQLITE
def test_a_dead_dispatcher_is_reported_until_it_returns(
    app: Flask, listener: WakeupListener
) -> None:
    assert readiness(app) == (200, "ok", [])
    assert not listener.wait(0), "asking is not ringing"
    listener.__exit__(None, None, None)
    assert readiness(app) == (200, "degraded", ["dispatcher"])
    with listener:
        assert readiness(app) == (200, "ok", [])


@pytest.mark.usefixtures("listener")
def test_mail_that_nobody_delivers_is_reported(app: Flask, deliver: Callable[[], int]) -> None:
    """That is how the death of all workers shows, wherever they run."""
    Visitor(app).ask_for_reset("nobody@example.com")
    assert readiness(app) == (200, "ok", [])
    long_ago = OutboxMessage.due_at - backlog.STUCK_SECONDS - 1
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(due_at=long_ago))
    assert readiness(app) == (200, "degraded", ["mail"])
    deliver()
    Visitor(app).ask_for_reset("nobody@example.com")
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(due_at=long_ago))
    assert readiness(app) == (200, "ok", []), "a queue is long, but moves"


@ON_SQLITE
@pytest.mark.usefixtures("listener")
def test_a_lost_store_of_rate_limits_is_reported(make_app: Make) -> None:
    away = make_app(RATELIMIT_ENABLED=True, RATELIMIT_STORAGE_URI="redis://127.0.0.1:1/0")
    assert readiness(away) == (200, "degraded", ["rate_limits"])


@ON_SQLITE
@pytest.mark.usefixtures("listener")
def test_a_nearly_full_disk_is_reported(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness_module, "FULL_SHARE", 2.0)
    monkeypatch.setattr(readiness_module, "FULL_BYTES", 10**30)
    assert readiness(app) == (200, "degraded", ["disk"])


@ON_SQLITE
@pytest.mark.usefixtures("listener")
def test_a_probe_writes_nothing_and_waits_for_no_writer(app: Flask, tmp_path: Path) -> None:
    assert readiness(app) == (200, "ok", [])

    def files() -> dict[str, bytes]:
        return {one.name: one.read_bytes() for one in tmp_path.glob("site.db*")}

    before = {name: data for name, data in files().items() if not name.endswith("-shm")}
    with app.app_context(), transaction():
        answer = app.test_client().get("/readyz")
    assert answer.status_code == 200
    after = {name: data for name, data in files().items() if not name.endswith("-shm")}
    assert after == before


@ON_SQLITE
def test_metrics_report_the_same(make_app: Make, app: Flask) -> None:
    site = make_app(demo=True)
    said = site.test_client().get("/metrics").get_data(as_text=True)
    assert "microblog_ready 1.0" in said
    assert 'microblog_degraded{part="dispatcher"} 1.0' in said
    assert 'microblog_degraded{part="disk"} 0.0' in said
    broken = make_app(demo=True, DATABASE_URL="sqlite:////nowhere/at/all/site.db")
    answer = broken.test_client().get("/metrics")
    assert answer.status_code == 200
    assert "microblog_ready 0.0" in answer.get_data(as_text=True)


@pytest.fixture(params=["a server that does not answer", "a folder that does not exist"])
def without_database(request: pytest.FixtureRequest, make_app: Make) -> Flask:
    url = {
        "a server that does not answer": "postgresql://nobody:secret@127.0.0.1:1/nothing",
        "a folder that does not exist": "sqlite:////nowhere/at/all/site.db",
    }[request.param]
    site: Flask = make_app(DATABASE_URL=url)
    return site


@ON_SQLITE
def test_a_site_without_its_database_is_alive_but_not_ready(without_database: Flask) -> None:
    client = without_database.test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert answer.status_code == 503
    body = answer.get_json()
    assert (body["status"], body["reason"]) == ("unavailable", "database")
    assert "cannot be reached" in body["says"]
    assert "secret" not in answer.get_data(as_text=True)


@ON_SQLITE
def test_a_site_is_ready_again_when_its_database_is(make_app: Make, database_url: str) -> None:
    """Nothing is remembered of the failure: each check is a new one."""
    broken = make_app(DATABASE_URL="sqlite:////nowhere/at/all/site.db").test_client()
    well = make_app(DATABASE_URL=database_url).test_client()
    assert [one.get("/readyz").status_code for one in (broken, well, broken)] == [503, 200, 503]


@ON_SQLITE
def test_probes_need_no_log_in_and_meet_no_rate_limit(make_app: Make) -> None:
    client = make_app(RATELIMIT_ENABLED=True).test_client()
    assert {client.get("/healthz").status_code for _ in range(50)} == {200}
    assert {client.head("/readyz").status_code for _ in range(50)} == {200}


@ON_SQLITE
def test_a_probe_with_a_cookie_asks_no_database(make_app: Make, app: Flask) -> None:
    visitor = Visitor(make_app(DATABASE_URL="sqlite:////nowhere/at/all/site.db"))
    visitor.client.set_cookie("microblog_remember", "somebody|" + "0" * 128)
    assert visitor.client.get("/healthz").status_code == 200
