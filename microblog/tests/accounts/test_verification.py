"""Confirming the address that one registered with, and what one may not do before."""

from __future__ import annotations

import re
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from flask_outbox.application import state_of
from flask_outbox.message.addresses import address_key
from microblog.accounts.actions import verification
from microblog.accounts.actions.verification import UNVERIFIED_KEPT, remove_unverified
from microblog.accounts.keys import token_keys
from microblog.accounts.models import SecurityEvent, User
from microblog.accounts.tokens import VERIFY_EMAIL, make_token
from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.people.models import Follow
from tests.answers import comparable
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    mailed_link,
    make_user,
    path_of,
    payload_of,
    reset_link_for,
    token_of,
    words,
)

OPENED = "/verify_email/choose"
DONE = "Your email is confirmed."
DONE_BEFORE = "is already confirmed."
REFUSED = "This link no longer works"
HELD = "Another account has this email"
REMOVED = "The account was removed"
FOLLOWED = "carol"
BANNER = "Confirm your email to start posting and following."
CONFIRM: dict[str, object] = {"confirm": "Confirm my email"}
REMOVE: dict[str, object] = {"remove": "Remove account"}


@pytest.fixture
def link(app: Flask) -> str:
    """The path of a link for the new account susan."""
    return link_for(app, make_user(app, "susan", verified=False))


def link_for(app: Flask, number: int) -> str:
    """The path of a link for this account, as if it were mailed at this moment."""
    with app.app_context():
        user = db.session.get_one(User, number)
        token = verification.verification_token(token_keys(), user, now=utc_now())
    return f"/verify_email/{token}"


def press(visitor: Visitor, path: str, button: dict[str, object] = CONFIRM) -> TestResponse:
    """Send the form of the link without opening it first."""
    return visitor.submit(path, button, token=visitor.csrf_token("/login"))


def verified_at(app: Flask, name: str) -> datetime | None:
    with app.app_context():
        return db.session.scalar(select(User.email_verified_at).where(User.username == name))


def names(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(User.username).order_by(User.id)))


def events(app: Flask, name: str) -> list[str]:
    with app.app_context():
        wanted = select(SecurityEvent.kind).join(User, User.id == SecurityEvent.user_id)
        return list(db.session.scalars(wanted.where(User.username == name)))


def test_from_registering_to_the_first_post(app: Flask, smtp: ScriptedServer) -> None:
    visitor = Visitor(app)
    page = visitor.register("susan")
    assert page.request.path == "/"
    assert (
        "Welcome to Microblog. We sent a link to susan@example.com. Open it to start posting."
        in words(page)
    )
    assert BANNER in words(page)
    deliver_from(app)
    page = visitor.get(path_of(mailed_link(smtp)))
    assert page.request.path == OPENED
    assert "susan@example.com will belong to this account: susan" in words(page)
    assert BANNER not in words(page), "the page itself is what to do"
    page = visitor.submit(OPENED, CONFIRM)
    assert page.request.path == "/people"
    assert DONE in words(page)
    assert BANNER not in words(page)
    assert "Your post is live." in words(visitor.submit("/", {"post": "hello"}))
    assert events(app, "susan") == ["registered", "logged_in", "email_verified"]


def test_the_mail(app: Flask, visitor: Visitor, smtp: ScriptedServer) -> None:
    visitor.register("susan", email="Susan@Example.com")
    deliver_from(app)
    (received,) = smtp.received
    assert received.recipients == ["Susan@example.com"]
    assert received.message["From"] == f"Microblog <{app.config['ADMINS'][0]}>"
    assert received.message["Subject"] == "Confirm your email"
    link = mailed_link(smtp)
    assert link.startswith("http://localhost/verify_email/")
    for subtype in ("plain", "html"):
        text = " ".join(received.text(subtype).split())
        assert link in text
        assert "The link expires in 3 days." in text
        assert "susan," not in text
        assert "unconfirmed accounts are removed after 30 days" in text
    payload = payload_of(link)
    assert payload["verify_email"] == 1
    assert 3 * 86400 - 60 <= payload["exp"] - received.at <= 3 * 86400


def test_a_name_that_looks_like_a_link_is_on_the_page_and_not_in_the_mail(
    app: Flask, visitor: Visitor, smtp: ScriptedServer
) -> None:
    """Whoever chose it is a stranger to the reader, and mail programs would make a link of it."""
    name = "claim-prize.evil.example"
    visitor.register(name, email="susan@example.com")
    deliver_from(app)
    (received,) = smtp.received
    for text in (received.text(), received.text("html"), str(received.message["Subject"])):
        assert "evil" not in text
    assert name in words(Visitor(app).get(path_of(mailed_link(smtp))))


