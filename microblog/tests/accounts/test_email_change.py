"""A change of address: asking, confirming, and undoing, over HTTP and with mail over SMTP."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from flask_outbox import current_outbox
from flask_outbox.application import state_of
from microblog.accounts.actions.email_change import (
    ASKED_A_DAY,
    ASKED_KIND,
    CONFIRM_KIND,
    EMAIL_CHANGED_KIND,
)
from microblog.accounts.models import EmailChange, KnownBrowser, LoginSession, SecurityEvent, User
from microblog.accounts.pending_changes import CONFIRM_WITHIN, UNDO_WITHIN
from microblog.database import db, transaction, utc_now
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    token_of,
    value_in,
    words,
)

Deliver = Callable[[], int]

OLD, NEW, THIRD = "susan@example.com", "new@example.com", "third@example.com"
CONFIRM, UNDO = "/confirm_email_change/", "/undo_email_change/"
ASKED = "We sent a link to the new address."
CONFIRMED = f"Your address is now {NEW}."
UNDONE = f"Your address is {OLD} again."
STOPPED = "All devices were signed out, and the old password no longer works."
REFUSED = "This link no longer works"
HELD = "Another account has this email"


@pytest.fixture
def susan(app: Flask) -> int:
    return make_verified(app, "susan")


@pytest.fixture
def owner(app: Flask, susan: int) -> Visitor:
    """Susan, logged in."""
    visitor = Visitor(app)
    assert "Hi, susan!" in words(visitor.log_in("susan"))
    return visitor


def make_verified(app: Flask, name: str, *, email: str = "") -> int:
    number = make_user(app, name, email=email)
    change_account(app, number, email_verified_at=utc_now())
    return number


def change_account(app: Flask, number: int, **values: Any) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(**values))


def account(app: Flask, number: int) -> User:
    with app.app_context():
        return db.session.get_one(User, number)


def ask(visitor: Visitor, address: str = NEW, password: str = PASSWORD) -> Any:
    return visitor.submit("/settings/email", {"email": address, "current_password": password})


def links(app: Flask, smtp: ScriptedServer) -> dict[str, str]:
    """Deliver what is due; the link in the newest mail to each address, by the address."""
    deliver_from(app)
    found: dict[str, str] = {}
    for received in smtp.received:
        link = re.search(r"^\S+/\w+/\S+$", received.text(), re.MULTILINE)
        if link:
            found[received.recipients[0]] = path_of(link[0])
    return found


def press(app: Flask, link: str) -> str:
    """Open a mailed link in a browser of its own, press its button; what the page says then."""
    visitor = Visitor(app)
    page = visitor.get(link)
    if 'name="csrf_token"' not in page.get_data(as_text=True):
        return words(page)
    return words(visitor.submit(page.request.path))


def press_at_once(app: Flask, link: str) -> str:
    """Press the button without opening the link first."""
    visitor = Visitor(app)
    return words(visitor.submit(link, token=visitor.csrf_token("/login")))


def change(app: Flask, smtp: ScriptedServer, owner: Visitor, address: str = NEW) -> str:
    """Change the address; returns the link to undo it that the former one got."""
    ask(owner, address)
    assert f"Your address is now {address}" in press(app, links(app, smtp)[address])
    former = [row.recipient for row in rows(app) if row.kind == EMAIL_CHANGED_KIND][-1]
    return links(app, smtp)[former]


def events(app: Flask, number: int) -> list[str]:
    with app.app_context():
        kinds = select(SecurityEvent.kind).where(SecurityEvent.user_id == number)
        return list(db.session.scalars(kinds.order_by(SecurityEvent.id)))


def test_an_address_is_changed(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    page = ask(owner)
    assert page.request.path == "/settings/email"
    assert ASKED in words(page)
    assert f"We sent a link to {NEW}" in words(page)
    assert account(app, susan).email == OLD
    assert CONFIRMED in press(app, links(app, smtp)[NEW])
    changed = account(app, susan)
    assert (changed.email, changed.email_key) == (NEW, NEW)
    assert changed.email_verified_at is not None
    page = owner.get("/settings/email")
    assert f"Your address is {NEW}." in words(page)
    assert "We sent a link" not in words(page)
    assert events(app, susan)[-2:] == ["email_change_asked", "email_changed"]
    assert "Hi, susan!" in words(Visitor(app).log_in(NEW))
    assert "Wrong username or password." in words(Visitor(app).log_in(OLD))


def test_both_ends_are_told(app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer) -> None:
    ask(owner)
    deliver_from(app)
    confirm, asked = sorted(smtp.received, key=lambda one: one.recipients[0])
    assert (confirm.recipients, asked.recipients) == ([NEW], [OLD])
    assert confirm.message["Subject"] == "Confirm your new email"
    assert asked.message["Subject"] == "Email change requested"
    press(app, links(app, smtp)[NEW])
    deliver_from(app)
    changed = smtp.received[-1]
    assert changed.recipients == [OLD]
    assert changed.message["Subject"] == "Your email was changed"
    for received in (confirm, asked, changed):
        assert received.message["From"] == f"Microblog <{app.config['ADMINS'][0]}>"
        for subtype in ("plain", "html"):
            assert ("susan" in received.text(subtype)) is (received is not confirm)
            assert PASSWORD not in received.text(subtype)
        # Who reads the old mailbox now may be somebody else.
        assert received is confirm or NEW not in received.text() + received.text("html")
    assert len(smtp.received) == 3


def test_the_new_address_reads_the_name_on_the_page_and_not_in_the_mail(
    app: Flask, smtp: ScriptedServer
) -> None:
    """It may be anybody's, and the name a stranger's words that look like a link."""
    name = "claim-prize.evil.example"
    make_verified(app, name)
    stranger = Visitor(app)
    stranger.log_in(name)
    ask(stranger)
    link = links(app, smtp)[NEW]
    (received,) = [one for one in smtp.received if one.recipients == [NEW]]
    for text in (received.text(), received.text("html"), str(received.message["Subject"])):
        assert "evil" not in text
    assert name in words(Visitor(app).get(link))


@pytest.mark.parametrize(
    ("fields", "beside", "said"),
    [
        ({}, "email", "This field is required."),
        ({"email": NEW}, "current_password", "This field is required."),
        (
            {"email": NEW, "current_password": "wrong"},
            "current_password",
            "This isn't your",
        ),
        ({"email": NEW, "current_password": "x" * 1025}, "current_password", "This isn't your"),
        ({"email": "new", "current_password": PASSWORD}, "email", "Enter a valid email address."),
        (
            {"email": f"{NEW},{OLD}", "current_password": PASSWORD},
            "email",
            "Enter a valid email address.",
        ),
        ({"email": f"{NEW}\r\nBcc: {OLD}", "current_password": PASSWORD}, "email", "Enter a valid"),
        ({"email": OLD, "current_password": PASSWORD}, "email", "This is already your address"),
    ],
)
def test_an_error_stands_beside_the_field(
    app: Flask, owner: Visitor, fields: dict[str, object], beside: str, said: str
) -> None:
    page = owner.submit("/settings/email", fields)
    assert error_beside(page, beside).startswith(said)
    assert value_in(page, "email") == fields.get("email", "")
    assert value_in(page, "current_password") == ""
    assert PASSWORD not in page.get_data(as_text=True)
    assert rows(app) == []


def test_asking_needs_a_log_in(app: Flask, susan: int) -> None:
    stranger = Visitor(app)
    assert "/login" in stranger.get("/settings/email", follow=False).headers["Location"]
    token = stranger.csrf_token("/login")
    for path in ("/settings/email", "/settings/email/cancel"):
        page = stranger.submit(path, {"email": NEW, "current_password": PASSWORD}, token=token)
        assert page.request.path == "/login"
    assert rows(app) == []


def test_asking_and_pressing_need_the_token_of_the_form(
    app: Flask, owner: Visitor, smtp: ScriptedServer, susan: int
) -> None:
    fields: dict[str, object] = {"email": NEW, "current_password": PASSWORD}
    assert owner.submit("/settings/email", fields, token="forged").status_code == 400
    ask(owner)
    link = links(app, smtp)[NEW]
    assert Visitor(app).submit(link, token="forged").status_code == 400
    assert owner.submit("/settings/email/cancel", token="forged").status_code == 400
    assert account(app, susan).email == OLD


def test_another_spelling_of_the_address_is_confirmed_like_any_other(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner, "SUSAN@example.com")
    assert account(app, susan).email == OLD
    deliver_from(app)
    confirm, notice = sorted(smtp.received, key=lambda one: one.recipients)
    assert [*confirm.recipients, *notice.recipients] == ["SUSAN@example.com", OLD]
    press(app, links(app, smtp)["SUSAN@example.com"])
    assert account(app, susan).email == "SUSAN@example.com"
    press(app, links(app, smtp)[OLD])
    assert account(app, susan).email == OLD


def test_an_account_asks_only_so_often_in_a_day(
    app: Flask, susan: int, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(ASKED_A_DAY):
        assert ASKED in words(ask(owner, f"new{number}@example.com"))
    page = ask(owner)
    said = error_beside(page, "email")
    assert said.startswith("You've requested this several times. You can try again at ")
    assert value_in(page, "email") == NEW
    set_clock(monkeypatch, utc_now() + timedelta(days=1))
    assert ASKED in words(ask(owner))


@ON_SQLITE
def test_an_account_that_asked_often_for_one_address_reads_when_it_can_ask_again(
    app: Flask, susan: int, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Further mail to the address would be held back: the page does not say that it was sent."""
    for spelling in (NEW, NEW.upper(), NEW):
        assert ASKED in words(ask(owner, spelling))
    page = ask(owner)
    assert "You can try again at " in error_beside(page, "email")
    assert ASKED in words(ask(owner, "another@example.com"))
    assert len([row for row in rows(app) if row.kind == CONFIRM_KIND]) == 4
    set_clock(monkeypatch, utc_now() + timedelta(minutes=15))
    assert ASKED in words(ask(owner))


