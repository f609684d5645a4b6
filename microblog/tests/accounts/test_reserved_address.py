"""While a change of address can be undone, nobody else gets the old address; its owner is helped.

Susan's account was taken over: a thief with the password gave it an address of their own.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask, url_for
from sqlalchemy import select, update

from flask_outbox import current_outbox
from microblog.accounts.actions.email_change import confirmation_token, undo_token
from microblog.accounts.actions.password_reset import RESET_KIND, Reason, start_reset
from microblog.accounts.actions.registration import TakenError, create_account
from microblog.accounts.actions.verification import (
    VERIFY_KIND,
    remove_unverified,
    verification_token,
)
from microblog.accounts.keys import token_keys
from microblog.accounts.models import EmailChange, User
from microblog.accounts.pending_changes import pending_change
from microblog.database import db, transaction, utc_now
from tests.answers import comparable
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    PASSWORD,
    Visitor,
    deliver_from,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    words,
)

VICTIM, EVIL, OTHER = "susan@example.com", "evil@example.org", "other@example.org"
FREE = "susie@example.com"
HELD = "Another account has this email"
REFUSED = "This link no longer works"
UNDONE = f"Your address is {VICTIM} again."
FORMER = "Your former email"


@pytest.fixture
def thief(app: Flask, smtp: ScriptedServer) -> Visitor:
    """Whoever gave Susan's account the address EVIL, still logged in with it."""
    make_user(app, "susan")
    visitor = Visitor(app)
    visitor.log_in("susan")
    move(app, smtp, visitor, EVIL)
    return visitor


def move(app: Flask, smtp: ScriptedServer, visitor: Visitor, address: str) -> None:
    ask(visitor, address)
    assert f"Your address is now {address}" in press(app, link_to(app, smtp, address))


def ask(visitor: Visitor, address: str) -> None:
    fields: dict[str, object] = {"email": address, "current_password": PASSWORD}
    assert "We sent a link" in words(visitor.submit("/settings/email", fields))


def link_to(app: Flask, smtp: ScriptedServer, address: str) -> str:
    """Deliver what is due; the first link in the newest mail to this address."""
    deliver_from(app)
    newest = [one for one in smtp.received if one.recipients == [address]][-1]
    found = re.search(r"^https?://\S+$", newest.text(), re.MULTILINE)
    assert found
    return path_of(found[0])


def press(app: Flask, link: str) -> str:
    """Open a mailed link in a browser of its own, press its button; what the page says then."""
    visitor = Visitor(app)
    page = visitor.get(link)
    if 'name="csrf_token"' not in page.get_data(as_text=True):
        return words(page)
    return words(visitor.submit(page.request.path, {"confirm": "y"}))


def account(app: Flask, name: str) -> User:
    with app.app_context():
        return db.session.scalars(select(User).where(User.username == name)).one()


def verification_link(app: Flask, name: str) -> str:
    """As if it had been mailed before the address was reserved."""
    with app.test_request_context():
        user = db.session.scalars(select(User).where(User.username == name)).one()
        token = verification_token(token_keys(), user, now=utc_now())
        return url_for("accounts.verify_email", token=token)


def let_the_right_end(app: Flask) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(EmailChange).values(undo_until=utc_now()))