def test_opening_the_link_changes_nothing(app: Flask, link: str) -> None:
    for _ in range(2):
        scanner = Visitor(app)
        assert scanner.get(link).status_code == 200
        assert scanner.client.head(link).status_code in {200, 302}
        assert app.test_client().options(link).status_code == 200
    assert verified_at(app, "susan") is None
    assert names(app) == ["susan"]


def test_the_token_leaves_the_address_bar_and_no_page_holds_it(
    app: Flask, visitor: Visitor, link: str
) -> None:
    answer = visitor.get(link, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, OPENED)
    answers = [
        answer,
        visitor.get(OPENED),
        visitor.submit(OPENED, {}, follow=False),
        visitor.client.post(link, data=CONFIRM),
        visitor.client.put(link),
        visitor.submit(OPENED, CONFIRM, follow=False),
        visitor.get(link),
    ]
    assert [one.status_code for one in answers] == [302, 200, 200, 400, 405, 302, 200]
    for one in answers:
        assert token_of(link) not in one.get_data(as_text=True)
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"
    assert verified_at(app, "susan") is not None


def test_a_form_without_either_button_does_nothing(app: Flask, visitor: Visitor, link: str) -> None:
    assert "will belong to this account" in words(press(visitor, link, {}))
    assert verified_at(app, "susan") is None
    assert names(app) == ["susan"]


def test_a_link_pressed_twice_says_that_it_is_done(app: Flask, visitor: Visitor, link: str) -> None:
    assert DONE in words(press(visitor, link))
    done_at = verified_at(app, "susan")
    assert DONE_BEFORE in words(visitor.get(link))
    assert DONE_BEFORE in words(press(visitor, link))
    assert verified_at(app, "susan") == done_at


@pytest.mark.parametrize("who", ["susan", "bob"])
def test_whoever_is_logged_in_the_account_of_the_link_is_confirmed(
    app: Flask, visitor: Visitor, link: str, who: str
) -> None:
    make_user(app, "bob", verified=False)
    visitor.log_in(who)
    visitor.get(link)
    page = visitor.submit(OPENED, CONFIRM)
    assert page.request.path == ("/" if who == "bob" else "/people")
    assert DONE in words(page)
    assert (BANNER in words(page)) is (who == "bob")
    assert verified_at(app, "susan") is not None
    assert verified_at(app, "bob") is None


@pytest.mark.parametrize(
    ("before_expiry", "works"),
    [(3 * 86400, True), (0.001, True), (0.0, False), (-86400, False)],
)
def test_the_link_ends_at_its_second(
    app: Flask,
    visitor: Visitor,
    link: str,
    monkeypatch: pytest.MonkeyPatch,
    before_expiry: float,
    works: bool,
) -> None:
    moment = datetime.fromtimestamp(payload_of(link)["exp"] - before_expiry, UTC)
    set_clock(monkeypatch, moment)
    assert (REFUSED not in words(visitor.get(link))) is works
    assert (DONE in words(press(visitor, link))) is works


@ON_SQLITE
def test_tokens_of_other_purposes_accounts_and_keys_are_refused(
    app: Flask, visitor: Visitor, link: str
) -> None:
    make_user(app, "bob", verified=False)
    reset = reset_link_for(app, "susan@example.com")
    token = token_of(link)
    with app.app_context():
        bob = db.session.scalars(select(User).where(User.username == "bob")).one()
        bound_alike = make_token(
            token_keys(), "change_email", bob, now=utc_now(), lifetime=timedelta(1)
        )
    for forged in (token_of(reset), bound_alike, token[:-1], f"{token}x", "x", "a.b.c"):
        assert REFUSED in words(visitor.get(f"/verify_email/{forged}"))
        assert REFUSED in words(press(visitor, f"/verify_email/{forged}"))
    assert REFUSED in words(visitor.get(f"/reset_password/{token}"))
    assert verified_at(app, "susan") is None
    assert verified_at(app, "bob") is None
    assert visitor.get("/verify_email/").status_code == 404


def test_a_link_is_for_the_address_that_it_was_mailed_to(
    app: Flask, visitor: Visitor, link: str
) -> None:
    new = "new@example.com"
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(email=new, email_key=address_key(new)))
    assert REFUSED in words(press(visitor, link))
    assert verified_at(app, "susan") is None