def test_mail_scanners_change_nothing(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    sent = links(app, smtp)
    before = columns_of(app)
    for link in (sent[NEW], sent[OLD]):
        scanner = Visitor(app)
        assert scanner.get(link).status_code == 200
        assert scanner.client.head(link).status_code in {200, 302}
        assert app.test_client().options(link).status_code == 200
    assert columns_of(app) == before
    assert CONFIRMED in press(app, sent[NEW])
    before = columns_of(app)
    assert Visitor(app).get(sent[OLD]).status_code == 200
    assert columns_of(app) == before


def columns_of(app: Flask) -> tuple[Any, ...]:
    with app.app_context():
        return (
            db.session.execute(select(User.__table__)).all(),
            db.session.execute(select(EmailChange.__table__)).all(),
            db.session.scalar(select(func.count()).select_from(LoginSession)),
            [row.id for row in rows(app)],
        )


@pytest.mark.parametrize("which", ["confirm", "undo"])
def test_the_token_leaves_the_address_bar_and_no_page_holds_it(
    app: Flask, owner: Visitor, smtp: ScriptedServer, which: str
) -> None:
    ask(owner)
    link = links(app, smtp)[NEW if which == "confirm" else OLD]
    choose = link.rpartition("/")[0] + "/choose"
    visitor = Visitor(app)
    opened = visitor.get(link, follow=False)
    assert (opened.status_code, opened.headers["Location"]) == (302, choose)
    page = visitor.get(choose)
    refused = visitor.client.post(link)
    done = visitor.submit(choose, follow=False)
    used = visitor.get(link)
    assert REFUSED in words(used)
    assert REFUSED in words(visitor.get(choose))
    for one in (opened, page, refused, done, used):
        assert token_of(link) not in one.get_data(as_text=True)
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("bad", ["", "x", "choose", "\0", "a.b.c", "ä" * 300], ids=ascii)
@pytest.mark.parametrize("path", [CONFIRM, UNDO])
def test_a_bad_link_says_so(app: Flask, owner: Visitor, path: str, bad: str) -> None:
    page = Visitor(app).get(path + (bad or "choose"))
    assert page.status_code == 200
    assert REFUSED in words(page)
    assert REFUSED in press_at_once(app, path + (bad or "choose"))


def test_the_link_confirms_for_a_day(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(owner)
    link = links(app, smtp)[NEW]
    with app.app_context():
        asked = db.session.scalars(select(EmailChange.requested_at)).one()
    set_clock(monkeypatch, asked + CONFIRM_WITHIN)
    assert REFUSED in press(app, link)
    assert REFUSED in press_at_once(app, link)
    assert "We sent a link to" not in words(owner.get("/settings/email"))
    set_clock(monkeypatch, asked + CONFIRM_WITHIN - timedelta(seconds=1))
    assert CONFIRMED in press(app, link)


def test_a_link_is_used_once(app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer) -> None:
    ask(owner)
    link = links(app, smtp)[NEW]
    assert CONFIRMED in press(app, link)
    assert REFUSED in press(app, link)
    assert REFUSED in press_at_once(app, link)
    assert events(app, susan).count("email_changed") == 1


def test_a_new_asking_and_a_cancellation_kill_the_link_before(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    first = links(app, smtp)[NEW]
    ask(owner, THIRD)
    second = links(app, smtp)[THIRD]
    assert REFUSED in press(app, first)
    page = owner.submit("/settings/email/cancel", token=owner.csrf_token("/settings/email"))
    assert "The change was cancelled. Your address stays the same." in words(page)
    assert "We sent a link to" not in words(page)
    assert REFUSED in press(app, second)
    assert REFUSED in press(app, links(app, smtp)[OLD])
    page = owner.submit("/settings/email/cancel", token=owner.csrf_token("/settings/email"))
    assert "There's no longer a change to cancel." in words(page)
    assert account(app, susan).email == OLD
    assert "Hi, susan!" in words(owner.get("/"))


def test_asking_again_for_the_same_address_kills_the_link_before(
    app: Flask, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    first = links(app, smtp)[NEW]
    ask(owner)
    assert REFUSED in press(app, first)
    assert CONFIRMED in press(app, links(app, smtp)[NEW])


def test_mail_about_a_change_that_was_given_up_is_not_sent(
    app: Flask, owner: Visitor, smtp: ScriptedServer
) -> None:
    """Also where the database gives the number of a row that is gone to the next one."""
    ask(owner)
    ask(owner, THIRD)
    deliver_from(app)
    assert sorted(received.recipients[0] for received in smtp.received) == [OLD, THIRD]
    wanted = [(row.kind, row.status) for row in rows(app)]
    assert wanted == [
        (CONFIRM_KIND, "discarded"),
        (ASKED_KIND, "discarded"),
        (CONFIRM_KIND, "sent"),
        (ASKED_KIND, "sent"),
    ]


def test_mail_about_another_change_goes_to_nobody(
    app: Flask, owner: Visitor, smtp: ScriptedServer
) -> None:
    """As after an account was deleted whose change had the number that this one has now."""
    ask(owner)
    with app.app_context(), transaction() as writing:
        number = writing.scalars(select(EmailChange.id)).one()
        about = {"user_id": 1, "change_id": number, "at": 0.0, "browser": "", "address": ""}
        for kind in (CONFIRM_KIND, ASKED_KIND, EMAIL_CHANGED_KIND):
            current_outbox().enqueue(writing, kind, "eve@example.com", arguments=about)
    deliver_from(app)
    assert sorted(received.recipients[0] for received in smtp.received) == [NEW, OLD]


@pytest.mark.parametrize(
    "closed", [{"disabled_at": True}, {"deletes_at": True}, {"password_hash": "another"}], ids=str
)
def test_the_link_is_dead_while_the_account_is_closed_and_after_a_new_password(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer, closed: dict[str, Any]
) -> None:
    ask(owner)
    link = links(app, smtp)[NEW]
    change_account(app, susan, **{k: utc_now() if v is True else v for k, v in closed.items()})
    assert REFUSED in press(app, link)
    assert REFUSED in press_at_once(app, link)
    assert account(app, susan).email == OLD


def test_a_reset_kills_the_change_that_waits(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    link = links(app, smtp)[NEW]
    post_new_password(Visitor(app), reset_link_for(app, OLD))
    assert REFUSED in press(app, link)
    again = Visitor(app)
    again.log_in("susan", password="a brand new password")
    assert "We sent a link to" not in words(again.get("/settings/email"))


def test_links_are_for_their_purpose_and_their_account_only(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    sent = links(app, smtp)
    for path in (CONFIRM, UNDO, "/reset_password/", "/keep_account/", "/not_me/"):
        for link in (sent[NEW], sent[OLD], reset_link_for(app, OLD)):
            if not link.startswith(path):
                assert REFUSED in words(Visitor(app).get(path + token_of(link))), (path, link)
    with app.app_context(), transaction() as writing:
        writing.delete(writing.get_one(User, susan))
    assert REFUSED in press(app, sent[NEW])
    assert REFUSED in press(app, sent[OLD])


def test_links_mailed_to_the_old_address_are_dead_at_once(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    Visitor(app).ask_for_reset(OLD)
    reset = links(app, smtp)[OLD]
    Visitor(app).ask_for_reset(OLD)
    change(app, smtp, owner)
    assert REFUSED in words(Visitor(app).get(reset))
    assert REFUSED in post_new_password(Visitor(app), reset)
    Visitor(app).ask_for_reset(OLD)
    assert UNDO in links(app, smtp)[OLD]
    resets = [one for one in smtp.received if "/reset_password/" in one.text()]
    assert len(resets) == 2
    assert "Hi, susan!" in words(owner.get("/"))


def test_of_twenty_simultaneous_confirmations_one_wins(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    said = at_once(app, [links(app, smtp)[NEW]] * 20)
    assert [CONFIRMED in one for one in said].count(True) == 1
    assert [REFUSED in one for one in said].count(True) == 19
    assert events(app, susan).count("email_changed") == 1
    assert [row.kind for row in rows(app)].count(EMAIL_CHANGED_KIND) == 1


def at_once(app: Flask, paths: list[str]) -> list[str]:
    """Press each of these buttons at the same moment; what each page says."""
    starting = threading.Barrier(len(paths))
    visitors = [Visitor(app) for _ in paths]
    tokens = [one.csrf_token("/login") for one in visitors]
    said = [""] * len(paths)

    def use(number: int) -> None:
        starting.wait(timeout=30)
        said[number] = words(visitors[number].submit(paths[number], token=tokens[number]))

    threads = [threading.Thread(target=use, args=(number,)) for number in range(len(paths))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return said


def test_an_undone_change_closes_every_door(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    make_verified(app, "bob")
    bob, thief = Visitor(app), Visitor(app)
    bob.log_in("bob")
    thief.log_in("susan", remember=True)
    with app.app_context(), transaction() as writing:
        writing.add(KnownBrowser(user_id=susan, digest=b"x" * 32))
    undo = change(app, smtp, owner)
    ask(thief, THIRD)
    pending = links(app, smtp)[THIRD]
    said = press(app, undo)
    assert UNDONE in said
    assert STOPPED in said
    restored = account(app, susan)
    assert (restored.email, restored.email_key) == (OLD, OLD)
    assert restored.email_verified_at is not None
    for browser in (owner, thief):
        assert "Short posts, newest first." in words(browser.get("/"))
    assert "Hi, bob!" in words(bob.get("/"))
    assert "Wrong username or password." in words(Visitor(app).log_in("susan"))
    with app.app_context():
        known = select(KnownBrowser.id).where(
            KnownBrowser.user_id == susan, KnownBrowser.digest == b"x" * 32
        )
        assert db.session.scalar(known) is None
    assert REFUSED in press(app, pending)
    assert "email_change_undone" in events(app, susan)
    reset = links(app, smtp)[OLD]
    assert "Your password has been reset." in post_new_password(Visitor(app), reset)
    assert "Hi, susan!" in words(Visitor(app).log_in(OLD, password="a brand new password"))


def test_whoever_undoes_it_while_logged_in_is_logged_out(
    app: Flask, owner: Visitor, smtp: ScriptedServer
) -> None:
    undo = change(app, smtp, owner)
    page = owner.submit(owner.get(undo).request.path)
    assert page.request.path == "/login"
    assert UNDONE in words(page)
    assert "Sign out" not in words(page)


def test_the_undo_link_works_for_72_hours_and_once(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    undo = change(app, smtp, owner)
    with app.app_context():
        confirmed = db.session.scalars(select(EmailChange.confirmed_at)).one()
    assert confirmed is not None
    set_clock(monkeypatch, confirmed + UNDO_WITHIN)
    assert REFUSED in press(app, undo)
    assert REFUSED in press_at_once(app, undo)
    set_clock(monkeypatch, confirmed + UNDO_WITHIN - timedelta(seconds=1))
    assert UNDONE in press(app, undo)
    assert REFUSED in press(app, undo)
    assert REFUSED in press_at_once(app, undo)


def test_the_mail_to_the_old_address_says_until_when(
    app: Flask, owner: Visitor, smtp: ScriptedServer
) -> None:
    change(app, smtp, owner)
    with app.app_context():
        until = db.session.scalars(select(EmailChange.undo_until)).one()
    assert until is not None
    changed = [one for one in smtp.received if "was changed" in str(one.message["Subject"])]
    for subtype in ("plain", "html"):
        assert f"{until:%b %-d, %Y}" in " ".join(changed[0].text(subtype).split())


def test_of_twenty_simultaneous_undoings_one_wins(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    undo = change(app, smtp, owner)
    said = at_once(app, [undo] * 20)
    assert [UNDONE in one for one in said].count(True) == 1
    assert [REFUSED in one for one in said].count(True) == 19
    assert [row.kind for row in rows(app)].count("accounts.reset_started") == 1


def test_the_first_notice_stops_the_change_while_it_waits(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    sent = links(app, smtp)
    said = press(app, sent[OLD])
    assert UNDONE in said
    assert STOPPED in said
    assert REFUSED in press(app, sent[NEW])
    assert "Wrong username or password." in words(Visitor(app).log_in("susan"))
    assert REFUSED in press(app, sent[OLD])
    assert "/reset_password/" in links(app, smtp)[OLD]


def test_the_first_notice_undoes_the_change_when_it_is_done(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    sent = links(app, smtp)
    press(app, sent[NEW])
    second = links(app, smtp)[OLD]
    assert UNDONE in press(app, sent[OLD])
    assert account(app, susan).email == OLD
    assert REFUSED in press(app, second)


def test_the_first_address_has_the_last_word_over_later_changes(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    first = change(app, smtp, owner, NEW)
    second = change(app, smtp, owner, THIRD)
    assert UNDO in first
    assert first != second
    assert UNDONE in press(app, first)
    assert account(app, susan).email == OLD
    assert REFUSED in press(app, second)


def test_a_later_change_is_undone_and_the_first_address_still_has_its_say(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    first = change(app, smtp, owner, NEW)
    second = change(app, smtp, owner, THIRD)
    assert f"Your address is {NEW} again." in press(app, second)
    assert account(app, susan).email == NEW
    assert UNDONE in press(app, first)
    assert account(app, susan).email == OLD


def test_a_reset_in_between_does_not_keep_the_change_from_being_undone(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    undo = change(app, smtp, owner)
    post_new_password(Visitor(app), reset_link_for(app, NEW))
    assert UNDONE in press(app, undo)
    thief = Visitor(app)
    assert "Wrong username" in words(thief.log_in("susan", password="a brand new password"))


def test_a_disabled_account_gets_its_address_back_and_stays_disabled(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    undo = change(app, smtp, owner)
    change_account(app, susan, disabled_at=utc_now())
    assert UNDONE in press(app, undo)
    assert account(app, susan).email == OLD
    assert account(app, susan).disabled_at is not None


def test_undoing_a_change_keeps_an_account_that_was_to_be_deleted(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    undo = change(app, smtp, owner)
    owner.submit("/settings/delete", {"current_password": PASSWORD})
    assert account(app, susan).deletes_at is not None
    assert UNDONE in press(app, undo)
    assert account(app, susan).deletes_at is None
    assert "deletion_undone" in events(app, susan)


def test_an_address_that_never_was_verified_has_no_part_in_it(
    app: Flask, smtp: ScriptedServer
) -> None:
    """It may be mistyped, or somebody else's: its reader must not get the account."""
    number = make_user(app, "susan", verified=False)
    visitor = Visitor(app)
    visitor.log_in("susan")
    ask(visitor)
    sent = links(app, smtp)
    assert set(sent) == {NEW}
    assert CONFIRMED in press(app, sent[NEW])
    assert set(links(app, smtp)) == {NEW}
    assert account(app, number).email_verified_at is not None
    with app.app_context():
        assert db.session.scalars(select(EmailChange.undo_until)).one() is None


def test_an_address_that_another_account_holds_looks_like_any_other(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    make_verified(app, "bob")
    free, held = ask(owner, "rob@example.com"), ask(owner, "bob@example.com")
    assert "".join(untokened(free)) == "".join(untokened(held)).replace("bob@", "rob@")
    sent = links(app, smtp)
    assert CONFIRM not in sent.get("bob@example.com", "")
    assert [row.kind for row in rows(app)] == [CONFIRM_KIND, ASKED_KIND] * 2
    (told,) = [one for one in smtp.received if one.recipients == ["bob@example.com"]]
    assert "It already belongs to your account bob." in " ".join(told.text().split())
    assert "susan" not in told.text() + told.text("html")
    assert f"We sent a link to {'bob@example.com'}" in words(owner.get("/settings/email"))


def untokened(page: Any) -> str:
    return re.sub(r'name="csrf_token"[^>]*', "", page.get_data(as_text=True))


def test_an_address_that_only_is_claimed_can_be_confirmed(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    make_user(app, "bob", email=NEW, verified=False)
    ask(owner)
    assert CONFIRMED in press(app, links(app, smtp)[NEW])


def test_who_was_faster_holds_the_address(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    link = links(app, smtp)[NEW]
    make_verified(app, "bob", email=NEW)
    assert HELD in press(app, link)
    assert account(app, susan).email == OLD
    assert "email_changed" not in events(app, susan)
    assert EMAIL_CHANGED_KIND not in [row.kind for row in rows(app)]


def test_of_two_accounts_that_confirm_one_address_at_once_one_gets_it(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    make_verified(app, "bob")
    bob = Visitor(app)
    bob.log_in("bob")
    paths = []
    for one in (owner, bob):
        ask(one)
        paths.append(links(app, smtp)[NEW])
    said = at_once(app, paths)
    assert sorted((CONFIRMED in one, HELD in one) for one in said) == [(False, True), (True, False)]


def test_one_address_is_not_flooded_by_askings(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    for spelling in ("new@example.com", "New@example.com", "NEW@EXAMPLE.com", "nEW@example.com"):
        ask(owner, spelling)
        deliver_from(app)
    assert len([one for one in smtp.received if one.recipients != [OLD]]) == 3


def test_the_outbox_and_the_log_hold_no_token(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    before = rows(app)
    sent = links(app, smtp)
    press(app, sent[NEW])
    sent_later = links(app, smtp)
    secrets = {token_of(link) for link in (*sent.values(), *sent_later.values())}
    for row in (*before, *rows(app)):
        assert not any(secret in repr(vars(row)) for secret in secrets)


def test_changes_are_forgotten_when_they_are_of_no_more_use(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    change(app, smtp, owner)
    ask(owner, THIRD)
    task = state_of(app).outbox.periodic_tasks["accounts.email_changes"]

    def left(after: timedelta) -> int:
        with app.app_context(), transaction() as writing:
            assert task(writing, (utc_now() + after).timestamp()) is False
            return writing.scalar(select(func.count()).select_from(EmailChange)) or 0

    assert left(timedelta(days=4)) == 2
    assert left(timedelta(days=8)) == 1
    assert left(timedelta(days=399)) == 1
    assert left(timedelta(days=401)) == 0
