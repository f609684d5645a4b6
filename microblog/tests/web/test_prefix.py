"""A site under a path of its host, behind a proxy that strips the path or does not."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from tests.smtp_server import ScriptedServer
from tests.visitor import PASSWORD, Visitor, make_user, words


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app(PUBLIC_URL="http://localhost/blog")


@pytest.mark.parametrize("path", ["/blog/login", "/login"])
def test_a_page_is_found_with_and_without_the_path(app: Flask, path: str) -> None:
    page = Visitor(app).get(path)
    assert page.status_code == 200
    links = re.findall(r'(?:href|src)="(/[^"]*)"', page.get_data(as_text=True))
    assert links
    assert [link for link in links if not link.startswith("/blog/")] == []


def test_only_the_whole_path_is_stripped(app: Flask) -> None:
    assert Visitor(app).get("/blogger").status_code == 404
    assert Visitor(app).get("/blog").status_code == 200


def test_a_mailed_link_leads_back_to_the_site(
    app: Flask, deliver: Callable[[], int], smtp: ScriptedServer
) -> None:
    visitor = Visitor(app)
    make_user(app, "susan")
    visitor.submit("/blog/reset_password_request", {"email": "susan@example.com"})
    deliver()
    found = re.search(
        r"^http://localhost/blog/reset_password/\S+$", smtp.received[0].text(), re.MULTILINE
    )
    assert found
    page = visitor.get(found[0].removeprefix("http://localhost"))
    assert "Reset Your Password" in words(page)
    assert page.request.path == "/blog/reset_password/choose"
    assert page.headers["Cache-Control"] == "no-store"


def test_one_returns_to_a_page_below_the_path(app: Flask) -> None:
    visitor = Visitor(app)
    make_user(app, "susan")
    page = visitor.get("/blog/explore?before=9").get_data(as_text=True)
    languages = re.search(r'href="([^"]*/language/ru[^"]*)"', page)
    log_in = re.search(r'href="([^"]*/login[^"]*)"', page)
    assert languages
    assert log_in
    fields: dict[str, object] = {"username": "susan", "password": PASSWORD}
    for answer in (
        visitor.get(languages[1], follow=False),
        visitor.submit(log_in[1], fields, follow=False),
    ):
        assert answer.headers["Location"] == "/blog/explore?before=9"