def test_a_stronger_hash_does_not_kill_the_link(app: Flask, visitor: Visitor, link: str) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(password_hash="another"))
    assert DONE in words(press(visitor, link))


def test_of_twenty_simultaneous_uses_one_is_written_down(app: Flask, link: str) -> None:
    count = 20
    starting = threading.Barrier(count)
    visitors = [Visitor(app) for _ in range(count)]
    tokens = [one.csrf_token("/login") for one in visitors]
    said: list[str] = []

    def use(number: int) -> None:
        starting.wait(timeout=30)
        said.append(words(visitors[number].submit(link, CONFIRM, token=tokens[number])))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sum(DONE in one for one in said) == 1, said
    assert sum(DONE_BEFORE in one for one in said) == count - 1
    assert events(app, "susan") == ["email_verified"]


# Somebody else's address


def test_registering_with_a_held_address_looks_like_any_other_registration(app: Flask) -> None:
    make_user(app, "owner", email="susan@example.com")
    make_user(app, FOLLOWED)
    taken, free = (
        registering(app, name, address)
        for name, address in (("name-1", "susan@example.com"), ("name-2", "nobod@example.com"))
    )
    assert taken == free


def registering(app: Flask, name: str, address: str) -> tuple[Any, ...]:
    """The answers to somebody who registers, has the mail sent again, tries what newcomers may not,
    and comes back in another browser; and the work.
    """
    visitor = Visitor(app)
    visitor.csrf_token("/register")
    with app.app_context():
        engine = db.engine
    elsewhere = Visitor(app)
    with recorded(engine) as statements:
        answers = [
            visitor.register(name, email=address),
            visitor.submit("/verify_email", token=visitor.csrf_token("/")),
            visitor.submit("/", {"post": "My first post"}),
            visitor.submit(f"/follow/{FOLLOWED}", token=visitor.csrf_token("/")),
            visitor.get("/people"),
            visitor.get(f"/user/{name}"),
            visitor.get("/settings/security"),
            visitor.get("/settings/sessions"),
            visitor.get("/settings/email"),
            visitor.log_out(),
            elsewhere.log_in(name),
            elsewhere.get("/"),
        ]
    row, again = rows(app)[-2:]
    assert (
        (row.kind, row.recipient)
        == (again.kind, again.recipient)
        == (
            "accounts.verify_email",
            address,
        )
    )
    # Numbers are those of the account, its session and its colour.
    differing = rf'{address}|{name}|<time.*?</time>|avatar-\d+|sessions/\d+|(?<=")\d+(?=")'
    said = [re.sub(differing, "SAME", comparable(one)[2]) for one in answers]
    return [one.status for one in answers], said, statements


def test_nobody_is_looked_up_by_the_address_while_registering(app: Flask) -> None:
    visitor = Visitor(app)
    token = visitor.csrf_token("/register")
    fields: dict[str, object] = {
        "username": "susan",
        "email": "susan@example.com",
        "password": PASSWORD,
        "password2": PASSWORD,
    }
    with app.app_context():
        engine = db.engine
    with recorded(engine) as statements:
        visitor.submit("/register", fields, token=token, follow=False)
    asked = [one for one in statements if one.startswith("SELECT")]
    assert asked
    assert not any("email_key" in one.partition("WHERE")[2] for one in asked)


@pytest.mark.parametrize("address", ["susan@example.com", "SUSAN@EXAMPLE.com"])
def test_the_owner_of_the_address_is_told_and_nobody_can_confirm_it(
    app: Flask, visitor: Visitor, smtp: ScriptedServer, address: str
) -> None:
    make_user(app, "owner", email="Susan@example.com")
    visitor.register("stranger", email=address)
    deliver_from(app)
    (received,) = smtp.received
    assert received.recipients == ["Susan@example.com"]
    assert received.message["Subject"] == "You already have an account"
    for subtype in ("plain", "html"):
        text = " ".join(received.text(subtype).split())
        assert "It already belongs to your account owner." in text
        assert "http://localhost/reset_password_request" in text
        assert "stranger" not in text
        assert "verify_email" not in text
    (row,) = rows(app)
    assert row.status == "sent"


def test_an_address_in_another_script_is_one_however_its_domain_is_written(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "owner", email="susan@bücher.example")
    for number, address in enumerate(("susan@xn--bcher-kva.example", "susan@BÜCHER.example")):
        Visitor(app).register(f"other{number}", email=address)
    deliver_from(app)
    assert [one.message["Subject"] for one in smtp.received] == (
        ["You already have an account"] * 2
    )


