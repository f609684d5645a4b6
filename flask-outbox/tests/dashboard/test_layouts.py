"""The pages in an application's layout, language and address, and its figures for Prometheus."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Blueprint, Flask, request
from flask_babel import Babel
from jinja2 import DictLoader
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from flask_outbox import dashboard
from flask_outbox.outbox.models import Status
from tests.application import make_app
from tests.dashboard.conftest import Operator, enqueue, register_types, words
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer

pytestmark = ON_SQLITE

LAYOUT = """
<title>{% block title %}{% endblock %} - Shop</title>
<h2>{{ _("Mail") }} {{ title }} {{ labels }}</h2>
{% block content %}{% endblock %}<footer>
"""


@pytest.fixture
def app(database_url: str) -> Flask:
    made = make_app(database_url, SECRET_KEY="a secret of the tests")
    register_types(made)
    made.jinja_loader = DictLoader({"shop.html": LAYOUT, "empty.html": "nothing"})
    # What an application calls `_` is its own, and stays so in its layout.
    made.jinja_env.globals["_"] = lambda text: f"the shop's {text}"
    return made


def mount(app: Flask, **options: Any) -> None:
    made = dashboard.blueprint(authorize=lambda: True, **options)
    app.register_blueprint(made, url_prefix="/mail")


def test_a_page_fills_the_blocks_of_the_layout(app: Flask) -> None:
    mount(app, layout="shop.html")
    enqueue(app)
    page = Operator(app).get("/mail/1")
    assert "<title>Message 1 - Shop</title>" in page.text
    assert "<h2>the shop&#39;s Mail Message 1 </h2>" in page.text
    assert "<title>Message 1 - Shop</title>" in page.text
    assert "Suppressed addresses" in words(page)
    assert page.text.rstrip().endswith("<footer>")
    assert "Content-Security-Policy" not in page.headers, "the application knows what it loads"


def test_a_layout_may_have_the_navigation_itself(app: Flask) -> None:
    mount(app, layout="shop.html", navigation=False)
    assert "Suppressed addresses" not in words(Operator(app).get("/mail"))


def test_a_layout_without_the_block_is_refused_in_words(app: Flask) -> None:
    mount(app, layout="empty.html")
    app.testing = True
    with pytest.raises(RuntimeError, match=r"'empty\.html' has no block named 'content'"):
        app.test_client().get("/mail")


def test_the_pages_work_inside_another_blueprint(app: Flask) -> None:
    admin = Blueprint("admin", __name__, url_prefix="/admin")
    admin.register_blueprint(dashboard.blueprint(authorize=lambda: True), url_prefix="/post")
    app.register_blueprint(admin)
    enqueue(app)
    operator = Operator(app)
    assert 'href="/admin/post/1"' in operator.get("/admin/post").text
    assert 'href="/admin/post/1"' in operator.get("/admin/post/").text
    assert "Message cancelled." in words(operator.submit("/admin/post/1/cancel"))
    assert operator.get("/admin/post/static/dashboard.css").status_code == 200


def test_without_a_secret_key_the_pages_can_be_read(app: Flask) -> None:
    app.config["SECRET_KEY"] = None
    mount(app)
    enqueue(app)
    assert Operator(app).get("/mail/1").status_code == 200
    app.testing = True
    with pytest.raises(RuntimeError, match="secret key"):
        app.test_client().get("/mail/1/cancel")


@pytest.mark.parametrize(
    ("language", "title", "waits"),
    [
        ("en", "Message 1", "1 message has been waiting"),
        ("ru", "Письмо 1", "1 письмо ждёт отправки"),
        ("zh_Hant", "信件 1", "1 封信件等待寄送"),
    ],
)
def test_the_pages_are_in_the_readers_language(
    app: Flask, language: str, title: str, waits: str
) -> None:
    mount(app)
    enqueue(app)
    Babel(app, locale_selector=lambda: request.args.get("language", language))
    operator = Operator(app)
    page = operator.get("/mail/1")
    assert f"<title>{title}</title>" in page.text
    assert f'<html lang="{language.replace("_", "-")}">' in page.text
    assert waits in words(operator.get("/mail"))


# Figures for Prometheus


def test_the_figures_are_read_in_any_thread(
    app: Flask, smtp: ScriptedServer, deliver: Callable[[], int]
) -> None:
    for _ in range(2):
        enqueue(app)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(dashboard.collector(app, prefix="shop_mail"))
    read: list[bytes] = []
    thread = threading.Thread(target=lambda: read.append(generate_latest(registry)))
    thread.start()
    thread.join()
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(read[0].decode())
        for sample in family.samples
    }
    assert [row.status for row in rows(app)] == [Status.QUEUED] * 2
    assert samples["shop_mail_waiting", "high", "queued"] == 2
    assert samples["shop_mail_waiting", "low", "deferred"] == 0
    assert samples["shop_mail_ended_total", "shop.news", "sent"] == 0
    assert samples["shop_mail_delivery_seconds_count", "high"] == 0
    assert {name for name, *_ in samples} == {
        "shop_mail_waiting",
        "shop_mail_oldest_seconds",
        "shop_mail_ended_total",
        "shop_mail_delivery_seconds_bucket",
        "shop_mail_delivery_seconds_count",
        "shop_mail_delivery_seconds_sum",
        "shop_mail_domain_messages",
    }


@pytest.mark.usefixtures("database_url")
def test_an_application_without_an_outbox_has_no_figures() -> None:
    with pytest.raises(RuntimeError, match="has no outbox"):
        dashboard.collector(Flask("bare"))


@pytest.mark.usefixtures("database_url")
def test_the_dashboard_needs_no_extra() -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = sys.modules['flask_babel'] = None\n"
        "from flask import Flask\n"
        "from flask_outbox import dashboard\n"
        "dashboard.blueprint(authorize=lambda: True)\n"
        "try: dashboard.collector(Flask('bare'))\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "flask-outbox[prometheus]"' in done.stdout
