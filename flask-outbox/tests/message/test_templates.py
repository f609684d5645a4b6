"""Emails from the templates of any Jinja environment."""

from __future__ import annotations

import sys

import pytest
from flask import Flask
from jinja2 import DictLoader, Environment, TemplateNotFound, select_autoescape

from flask_outbox import Email, MissingExtraError, email_from_templates
from flask_outbox.message.templates import render_email

LAYOUT = """<html><head><title>{{ subject }}</title><style>p { color: red }</style></head>
<body><!-- content --></body></html>"""

TEMPLATES = {
    "emails/layout.html": LAYOUT,
    "order.subject.txt": "Your order\nof {{ goods }}\n",
    "order.txt": "\n\nThank you for {{ goods }}.\n\n",
    "order.html": "<p>Thank you for {{ goods }}.</p>",
    "plain.subject.txt": "Plain",
    "plain.txt": "Only text, from {{ shop }}.",
}


def environment(**changes: str) -> Environment:
    return Environment(loader=DictLoader(TEMPLATES | changes), autoescape=select_autoescape())


def order(made: Environment) -> Email:
    return render_email(made, "order", {"goods": "a <kettle>"}, to="susan@example.com")


def test_siblings_make_one_email() -> None:
    email = order(environment())
    assert email.subject == "Your order of a <kettle>"
    assert email.text == "Thank you for a <kettle>.\n"
    assert email.html is not None
    assert '<p style="color: red;">Thank you for a &lt;kettle&gt;.</p>' in email.html
    assert "<title>Your order of a &lt;kettle&gt;</title>" in email.html
    assert [one.mailbox for one in email.to] == ["susan@example.com"]


def test_without_the_html_sibling_there_is_text_alone() -> None:
    email = render_email(environment(), "plain", {"shop": "us"}, to="susan@example.com")
    assert (email.text, email.html) == ("Only text, from us.\n", None)


def test_environments_do_not_share_templates() -> None:
    first, second = environment(), environment(**{"order.html": "<p>Another</p>"})
    assert "Thank you" in (order(first).html or "")
    assert "Another" in (order(second).html or "")


def test_a_template_is_read_again_only_if_the_environment_says_so() -> None:
    templates = dict(TEMPLATES)
    made = Environment(loader=DictLoader(templates), auto_reload=False)
    assert "Thank you" in (order(made).html or "")
    templates["order.html"] = "<p>Changed</p>"
    assert "Thank you" in (order(made).html or "")
    made.auto_reload = True
    assert "Changed" in (order(made).html or "")


def test_a_missing_layout_is_named() -> None:
    templates = {name: text for name, text in TEMPLATES.items() if name != "emails/layout.html"}
    with pytest.raises(TemplateNotFound, match=r"emails/layout\.html"):
        order(Environment(loader=DictLoader(templates)))


def test_an_application_gives_its_context_processors() -> None:
    app = Flask("shop")
    app.jinja_loader = DictLoader(TEMPLATES)
    app.context_processor(lambda: {"shop": "the shop", "goods": "nothing"})
    with app.app_context():
        plain = email_from_templates("plain", to="susan@example.com", sender="shop@example.com")
        ordered = email_from_templates("order", to="susan@example.com", goods="tea")
    assert plain.text == "Only text, from the shop.\n"
    assert str(plain.sender) == "shop@example.com"
    assert ordered.subject == "Your order of tea"


def test_html_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    assert render_email(environment(), "plain", {}, to="susan@example.com").html is None
    with pytest.raises(MissingExtraError, match=r'pip install "flask-outbox\[html\]"'):
        order(environment())
