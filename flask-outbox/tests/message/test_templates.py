"""Emails from the templates of any Jinja environment."""

from __future__ import annotations

import sys

import flask_mail
import pytest
from flask import Flask
from jinja2 import DictLoader, Environment, select_autoescape

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


def test_a_sibling_is_the_line_that_lists_of_mail_show() -> None:
    layout = "<i>{{ preheader }}</i><!-- content -->"
    lines = {"order.preheader.txt": "It comes\non {{ day }}.\n", "emails/layout.html": layout}
    email = render_email(environment(**lines), "order", {"goods": "tea", "day": "<Monday>"})
    assert (email.html or "").startswith("<i>It comes on &lt;Monday&gt;.</i>")
    assert "Monday" not in email.text


def test_without_that_sibling_an_applications_own_variable_stays() -> None:
    made = environment(**{"emails/layout.html": "<i>{{ preheader }}</i><!-- content -->"})
    assert (order(made).html or "").startswith("<i></i>")
    html = render_email(made, "order", {"goods": "tea", "preheader": "Mine"}).html or ""
    assert html.startswith("<i>Mine</i>")


def test_the_packages_layout_hides_that_line() -> None:
    templates = {**TEMPLATES, "order.preheader.txt": "Soon"}
    del templates["emails/layout.html"]
    made = Environment(loader=DictLoader(templates), autoescape=select_autoescape())
    assert '<div style="display: none;' in (order(made).html or "")
    assert 'mso-hide: all;">Soon</div>' in (order(made).html or "")


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


def test_without_a_layout_of_its_own_the_packages_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    templates = {name: text for name, text in TEMPLATES.items() if name != "emails/layout.html"}
    made = Environment(loader=DictLoader(templates), autoescape=select_autoescape())
    html = render_email(made, "order", {"goods": "tea", "locale": "pt_BR"}).html or ""
    assert html.startswith("<!doctype html>")
    assert '<html lang="pt-BR" dir="auto">' in html
    assert "<title>Your order of tea</title>" in html
    assert "<p>Thank you for tea.</p>" in html
    assert "prefers-color-scheme: dark" in html


def test_a_layout_without_a_place_for_the_content_is_refused() -> None:
    with pytest.raises(ValueError, match=r"emails/layout\.html has no line <!-- content -->"):
        order(environment(**{"emails/layout.html": "<html></html>"}))


@pytest.mark.parametrize(
    "page",
    ["<!doctype html><p>{{ goods }}</p>",
     "{# whole #}\n<!-- page -->\n<HTML><p>{{ goods }}</p></HTML>",
     '{% extends "base.html" %}{% block content %}{{ goods }}{% endblock %}'],
)  # fmt: skip
def test_a_whole_page_gets_no_layout(page: str) -> None:
    base = "<main>{% block content %}{% endblock %}</main>"
    html = order(environment(**{"order.html": page, "base.html": base})).html or ""
    assert "a &lt;kettle&gt;" in html
    assert "<title>" not in html


def test_styles_that_stay_are_there_beside_others() -> None:
    stays = '<style data-css-inline="ignore">[data-x] p { top: 0 }</style>'
    layout = f"<head>{stays}<style>p {{ color: red }}</style>{stays}</head><!-- content -->"
    html = order(environment(**{"emails/layout.html": layout})).html or ""
    assert html.count(stays) == 2
    assert html.index(stays) < html.index("</head>")
    assert '<p style="color: red;">' in html


def test_styles_that_stay_where_they_are_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    style = '<style data-css-inline="ignore">p { color: red }</style><!-- content -->'
    html = order(environment(**{"emails/layout.html": style})).html or ""
    assert html.startswith("<style")
    assert "<p>" in html


def test_an_application_gives_its_context_processors() -> None:
    app = Flask("shop")
    app.jinja_loader = DictLoader(TEMPLATES)
    app.context_processor(lambda: {"shop": "the shop", "goods": "nothing"})
    with app.app_context():
        plain = email_from_templates("plain", to="susan@example.com", sender="shop@example.com")
        ordered = email_from_templates("order", {"goods": "tea"})
    assert plain.text == "Only text, from the shop.\n"
    assert str(plain.sender) == "shop@example.com"
    assert (ordered.subject, ordered.to) == ("Your order of tea", ())


def test_every_part_of_an_email_has_a_parameter() -> None:
    app = Flask("shop")
    app.jinja_loader = DictLoader(TEMPLATES)
    with app.app_context():
        email = email_from_templates(
            "plain",
            subject="Another\nsubject",
            to=["susan@example.com", ("John", "john@example.com")],
            cc=("Ann", "ann@example.com"),
            bcc="bob@example.com",
            reply_to="a@example.com, b@example.com",
            attachments=[("a.txt", None, "x"), flask_mail.Attachment("b.txt", data=b"y")],
            headers={"X-Order": "7"},
        )
    assert email.subject == "Another subject"
    assert [str(one) for one in email.recipients] == [
        "susan@example.com",
        "John <john@example.com>",
        "Ann <ann@example.com>",
        "bob@example.com",
    ]
    assert [one.mailbox for one in email.reply_to] == ["a@example.com", "b@example.com"]
    assert [(one.filename, one.data) for one in email.attachments] == [
        ("a.txt", b"x"),
        ("b.txt", b"y"),
    ]
    assert email.headers == {"X-Order": "7"}


def test_a_variable_may_have_any_name() -> None:
    app = Flask("shop")
    app.jinja_loader = DictLoader(
        {
            "a.subject.txt": "{{ name }}",
            "a.txt": "{{ subject }} {{ to }} {{ context }} {{ locale }}",
        }
    )
    variables = {"name": "n", "subject": "s", "to": "t", "context": "c", "locale": "l"}
    with app.app_context():
        email = email_from_templates("a", variables)
        assert (email.subject, email.text) == ("n", "s t c l\n")
        with pytest.raises(TypeError, match="unexpected keyword argument 'goods'"):
            email_from_templates("a", goods="tea")  # type: ignore[call-arg]


def test_html_without_its_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "css_inline", None)
    assert render_email(environment(), "plain", {}).html is None
    with pytest.raises(MissingExtraError, match=r'<style> .*pip install "flask-outbox\[html\]"'):
        order(environment())
