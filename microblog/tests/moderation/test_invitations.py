"""Links with which people can join."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import select, update

from microblog.accounts.models import SecurityEvent, User
from microblog.accounts.secrets import secret_digest
from microblog.database import db, transaction, utc_now
from microblog.moderation.invitations import make_invitation
from microblog.moderation.models import Invitation
from tests.admin.conftest import logged_in, make_admin
from tests.constants import Make
from tests.moderation.conftest import invitation
from tests.scopes import scope_now
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    error_beside,
    make_user,
    path_of,
    value_in,
    words,
)

PAGE = "/admin/invitations"
CHOOSE = "/join/choose"
USELESS = "This invitation no longer works"


@pytest.fixture
def site(make_app: Make) -> Flask:
    app: Flask = make_app(REGISTRATION="invitation", PUBLIC_URL="http://localhost")
    return app


def fields(name: str, **changes: str) -> dict[str, object]:
    return {
        "username": name,
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "password2": PASSWORD,
        **changes,
    }


def join(visitor: Visitor, link: str, name: str) -> str:
    visitor.get(link)
    return words(visitor.submit(CHOOSE, fields(name)))


def uses(app: Flask) -> list[int]:
    with app.app_context():
        return list(db.session.scalars(select(Invitation.uses).order_by(Invitation.id)))


def names(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(User.username).order_by(User.id)))


def change(app: Flask, **values: object) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(Invitation).values(**values))


# Joining


def test_whoever_has_the_link_joins_and_one_use_is_counted(site: Flask) -> None:
    link, visitor = invitation(site, uses=2), Visitor(site)
    page = visitor.get(link)
    assert (page.status_code, page.request.path) == (200, CHOOSE)
    assert "Join Microblog" in words(page)
    assert uses(site) == [0]
    assert "Welcome to Microblog." in words(visitor.submit(CHOOSE, fields("susan")))
    assert "Hi, susan!" in words(visitor.get("/"))
    assert uses(site) == [1]
    assert "Welcome to Microblog." in join(Visitor(site), link, "bob")
    assert USELESS in words(Visitor(site).get(link))


@ON_SQLITE
def test_the_secret_leaves_the_address_and_is_in_no_page_cache_or_database(site: Flask) -> None:
    link, visitor = invitation(site), Visitor(site)
    secret = link.rpartition("/")[2]
    answer = visitor.get(link, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, CHOOSE)
    page = visitor.get(CHOOSE)
    for one in (answer, page):
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"
    assert secret not in page.text
    with site.app_context():
        assert db.session.scalars(select(Invitation.digest)).all() == [secret_digest(secret)]
    visitor.submit(CHOOSE, fields("susan"))
    with visitor.client.session_transaction() as session:
        assert secret not in repr(dict(session))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"uses": 1}, "It has been used as often as it can be."),
        ({"ends_at": utc_now() - timedelta(seconds=1)}, "It has expired."),
        ({"revoked_at": utc_now()}, "The site's admins revoked it."),
    ],
    ids=["used-up", "ended", "revoked"],
)
def test_a_useless_link_says_why_before_the_form_and_after_it(
    site: Flask, changes: dict[str, object], why: str
) -> None:
    link = invitation(site)
    before, early = Visitor(site), Visitor(site)
    early.get(link)
    token = early.csrf_token(CHOOSE)
    change(site, **changes)
    page = before.get(link)
    assert USELESS in words(page)
    assert why in words(page)
    assert 'name="password2"' not in page.text
    answer = early.submit(CHOOSE, fields("susan"), token=token)
    assert "This invitation no longer works. Ask for another link." in words(answer)
    assert (value_in(answer, "username"), value_in(answer, "email")) == (
        "susan",
        "susan@example.com",
    )
    assert names(site) == []


@ON_SQLITE
def test_what_was_typed_is_sent_again_once_another_link_was_opened(site: Flask) -> None:
    """The form's address is that of every invitation: the link that was opened last counts."""
    link, visitor = invitation(site), Visitor(site)
    visitor.get(link)
    token = visitor.csrf_token(CHOOSE)
    change(site, uses=1)
    visitor.submit(CHOOSE, fields("susan"), token=token)
    visitor.get(invitation(site))
    assert "Welcome to Microblog." in words(visitor.submit(CHOOSE, fields("susan"), token=token))


@ON_SQLITE
@pytest.mark.parametrize(
    "token", ["choose", "x", "x" * 43, "x" * 5000, "%00", "%ED%A0%80", "%E2%80%AE", "a.b.c", "🌍"]
)
def test_anything_else_is_no_invitation(site: Flask, token: str) -> None:
    invitation(site)
    page = Visitor(site).get(f"/join/{token}")
    assert page.status_code == 200
    assert USELESS in words(page)
    assert "The link may be incomplete." in words(page)