def test_who_confirms_after_another_did_is_told_in_words(
    app: Flask, visitor: Visitor, link: str
) -> None:
    other = link_for(app, make_user(app, "other", email="SUSAN@example.com", verified=False))
    assert DONE in words(press(visitor, other))
    page = words(press(visitor, link))
    assert HELD in page
    assert "susan can't have it" in page
    assert verified_at(app, "susan") is None
    assert verified_at(app, "other") is not None


def test_of_two_accounts_confirmed_at_once_one_gets_the_address(app: Flask) -> None:
    addresses = ("susan@example.com", "SUSAN@example.com")
    links = [
        link_for(app, make_user(app, f"susan{number}", email=address, verified=False))
        for number, address in enumerate(addresses)
    ]
    visitors = [Visitor(app) for _ in links]
    tokens = [one.csrf_token("/login") for one in visitors]
    starting = threading.Barrier(len(links))
    said: list[str] = []

    def use(number: int) -> None:
        starting.wait(timeout=30)
        page = visitors[number].submit(links[number], CONFIRM, token=tokens[number])
        said.append(words(page))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(len(links))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert sorted((DONE in one, HELD in one) for one in said) == [(False, True), (True, False)]


def test_whoever_did_not_register_removes_the_account(
    app: Flask, visitor: Visitor, link: str
) -> None:
    stranger = Visitor(app)
    stranger.log_in("susan")
    visitor.get(link)
    page = visitor.submit(OPENED, REMOVE)
    assert REMOVED in words(page)
    assert names(app) == []
    assert "Short posts, newest first." in words(stranger.get("/"))
    assert "Wrong username or password." in words(Visitor(app).log_in("susan"))
    assert REFUSED in words(visitor.get(link))
    deliver_from(app)
    assert {row.status for row in rows(app)} <= {"discarded"}


def test_removing_the_account_in_which_one_is_logged_in_logs_out(
    app: Flask, visitor: Visitor, link: str
) -> None:
    visitor.log_in("susan", remember=True)
    visitor.get(link)
    page = visitor.submit(OPENED, REMOVE)
    assert REMOVED in words(page)
    assert "Short posts, newest first." in words(page)


def test_a_confirmed_account_is_not_removed_by_its_link(
    app: Flask, visitor: Visitor, link: str
) -> None:
    press(visitor, link)
    assert REFUSED in words(press(visitor, link, REMOVE))
    assert names(app) == ["susan"]


# What one may not do before


@pytest.fixture
def newcomer(app: Flask) -> Visitor:
    """susan, logged in, whose address is not confirmed."""
    make_user(app, "susan", verified=False)
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def test_a_newcomer_cannot_post_and_loses_nothing(app: Flask, newcomer: Visitor) -> None:
    page = newcomer.submit("/", {"post": "my first & best"})
    assert "Confirm your email before posting. We've kept your draft." in error_beside(page, "post")
    assert "my first &amp; best</textarea>" in page.get_data(as_text=True)
    assert BANNER in words(page)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Post)) == 0


def test_a_newcomer_cannot_follow_and_is_told_what_to_do_first(
    app: Flask, visitor: Visitor, newcomer: Visitor
) -> None:
    make_user(app, "bob")
    page = newcomer.submit("/follow/bob", token=newcomer.csrf_token("/"))
    assert "You'll follow bob as soon as you confirm your email." in words(page)
    assert BANNER in words(page)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Follow)) == 0
    press(visitor, link_for(app, newcomer_number(app)))
    page = newcomer.submit("/follow/bob", token=newcomer.csrf_token("/"))
    assert "You're following bob." in words(page)


def newcomer_number(app: Flask) -> int:
    with app.app_context():
        return db.session.scalars(select(User.id).where(User.username == "susan")).one()


