"""Pages for administrators do not exist for anybody else."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.routing import Rule

from microblog.accounts.models import User
from microblog.app import create_app
from microblog.database import transaction
from microblog.settings import Settings
from tests.admin.conftest import logged_in, make_admin
from tests.constants import SECRET
from tests.visitor import ON_SQLITE, Visitor, make_user, words


def rules() -> Iterator[Rule]:
    app = create_app(Settings(SECRET_KEY=SECRET))
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("admin."))


ADDRESSES = [
    (method, re.sub(r"<[^>]+>", "1", rule.rule))
    for rule in rules()
    for method in sorted((rule.methods or set()) & {"GET", "POST"})
]


def test_the_pages_are_found() -> None:
    assert ("GET", "/admin/mail") in ADDRESSES
    assert ("POST", "/admin/mail/1/retry") in ADDRESSES


@ON_SQLITE
@pytest.mark.parametrize("who", ["a stranger", "a member"])
@pytest.mark.parametrize(("method", "address"), ADDRESSES)
def test_the_pages_do_not_exist_for_others(app: Flask, who: str, method: str, address: str) -> None:
    make_user(app, "bob")
    visitor = logged_in(app, "bob") if who == "a member" else Visitor(app)
    token = visitor.csrf_token("/" if who == "a member" else "/login")
    answer = visitor.client.open(address, method=method, data={"csrf_token": token})
    nowhere = visitor.client.open("/nowhere", method=method, data={"csrf_token": token})
    assert answer.status_code == nowhere.status_code == 404
    assert words(answer) == words(nowhere)


def test_members_cannot_learn_whether_a_message_exists(app: Flask) -> None:
    make_user(app, "bob")
    member = logged_in(app, "bob")
    Visitor(app).ask_for_reset("bob@example.com")
    existing, absent = member.get("/admin/mail/1"), member.get("/admin/mail/2")
    assert existing.status_code == absent.status_code == 404
    assert words(existing) == words(absent)


@ON_SQLITE
def test_only_administrators_see_the_link(app: Flask) -> None:
    make_user(app, "bob")
    make_admin(app)
    assert "/admin/" not in Visitor(app).get("/").text
    assert "/admin/" not in logged_in(app, "bob").get("/").text
    assert 'href="/admin/mail"' in logged_in(app, "alice").get("/").text


@ON_SQLITE
def test_a_former_administrator_is_kept_out_at_once(app: Flask, admin: Visitor) -> None:
    assert admin.get("/admin/mail").status_code == 200
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(is_admin=False))
    assert admin.get("/admin/mail").status_code == 404


@ON_SQLITE
def test_the_pages_are_never_cached(admin: Visitor) -> None:
    assert admin.get("/admin/mail").headers["Cache-Control"] == "no-store"
    assert admin.get("/admin/mail/7").headers["Cache-Control"] == "no-store"


@ON_SQLITE
@pytest.mark.parametrize("address", ["/admin/mail/1/retry", "/admin/mail/1/cancel"])
def test_a_foreign_page_cannot_press_a_button(app: Flask, admin: Visitor, address: str) -> None:
    Visitor(app).ask_for_reset("bob@example.com")
    answer = admin.client.post(address, data={})
    assert answer.status_code == 400
    assert "This form has expired" in words(answer)