@ON_SQLITE
def test_a_link_that_was_cut_off_is_no_invitation(site: Flask) -> None:
    link = invitation(site)
    assert USELESS in words(Visitor(site).get(link[:-1]))
    assert "Join Microblog" in words(Visitor(site).get(link))


@ON_SQLITE
def test_a_useless_link_can_be_posted_to_without_a_form(site: Flask) -> None:
    visitor = Visitor(site)
    token = visitor.csrf_token("/login")
    assert USELESS in words(visitor.submit("/join/forged", fields("susan"), token=token))
    assert USELESS in words(visitor.submit(CHOOSE, fields("susan"), token=token))
    assert names(site) == []


@ON_SQLITE
def test_a_refused_form_uses_nothing_up(site: Flask) -> None:
    make_user(site, "bob")
    link, visitor = invitation(site), Visitor(site)
    visitor.get(link)
    page = visitor.submit(CHOOSE, fields("bob"))
    assert error_beside(page, "username") == "This username is taken. Choose another."
    page = visitor.submit(CHOOSE, fields("susan", password2="x"))
    assert error_beside(page, "password2") == "The passwords don't match."
    assert uses(site) == [0]
    assert "Welcome to Microblog." in words(visitor.submit(CHOOSE, fields("susan")))


@ON_SQLITE
def test_a_form_that_is_sent_twice_makes_one_account_and_uses_one(site: Flask) -> None:
    link, visitor = invitation(site), Visitor(site)
    visitor.get(link)
    token = visitor.csrf_token(CHOOSE)
    jar = cast(dict[object, object], visitor.client._cookies)
    before = dict(jar)
    assert "Welcome to Microblog." in words(visitor.submit(CHOOSE, fields("susan"), token=token))
    jar.clear()
    jar.update(before)
    assert "Welcome to Microblog." in words(visitor.submit(CHOOSE, fields("susan"), token=token))
    assert (uses(site), names(site)) == ([1], ["susan"])


@ON_SQLITE
def test_the_answer_tells_nothing_about_a_known_address(site: Flask) -> None:
    make_user(site, "owner", email="known@example.com")
    link = invitation(site, uses=2)
    answers = []
    for name, email in (("one", "known@example.com"), ("two", "new@example.com")):
        visitor = Visitor(site)
        visitor.get(link)
        answer = visitor.submit(CHOOSE, fields(name, email=email), follow=False)
        answers.append((answer.status_code, answer.headers["Location"]))
    assert answers == [(302, "/")] * 2
    assert uses(site) == [2]


