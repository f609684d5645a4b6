"""Who can make an account: everybody, people with an invitation, or nobody."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.constants import Make
from tests.moderation.conftest import invitation
from tests.visitor import ON_SQLITE, Visitor, make_user, words

HEADINGS = {
    "open": "Join Microblog",
    "invitation": "Joining is by invitation",
    "closed": "Registration is closed",
}

pytestmark = ON_SQLITE


@pytest.fixture(params=HEADINGS)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def site(make_app: Make, mode: str) -> Flask:
    app: Flask = make_app(REGISTRATION=mode, PUBLIC_URL="http://localhost")
    return app


def test_the_page_says_who_can_join(site: Flask, mode: str) -> None:
    page = Visitor(site).get("/register")
    assert page.status_code == (200 if mode == "open" else 403)
    assert HEADINGS[mode] in words(page)
    assert ('name="password2"' in page.text) is (mode == "open")


def test_no_account_is_made_round_the_page(site: Flask, mode: str) -> None:
    visitor = Visitor(site)
    fields: dict[str, object] = {
        "username": "susan",
        "email": "susan@example.com",
        "password": "a good password",
        "password2": "a good password",
    }
    answer = visitor.submit("/register", fields, token=visitor.csrf_token("/login"))
    assert answer.status_code == (200 if mode == "open" else 403)
    assert ("Welcome to Microblog." in words(answer)) is (mode == "open")


@pytest.mark.parametrize("path", ["/", "/login", "/explore", "/register", "/nothing"])
def test_nothing_leads_to_a_page_that_is_closed(site: Flask, mode: str, path: str) -> None:
    page = Visitor(site).get(path)
    assert ('href="/register' in page.text) is (mode == "open")
    assert ("Click to Register!" in words(page)) is (mode == "open" and path == "/login")


def test_an_invitation_lets_people_in_unless_it_is_closed(site: Flask, mode: str) -> None:
    visitor = Visitor(site)
    page = visitor.get(invitation(site))
    assert page.status_code == (403 if mode == "closed" else 200)
    assert HEADINGS["closed" if mode == "closed" else "open"] in words(page)


def test_members_come_and_go_as_ever(site: Flask) -> None:
    make_user(site, "susan")
    assert "Hi, susan!" in words(Visitor(site).log_in("susan"))
