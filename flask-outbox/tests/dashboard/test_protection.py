"""Strangers get nothing, foreign pages press no button, and hostile text stays text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask, abort, redirect
from flask_wtf.csrf import CSRFProtect
from jinja2 import StrictUndefined

from flask_outbox import dashboard
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.models import Status
from tests.application import make_app, transaction
from tests.dashboard.conftest import NOW, Operator, enqueue, register_types, words, write
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows

pytestmark = ON_SQLITE

SCRIPT = "<script>alert(1)</script>"
ADDRESSES = [
    ("GET", "/mail"),
    ("GET", "/mail/1"),
    ("GET", "/mail/1/retry"),
    ("POST", "/mail/1/retry"),
    ("POST", "/mail/1/cancel"),
    ("GET", "/mail/suppressed"),
    ("GET", "/mail/suppressed/lift?address=susan@example.com"),
    ("POST", "/mail/suppressed/lift"),
    ("GET", "/mail/suppressed/add"),
    ("POST", "/mail/suppressed/add"),
    ("GET", "/mail/feedback"),
    ("GET", "/mail/feedback/1"),
    ("POST", "/mail/feedback/1"),
    ("GET", "/mail/static/dashboard.css"),
]


def mounted(url: str, authorize: Callable[[], Any], **options: Any) -> Flask:
    app = make_app(url, SECRET_KEY="a secret of the tests")
    app.register_blueprint(dashboard.blueprint(authorize=authorize, **options), url_prefix="/mail")
    register_types(app)
    return app


# Who may look


@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_a_stranger_gets_nothing(database_url: str, method: str, address: str) -> None:
    app = mounted(database_url, lambda: False)
    enqueue(app)
    client = app.test_client()
    answer = client.open(address, method=method)
    nowhere = client.open("/nowhere", method=method)
    assert (answer.status_code, answer.text) == (404, nowhere.text)
    assert [row.status for row in rows(app)] == [Status.QUEUED]


@pytest.mark.parametrize(
    ("answer", "status"),
    [(lambda: abort(403), 403), (lambda: abort(redirect("/login")), 302)],
)
def test_authorize_may_answer_itself(
    database_url: str, answer: Callable[[], Any], status: int
) -> None:
    got = mounted(database_url, answer).test_client().get("/mail")
    assert got.status_code == status


@pytest.mark.parametrize("nothing", [None, 0, ""])
def test_what_is_not_true_lets_nobody_in(database_url: str, nothing: object) -> None:
    assert mounted(database_url, lambda: nothing).test_client().get("/mail").status_code == 404


@pytest.mark.parametrize("wrong", [lambda: "yes", lambda: 1, object])
def test_what_only_looks_true_lets_nobody_in(database_url: str, wrong: Callable[[], Any]) -> None:
    app = mounted(database_url, wrong)
    assert app.test_client().get("/mail").status_code == 500
    app.testing = True
    with pytest.raises(TypeError, match="authorize must return True or False, not"):
        app.test_client().get("/mail")


@pytest.mark.usefixtures("database_url")
def test_authorize_is_required_and_a_function() -> None:
    with pytest.raises(TypeError, match="authorize"):
        dashboard.blueprint()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="authorize must be a function"):
        dashboard.blueprint(authorize=True)  # type: ignore[arg-type]


def test_pages_are_not_cached_and_not_framed(operator: Operator) -> None:
    for address in ("/mail", "/mail/7"):
        headers = operator.get(address).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "no-store" not in operator.get("/mail/static/dashboard.css").headers["Cache-Control"]


# Forms of other sites


@pytest.mark.parametrize("token", ["", "nonsense", ".", "ä.ö", "0" * 32 + "." + "0" * 64])
@pytest.mark.parametrize(
    "address",
    [
        "/mail/1/retry",
        "/mail/1/cancel",
        "/mail/suppressed/lift",
        "/mail/suppressed/add",
        "/mail/feedback/1",
    ],
)
@pytest.mark.parametrize("has_session", [True, False])
def test_a_form_without_its_token_is_refused(
    app: Flask, operator: Operator, address: str, token: str, has_session: bool
) -> None:
    enqueue(app)
    if has_session:
        operator.csrf_token("/mail/1/cancel")
    answer = operator.client.post(address, data={"csrf_token": token})
    assert answer.status_code == 400
    assert "another site sent it" in words(answer)
    assert [row.status for row in rows(app)] == [Status.QUEUED]


def test_a_token_counts_in_its_own_session_only(app: Flask, operator: Operator) -> None:
    enqueue(app)
    stolen = Operator(app).csrf_token("/mail/1/cancel")
    operator.csrf_token("/mail/1/cancel")
    assert operator.submit("/mail/1/cancel", token=stolen).status_code == 400
    first, second = (operator.csrf_token("/mail/1/cancel") for _ in range(2))
    assert first != second, "what is the same in each page can be guessed from its compressed size"
    assert "Message cancelled." in words(operator.submit("/mail/1/cancel", token=first))


@pytest.mark.parametrize("method", ["HEAD", "GET", "OPTIONS"])
@pytest.mark.parametrize("address", ["/mail/1/retry", "/mail/1/cancel"])
def test_nothing_but_a_post_changes_anything(
    app: Flask, operator: Operator, address: str, method: str
) -> None:
    status = Status.DEAD if "retry" in address else Status.QUEUED
    write(app, {"status": status, "settled_at": None})
    operator.client.open(address, method=method)
    assert [row.status for row in rows(app)] == [status]


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_nothing_but_a_post_lifts_a_suppression(
    app: Flask, operator: Operator, method: str
) -> None:
    with app.app_context(), transaction() as writing:
        suppressions.suppress(writing, [("susan@example.com", "550 5.1.1")], now=NOW)
    lift = "/mail/suppressed/lift?address=susan@example.com"
    operator.client.open(lift, method=method)
    assert "Allow this address?" in words(operator.get(lift))


@pytest.mark.parametrize("is_exempt", [False, True])
def test_the_applications_own_protection_is_used_and_cannot_be_forgotten(
    app: Flask, operator: Operator, is_exempt: bool
) -> None:
    protect = CSRFProtect(app)
    if is_exempt:
        protect.exempt(app.blueprints["outbox"])
    enqueue(app)
    assert operator.client.post("/mail/1/cancel").status_code == 400
    assert operator.submit("/mail/1/cancel", token="nonsense").status_code == 400
    assert [row.status for row in rows(app)] == [Status.QUEUED]
    assert "Message cancelled." in words(operator.submit("/mail/1/cancel"))


@pytest.mark.parametrize(
    "setting", [{"WTF_CSRF_ENABLED": False}, {"WTF_CSRF_METHODS": {"PUT"}}], ids=str
)
def test_where_the_applications_protection_is_off_ours_is_on(
    app: Flask, operator: Operator, setting: dict[str, Any]
) -> None:
    CSRFProtect(app)
    app.config.update(setting)
    enqueue(app)
    assert operator.client.post("/mail/1/cancel").status_code == 400
    operator.submit("/mail/1/cancel", token="nonsense")
    assert [row.status for row in rows(app)] == [Status.QUEUED]


# Hostile text


def test_what_servers_and_strangers_say_is_text(app: Flask, operator: Operator) -> None:
    entry = {"attempt": 1, "at": NOW, "status": "dead", "answer": f"550 {SCRIPT}"}
    hostile = {
        "recipient": f'"{SCRIPT}"@example.com',
        "kind": SCRIPT,
        "message_id": f"<{SCRIPT}@example.com>",
        "status": Status.DEAD,
        "history": [entry],
        "answer": entry["answer"],
    }
    write(app, hostile, {**hostile, "status": Status.QUEUED, "settled_at": None})
    with app.app_context(), transaction() as writing:
        writing.execute(
            suppressions.Suppression.__table__.insert(),  # type: ignore[attr-defined]
            {"address_key": "susan@example.com", "reason": SCRIPT, "since": NOW},
        )
    lift = "/mail/suppressed/lift?address=susan@example.com"
    searches = [f"/mail?{name}={quote(SCRIPT)}" for name in ("address", "kind", "since", "status")]
    paths = ["/mail", "/mail/1", "/mail/2/cancel", "/mail/suppressed", lift, *searches]
    for path in paths:
        page = operator.get(path)
        assert page.status_code == 200
        assert "alert(1)" in page.text, f"{path} does not show it"
        assert "<script" not in page.text


@pytest.mark.parametrize("where", ["//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_no_answer_leads_elsewhere(app: Flask, operator: Operator, where: str) -> None:
    write(app, *[{}] * 60)
    asked = f"next={quote(where)}&_external=1&_scheme=javascript&_anchor=x&address={quote(where)}"
    page = operator.get(f"/mail?{asked}")
    links = re.findall(r'(?:href|action)="([^"]*)"', page.text)
    assert links
    assert all(re.match(r"/mail(?:[/?]|$)", link) for link in links)
    lifted = operator.client.get(f"/mail/suppressed/lift?{asked}")
    assert lifted.headers["Location"] == "/mail/suppressed"


def test_the_arguments_of_a_message_are_not_shown(app: Flask, operator: Operator) -> None:
    write(app, {"arguments": {"token": "a secret argument"}, "status": Status.DEAD})
    for path in ("/mail", "/mail/1", "/mail/1/retry"):
        assert "a secret argument" not in operator.get(path).text


def test_an_environment_that_forbids_undefined_names_is_no_trouble(
    app: Flask, operator: Operator
) -> None:
    app.jinja_env.undefined = StrictUndefined
    enqueue(app)
    paths = ("/mail", "/mail?since=x", "/mail/1", "/mail/1/cancel", "/mail/suppressed")
    for path in (*paths, "/mail/suppressed/add", "/mail/feedback"):
        assert operator.get(path).status_code == 200