@ON_SQLITE
def test_members_are_sent_to_the_first_page(site: Flask) -> None:
    make_user(site, "susan")
    member = logged_in(site, "susan")
    answer = member.get(invitation(site), follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert uses(site) == [0]


def test_of_many_who_race_for_the_last_use_one_wins(site: Flask) -> None:
    link = invitation(site)
    people = [f"person{number}" for number in range(6)]
    visitors = [Visitor(site) for _ in people]
    for visitor in visitors:
        visitor.get(link)
    tokens = [visitor.csrf_token(CHOOSE) for visitor in visitors]
    barrier, said = threading.Barrier(len(people)), dict[str, str]()

    def run(visitor: Visitor, name: str, token: str) -> None:
        barrier.wait(30)
        answer = visitor.submit(CHOOSE, fields(name), token=token)
        is_kept = f'value="{name}"' in answer.text and "Ask for another link." in answer.text
        joined = "Welcome to Microblog." in words(answer)
        said[name] = "joined" if joined else "kept" if is_kept else words(answer)

    threads = [
        threading.Thread(target=run, args=one) for one in zip(visitors, people, tokens, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(said.values()) == ["joined"] + ["kept"] * 5
    assert uses(site) == [1]
    assert names(site) == [name for name, outcome in said.items() if outcome == "joined"]


# The administrators' page


def test_a_link_is_made_shown_once_and_works(site: Flask) -> None:
    number = make_admin(site)
    admin = logged_in(site, "alice")
    page = admin.submit(PAGE, {"uses": "2", "lasts": "24", "note": "For the choir"})
    link = re.search(r"http://localhost/join/[\w-]{43}", page.text)
    assert link
    assert page.headers["Cache-Control"] == "no-store"
    listed = admin.get(PAGE)
    assert "/join/" not in listed.text
    assert "For the choir" in words(listed)
    assert "joined: 0 of 2" in words(listed)
    assert "Welcome to Microblog." in join(Visitor(site), path_of(link[0]), "susan")
    assert "joined: 1 of 2" in words(admin.get(PAGE))
    with site.app_context():
        made = db.session.scalars(select(Invitation)).one()
        assert made.ends_at - made.created_at == timedelta(days=1)
        events = select(SecurityEvent.kind, SecurityEvent.details).where(
            SecurityEvent.user_id == number, SecurityEvent.kind == "invitation_made"
        )
        assert [tuple(row) for row in db.session.execute(events)] == [
            ("invitation_made", {"name": "For the choir"})
        ]


@ON_SQLITE
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("uses", "0", "Enter a number from 1 to 1000."),
        ("uses", "1001", "Enter a number from 1 to 1000."),
        ("uses", "-1", "Enter a number from 1 to 1000."),
        ("uses", "１", "Enter a number from 1 to 1000."),
        ("uses", "9" * 5000, "Enter a number from 1 to 1000."),
        ("uses", "", "Enter a number from 1 to 1000."),
        ("uses", "1\0", "Enter a number from 1 to 1000."),
        ("lasts", "0", "Choose how long it works."),
        ("lasts", "9000", "Choose how long it works."),
        ("lasts", "", "Choose how long it works."),
        ("note", "x" * 81, "1 character too long."),
        ("note", "a\u202eb", "Remove the characters that can't be shown."),
        ("note", "a\0b", "Remove the characters that can't be shown."),
    ],
)
def test_bad_input_is_explained_beside_the_field_and_kept(
    site: Flask, field: str, value: str, said: str
) -> None:
    make_admin(site)
    admin = logged_in(site, "alice")
    page = admin.submit(PAGE, {"uses": "1", "lasts": "24", "note": "", field: value})
    assert page.status_code == 200
    assert error_beside(page, field) == said
    assert uses(site) == []


def test_a_link_is_revoked_once(site: Flask) -> None:
    make_admin(site)
    admin = logged_in(site, "alice")
    link = invitation(site)
    token = admin.csrf_token(PAGE)
    page = admin.submit(f"{PAGE}/1/revoke", token=token)
    assert "The link no longer works." in words(page)
    assert "Revoked" in words(page)
    assert "/revoke" not in page.text
    assert "The site's admins revoked it." in words(Visitor(site).get(link))
    assert "already revoked" in words(admin.submit(f"{PAGE}/1/revoke", token=token))
    for number in ("2", "0", str(2**31), "9" * 40):
        answer = admin.submit(f"{PAGE}/{number}/revoke", token=token)
        assert answer.status_code == 200


@ON_SQLITE
@pytest.mark.parametrize(
    ("registration", "said"),
    [
        ("closed", "no invitation works at the moment"),
        ("open", "Anyone can join this site at the moment"),
        ("invitation", ""),
    ],
)
def test_the_page_says_what_the_setting_makes_of_links(
    make_app: Make, registration: str, said: str
) -> None:
    app = make_app(REGISTRATION=registration, PUBLIC_URL="http://localhost")
    make_admin(app)
    page = words(logged_in(app, "alice").get(PAGE))
    assert said in page
    assert ("at the moment" in page) is bool(said)


def test_pages_continue_without_gap_or_repetition(site: Flask) -> None:
    make_admin(site)
    admin = logged_in(site, "alice")
    with site.app_context(), transaction() as writing:
        for number in range(120):
            make_invitation(
                writing,
                scope_now(),
                made_by_id=None,
                uses=1,
                lasts=timedelta(hours=1),
                note=f"note{number}",
            )
    seen: list[str] = []
    address: str | None = PAGE
    while address:
        page = admin.get(address)
        seen += re.findall(r"<bdi>(note\d+)</bdi>", page.text)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        address = older[1] if older else None
    assert seen == [f"note{number}" for number in reversed(range(120))]


@ON_SQLITE
@pytest.mark.parametrize(
    "changes",
    [
        {"uses": 0},
        {"uses": 1001},
        {"lasts": timedelta(minutes=59)},
        {"lasts": timedelta(days=365, seconds=1)},
    ],
)
def test_the_rule_has_the_same_limits(site: Flask, changes: dict[str, object]) -> None:
    given: dict[str, object] = {"uses": 1, "lasts": timedelta(days=1), **changes}
    with site.app_context(), transaction() as writing, pytest.raises(ValueError, match="1 to 1000"):
        make_invitation(writing, scope_now(), made_by_id=None, **given)  # type: ignore[arg-type]