def test_a_thief_cannot_turn_the_owners_reset_into_the_end_of_their_undo(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    Visitor(app).register("trap", email=VICTIM)
    victim = Visitor(app)
    victim.ask_for_reset(VICTIM)
    link = link_to(app, smtp, VICTIM)
    assert link.startswith("/undo_email_change/")
    mail = smtp.received[-1]
    assert mail.message["Subject"] == FORMER
    for text in (mail.text(), mail.text("html")):
        assert "your account susan," in " ".join(text.split())
        assert "trap" not in text
        assert EVIL not in text
        assert "/reset_password/" not in text
    assert UNDONE in press(app, link)
    assert account(app, "susan").email == VICTIM
    assert account(app, "trap").email_verified_at is None
    reset = link_to(app, smtp, VICTIM)
    assert "Your password has been reset." in post_new_password(victim, reset)
    assert "Hi, susan!" in words(victim.log_in(VICTIM, password="a brand new password"))


def test_no_reset_gives_another_account_the_address(app: Flask, thief: Visitor) -> None:
    make_user(app, "trap", email=VICTIM, verified=False)
    link = reset_link_for(app, VICTIM)
    assert REFUSED in post_new_password(Visitor(app), link)
    trap = account(app, "trap")
    assert trap.email_verified_at is None
    assert "Hi, trap!" in words(Visitor(app).log_in("trap"))
    let_the_right_end(app)
    assert "Your password has been reset." in post_new_password(Visitor(app), link)
    assert account(app, "trap").email_verified_at is not None


def test_no_verification_gives_another_account_the_address(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    Visitor(app).register("trap", email=VICTIM)
    undo = link_to(app, smtp, VICTIM)
    assert undo.startswith("/undo_email_change/")
    link = verification_link(app, "trap")
    assert HELD in press(app, link)
    assert account(app, "trap").email_verified_at is None
    let_the_right_end(app)
    assert "Your email is confirmed." in press(app, link)
    assert account(app, "trap").email_verified_at is not None
    assert REFUSED in press(app, undo)


def test_no_change_gives_another_account_the_address(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    make_user(app, "trap")
    trap = Visitor(app)
    trap.log_in("trap")
    ask(trap, VICTIM)
    undo = link_to(app, smtp, VICTIM)
    assert undo.startswith("/undo_email_change/")
    with app.app_context(), transaction() as writing:
        user = writing.scalars(select(User).where(User.username == "trap")).one()
        change = pending_change(writing, user.id, now=utc_now())
        assert change is not None
        token = confirmation_token(token_keys(), user, change)
    assert HELD in press(app, f"/confirm_email_change/{token}")
    assert account(app, "trap").email == "trap@example.com"
    assert UNDONE in press(app, undo)


def test_an_operator_cannot_give_it_away_either(app: Flask, thief: Visitor) -> None:
    with app.app_context(), transaction() as writing, pytest.raises(TakenError) as refused:
        create_account(
            writing, username="bob", email=VICTIM, password_hash="-", verified_at=utc_now()
        )
    assert refused.value.field == "email"


def test_a_link_that_an_administrator_had_mailed_to_another_account_is_not_sent(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    make_user(app, "trap", email=VICTIM, verified=False)
    deliver_from(app)
    before = len(smtp.received)
    with app.app_context(), transaction() as writing:
        user = writing.scalars(select(User).where(User.username == "trap")).one()
        start_reset(writing, current_outbox(), user, Reason.ADMINISTRATOR, locale="en")
    deliver_from(app)
    assert len(smtp.received) == before
    assert rows(app)[-1].status == "discarded"


def test_the_owner_gets_the_address_back_from_an_account_that_got_it_all_the_same(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    """As one that proved it before addresses were reserved. It loses nothing else."""
    number = make_user(app, "bob", email=VICTIM, verified=False)
    old = utc_now() - timedelta(days=400)
    with app.app_context(), transaction() as writing:
        writing.execute(
            update(User)
            .where(User.id == number)
            .values(email_verified_at=utc_now(), registered_at=old)
        )
    bob = Visitor(app)
    bob.log_in("bob")
    Visitor(app).ask_for_reset(VICTIM)
    assert UNDONE in press(app, link_to(app, smtp, VICTIM))
    assert account(app, "susan").email == VICTIM
    assert account(app, "bob").email_verified_at is None
    assert "Hi, bob!" in words(bob.get("/"))


def test_an_account_that_lost_its_address_so_is_not_removed_with_what_it_wrote(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    make_user(app, "bob")
    make_user(app, "never", verified=False)
    bob = Visitor(app)
    bob.log_in("bob")
    move(app, smtp, bob, OTHER)
    with app.app_context(), transaction() as writing:
        old = utc_now() - timedelta(days=31)
        writing.execute(update(User).values(registered_at=old))
        writing.execute(
            update(User).where(User.username == "bob").values(email=VICTIM, email_key=VICTIM)
        )
    Visitor(app).ask_for_reset(VICTIM)
    assert UNDONE in press(app, link_to(app, smtp, VICTIM))
    assert account(app, "bob").email_verified_at is None
    with app.app_context(), transaction() as writing:
        remove_unverified(writing, utc_now())
        left = set(writing.scalars(select(User.username)))
    assert left == {"susan", "bob"}


def test_the_first_address_is_reserved_over_several_changes(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    move(app, smtp, thief, OTHER)
    for reserved in (VICTIM, EVIL):
        Visitor(app).register(f"trap-{reserved[:3]}", email=reserved)
        assert link_to(app, smtp, reserved).startswith("/undo_email_change/")
    assert UNDONE in press(app, link_to(app, smtp, VICTIM))
    # Undone with the first, the later change reserves nothing.
    assert "is confirmed" in press(app, verification_link(app, "trap-evi"))


def test_whoever_came_back_by_themselves_gets_a_reset_link(
    app: Flask, smtp: ScriptedServer, thief: Visitor
) -> None:
    """The address is the account's again: nothing has to be undone for a new password."""
    move(app, smtp, thief, VICTIM)
    Visitor(app).ask_for_reset(VICTIM)
    link = link_to(app, smtp, VICTIM)
    assert link.startswith("/reset_password/")
    assert "Your password has been reset." in post_new_password(Visitor(app), link)


def test_an_address_that_never_was_verified_is_not_reserved(
    app: Flask, smtp: ScriptedServer
) -> None:
    make_user(app, "susan", verified=False)
    visitor = Visitor(app)
    visitor.log_in("susan")
    move(app, smtp, visitor, EVIL)
    Visitor(app).register("owner", email=VICTIM)
    assert "is confirmed" in press(app, link_to(app, smtp, VICTIM))


def test_another_spelling_is_reserved_too(app: Flask, smtp: ScriptedServer, thief: Visitor) -> None:
    make_user(app, "trap", email="SUSAN@EXAMPLE.COM", verified=False)
    Visitor(app).ask_for_reset("Susan@Example.com")
    deliver_from(app)
    assert smtp.received[-1].recipients == [VICTIM]
    assert smtp.received[-1].message["Subject"] == FORMER
    assert HELD in press(app, verification_link(app, "trap"))


def test_a_reserved_address_looks_like_a_free_one(app: Flask, thief: Visitor) -> None:
    assert asked_with(app, VICTIM, "quick-fox") == asked_with(app, FREE, "lazy-dogs")
    kinds = [(row.kind, sorted(row.arguments)) for row in rows(app)][-6:]
    assert kinds[:3] == kinds[3:]
    assert {kind for kind, _arguments in kinds} == {RESET_KIND, VERIFY_KIND}


def asked_with(app: Flask, address: str, name: str) -> list[object]:
    """What the pages for a reset, a registration and one more link answer, but for the names."""
    newcomer = Visitor(app)
    fields = {"username": name, "email": address, "password": PASSWORD, "password2": PASSWORD}
    asked = [
        newcomer.submit("/reset_password_request", {"email": address}, follow=False),
        newcomer.get("/login"),
        newcomer.submit("/register", {**fields}, follow=False),
        newcomer.get("/"),
        newcomer.submit("/verify_email", token=newcomer.csrf_token("/"), follow=False),
        newcomer.get("/"),
    ]
    # A packed cookie's length is not the same twice, nor is the end of one that is kept for a year.
    texts = [
        re.sub(r"microblog=\*+|Expires=[^;]+", "", repr(comparable(one, address))) for one in asked
    ]
    return [text.replace(address, "ADDRESS").replace(name, "NAME") for text in texts]


def test_nobody_slips_in_while_the_change_is_confirmed(app: Flask, smtp: ScriptedServer) -> None:
    make_user(app, "susan")
    owner = Visitor(app)
    owner.log_in("susan")
    ask(owner, EVIL)
    confirm = link_to(app, smtp, EVIL)
    make_user(app, "trap", email=VICTIM, verified=False)
    verify = verification_link(app, "trap")
    said = at_once([lambda: press(app, confirm), *[lambda: press(app, verify)] * 8])
    assert f"Your address is now {EVIL}" in said[0]
    assert all(HELD in one for one in said[1:])
    assert account(app, "trap").email_verified_at is None


def at_once(actions: list[Callable[[], str]]) -> list[str]:
    starting = threading.Barrier(len(actions))
    said = [""] * len(actions)

    def act(number: int) -> None:
        starting.wait(timeout=30)
        said[number] = actions[number]()

    threads = [threading.Thread(target=act, args=(number,)) for number in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said


def test_of_two_rights_to_one_address_each_can_be_used(app: Flask, thief: Visitor) -> None:
    """As it was possible before addresses were reserved; who undoes last has the address."""
    links = {}
    make_user(app, "john", email=OTHER)
    with app.app_context(), transaction() as writing:
        john = writing.scalars(select(User).where(User.username == "john")).one()
        before = utc_now() - timedelta(hours=1)
        writing.add(
            EmailChange(
                user_id=john.id,
                old_email=VICTIM,
                new_email=OTHER,
                requested_at=before,
                confirmed_at=before,
                undo_until=before + timedelta(hours=72),
            )
        )
    with app.test_request_context():
        for change in db.session.scalars(select(EmailChange)):
            owner = db.session.get_one(User, change.user_id)
            token = undo_token(token_keys(), owner, change)
            links[owner.username] = url_for("email_change.undo", token=token)
    for name in ("susan", "john"):
        assert UNDONE in press(app, links[name])
        assert account(app, name).email == VICTIM
        assert account(app, name).email_verified_at is not None
