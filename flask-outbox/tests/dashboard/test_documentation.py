"""The applications in docs/dashboard.md run as they are written there."""

from __future__ import annotations

import base64
import logging
import re
from pathlib import Path
from types import ModuleType

import pytest
from flask import Flask
from flask_login import LoginManager, login_user
from jinja2 import DictLoader
from prometheus_client import generate_latest

from flask_outbox import schema
from flask_outbox.outbox.models import Status
from tests.application import make_app
from tests.dashboard.conftest import Operator, enqueue, register_types, words
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows

pytestmark = ON_SQLITE

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "dashboard.md").read_text()


def code(name: str) -> str:
    """The block that begins with a comment of this name."""
    found = re.search(rf"```\w+\n(?:# |<!-- ){re.escape(name)}(?: -->)?\n(.*?)```", PAGE, re.DOTALL)
    assert found, f"docs/dashboard.md has no {name}"
    return found[1]


def run(name: str) -> ModuleType:
    module = ModuleType(name.removesuffix(".py"))
    exec(compile(code(name), name, "exec"), vars(module))
    return module


def test_one_password_opens_the_pages(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret of the tests")
    monkeypatch.setenv("DASHBOARD_PASSWORD", "open, sésame")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'shop.db'}")
    shop = run("app.py")
    app: Flask = shop.app
    with app.app_context():
        shop.db.create_all()
        schema.check(shop.db.session.connection())
        shop.outbox.send_email("Hello", None, ["susan@example.com"], "Hello.")
        shop.db.session.commit()
    figures = generate_latest(run("figures.py").registry_of(app)).decode()
    assert 'outbox_waiting{lane="normal",status="queued"} 1.0' in figures
    assert app.test_client().get("/mail").status_code == 401
    for password, status in (("wrong", 404), ("", 404), ("open, sésame", 200)):
        given = base64.b64encode(f"anybody:{password}".encode()).decode()
        operator = Operator(app)
        operator.client.environ_base["HTTP_AUTHORIZATION"] = f"Basic {given}"
        assert operator.get("/mail").status_code == status, password
    assert "susan@example.com" in words(operator.get("/mail"))
    assert "Message cancelled." in words(operator.submit("/mail/1/cancel"))
    with app.app_context():
        shop.db.engine.dispose()


@pytest.fixture
def shop(database_url: str) -> Flask:
    """An application with a log-in, into which the documented blueprint is put."""
    app = make_app(database_url, SECRET_KEY="a secret of the tests")
    app.jinja_loader = DictLoader({"base.html": code("templates/base.html")})
    register_types(app)
    manager = LoginManager(app)

    class User:
        is_authenticated = is_active = True

        def __init__(self, name: str) -> None:
            self.name = name
            self.is_staff = name == "alice"

        def get_id(self) -> str:
            return self.name

    manager.user_loader(User)
    app.add_url_rule("/login", "login", lambda: "Who are you?")
    app.add_url_rule("/login/<name>", "come", lambda name: str(login_user(User(name))))
    app.register_blueprint(run("staff.py").mail, url_prefix="/staff/mail")
    return app


def test_staff_see_the_pages_in_the_layout(shop: Flask, caplog: pytest.LogCaptureFixture) -> None:
    enqueue(shop)
    operator = Operator(shop)
    assert operator.client.get("/staff/mail").headers["Location"] == "/login"
    operator.get("/login/bob")
    assert operator.get("/staff/mail").status_code == 404
    operator.get("/login/alice")
    page = operator.get("/staff/mail/1")
    assert "Shop, as alice" in words(page)
    assert "<title>Message 1 - Shop</title>" in page.text
    with caplog.at_level(logging.INFO, "shop.staff"):
        operator.submit("/staff/mail/1/cancel")
    assert rows(shop)[0].status == Status.CANCELLED
    assert "alice cancelled message 1 (shop.reset)" in caplog.text


def test_the_figures_are_those_of_the_page(shop: Flask) -> None:
    enqueue(shop)
    figures = generate_latest(run("figures.py").registry_of(shop)).decode()
    assert 'outbox_waiting{lane="high",status="queued"} 1.0' in figures
    documented = set(re.findall(r"`(outbox_\w+)\{", PAGE))
    assert documented == {
        "outbox_waiting",
        "outbox_oldest_seconds",
        "outbox_ended_total",
        "outbox_delivery_seconds",
        "outbox_domain_messages",
    }
    for name in documented:
        assert re.search(rf"(?m)^(?:# TYPE )?{name}", figures)