@ON_SQLITE
def test_the_mail_is_sent_again_three_times_at_most_and_the_page_says_when_there_is_more(
    app: Flask,
    newcomer: Visitor,
    smtp: ScriptedServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = utc_now().replace(hour=15, minute=24, second=30)

    def press_at(moment: datetime) -> str:
        set_clock(monkeypatch, moment)
        page = newcomer.submit("/verify_email", token=newcomer.csrf_token("/"))
        assert page.request.path == "/"
        deliver_from(app)
        return words(page)

    for number in range(3):
        said = press_at(begin + timedelta(seconds=number))
        assert "We sent another link to susan@example.com." in said
    for _ in range(2):
        said = press_at(begin + timedelta(minutes=5))
        assert "We sent another link" not in said
        assert said.count("You can request another email at 3:40 PM UTC.") == 1, (
            "the next whole minute is when it works"
        )
    assert len(smtp.received) == len(rows(app)) == 3
    assert "We sent another link" in press_at(begin + timedelta(minutes=15, seconds=30))


@ON_SQLITE
def test_when_another_link_can_be_asked_for_tells_nothing_about_the_address(app: Flask) -> None:
    """What others ask for with it is theirs: the page counts what one asked for oneself."""
    make_user(app, "susan", email="shared@example.com")
    said = []
    for name in ("anna", "bob"):
        visitor = Visitor(app)
        visitor.register(name, email="shared@example.com")
        pages = [visitor.submit("/verify_email", token=visitor.csrf_token("/")) for _ in range(3)]
        drawn = re.compile(r'<span class="avatar.*?</span>')
        for page in pages:
            page.data = drawn.sub("", page.get_data(as_text=True)).encode()
        said.append([words(page).replace(name, "NAME") for page in pages])
        assert "You can request another email at " in said[-1][-1]
    assert said[0] == said[1]


def test_the_mailed_link_works_after_it_was_sent_again(
    app: Flask, newcomer: Visitor, smtp: ScriptedServer
) -> None:
    for _ in range(3):
        newcomer.submit("/verify_email", token=newcomer.csrf_token("/"))
    deliver_from(app)
    assert DONE in words(press(Visitor(app), path_of(mailed_link(smtp, 0))))


def test_who_has_confirmed_gets_no_further_mail(app: Flask, visitor: Visitor, link: str) -> None:
    visitor.log_in("susan")
    token = visitor.csrf_token("/")
    visitor.submit("/verify_email", token=token)
    press(Visitor(app), link)
    assert "is already confirmed." in words(visitor.submit("/verify_email", token=token))
    deliver_from(app)
    assert [row.status for row in rows(app)] == ["discarded"]


def test_only_who_is_logged_in_has_mail_sent_and_only_by_a_button(
    app: Flask, visitor: Visitor, newcomer: Visitor
) -> None:
    page = visitor.submit("/verify_email", token=visitor.csrf_token("/login"))
    assert page.request.path == "/login"
    assert newcomer.get("/verify_email").request.path == "/"
    assert newcomer.client.post("/verify_email").status_code == 400
    assert rows(app) == []


def test_a_disabled_account_gets_no_link_and_its_links_are_dead(
    app: Flask, visitor: Visitor, link: str
) -> None:
    visitor.log_in("susan")
    visitor.submit("/verify_email", token=visitor.csrf_token("/"))
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(disabled_at=utc_now()))
    deliver_from(app)
    assert [row.status for row in rows(app)] == ["discarded"]
    assert REFUSED in words(press(Visitor(app), link))
    assert verified_at(app, "susan") is None


# Housekeeping


def test_accounts_that_nobody_confirmed_are_removed_after_thirty_days(app: Flask) -> None:
    now = utc_now()
    make_user(app, "old", verified=False)
    make_user(app, "young", verified=False)
    make_user(app, "confirmed")
    ages = {"old": timedelta(0), "young": timedelta(seconds=-1), "confirmed": timedelta(days=900)}
    with app.app_context(), transaction() as writing:
        for name, more in ages.items():
            then = now - UNVERIFIED_KEPT - more - timedelta(microseconds=1)
            wanted = update(User).where(User.username == name)
            writing.execute(wanted.values(registered_at=then))
    with app.app_context(), transaction() as writing:
        assert remove_unverified(writing, now) is False
    assert names(app) == ["young", "confirmed"]
    assert timedelta(days=30) == UNVERIFIED_KEPT


def test_they_are_removed_in_batches_by_whoever_delivers(app: Flask) -> None:
    for number in range(5):
        make_user(app, f"old{number}", verified=False)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(registered_at=utc_now() - timedelta(days=31)))
    left = []
    for _ in range(3):
        with app.app_context(), transaction() as writing:
            more = remove_unverified(writing, utc_now(), 2)
        left.append((len(names(app)), more))
    assert left == [(3, True), (1, True), (0, False)]
    periodic_tasks = state_of(app).outbox.periodic_tasks
    make_user(app, "old", verified=False)
    later = (utc_now() + timedelta(days=31)).timestamp()
    with app.app_context(), transaction() as writing:
        assert periodic_tasks["accounts.unverified"](writing, later) is False
    assert names(app) == []


def test_the_purpose_of_a_token_stands_in_it(link: str) -> None:
    assert set(payload_of(link)) == {VERIFY_EMAIL, "exp", "f"}
