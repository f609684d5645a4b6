"""The end of an account: asked for, undone for seven days, and then nothing is left."""

from __future__ import annotations

import re
import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, inspect, select, text, update

from flask_outbox import current_outbox
from flask_outbox.application import state_of
from flask_outbox.message.addresses import address_digest
from flask_outbox.operations.counts import add_up
from flask_outbox.operations.messages import prune
from flask_outbox.outbox.models import MailEvent, OutboxMessage, Suppression
from flask_outbox.outbox.opt_outs import opt_out
from microblog.accounts.actions.deletion import DELETION_KIND, GRACE
from microblog.accounts.models import EmailChange, LoginSession, SecurityEvent, User
from microblog.accounts.pending_changes import UNDO_WITHIN
from microblog.blog import personal_data as blog_data
from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.web.error_reports import FAILURE_KIND
from tests.outbox_rows import rows
from tests.scopes import set_clock
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    PASSWORD,
    Visitor,
    deliver_from,
    error_beside,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    token_of,
    words,
)

ADDRESS = "susan@example.com"
PATH, KEEP = "/settings/delete", "/keep_account/"
KEPT = "Your account is kept. You can sign in as before."
REFUSED = "This link no longer works"


@pytest.fixture
def susan(app: Flask) -> int:
    return make_verified(app, "susan")


@pytest.fixture
def owner(app: Flask, susan: int) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in("susan")
    return visitor


def make_verified(app: Flask, name: str, *, email: str = "") -> int:
    number = make_user(app, name, email=email)
    change_account(app, number, email_verified_at=utc_now())
    return number


def change_account(app: Flask, number: int, **values: Any) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(**values))


def account(app: Flask, number: int) -> User | None:
    with app.app_context():
        return db.session.get(User, number)


def ask(visitor: Visitor, password: str = PASSWORD) -> Any:
    return visitor.submit(PATH, {"current_password": password})


def mailed(app: Flask, smtp: ScriptedServer, prefix: str, to: str = ADDRESS) -> str:
    """The last link of this kind in a mail to this address."""
    deliver_from(app)
    texts = "\n".join(one.text() for one in smtp.received if one.recipients == [to])
    return path_of(re.findall(rf"^\S+{prefix}\S+$", texts, re.MULTILINE)[-1])


def press(app: Flask, link: str) -> str:
    visitor = Visitor(app)
    page = visitor.get(link)
    if 'name="csrf_token"' not in page.get_data(as_text=True):
        return words(page)
    return words(visitor.submit(page.request.path))


def do_chores(app: Flask, after: timedelta = GRACE) -> int:
    """Let whoever delivers do the chore as if so much time had passed; returns the batches done."""
    task = state_of(app).outbox.periodic_tasks["accounts.delete"]
    done = 0
    while True:
        with app.app_context(), transaction() as writing:
            if not task(writing, (utc_now() + after).timestamp()):
                return done
            done += 1


def test_an_account_is_marked_and_every_session_ends(
    app: Flask, susan: int, owner: Visitor
) -> None:
    other = Visitor(app)
    other.log_in("susan", remember=True)
    before = utc_now()
    page = ask(owner)
    assert page.request.path == "/login"
    marked = account(app, susan)
    assert marked is not None
    assert marked.deletes_at is not None
    assert before + GRACE <= marked.deletes_at <= utc_now() + GRACE
    assert "Your account will be deleted on" in words(page)
    assert f"{marked.deletes_at:%b %-d, %Y}" in words(page)
    for browser in (owner, other):
        assert "Short posts, newest first." in words(browser.get("/"))
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(LoginSession)) == 0


@pytest.mark.parametrize(
    ("password", "said"),
    [("", "This field is required."), ("wrong", "This isn't your current password.")],
)
def test_a_wrong_password_deletes_nothing(
    app: Flask, susan: int, owner: Visitor, password: str, said: str
) -> None:
    page = ask(owner, password)
    assert error_beside(page, "current_password") == said
    found = account(app, susan)
    assert found is not None
    assert found.deletes_at is None


def test_the_page_says_what_will_happen_and_offers_a_download(owner: Visitor) -> None:
    page = owner.get(PATH)
    assert "For 7 days you can undo this" in words(page)
    assert '<a href="/settings/export">Download your data first</a>' in page.get_data(as_text=True)


def test_strangers_and_forged_forms_delete_nothing(app: Flask, susan: int, owner: Visitor) -> None:
    stranger = Visitor(app)
    token = stranger.csrf_token("/login")
    assert ask_with(stranger, token).request.path == "/login"
    assert ask_with(owner, "forged").status_code == 400
    found = account(app, susan)
    assert found is not None
    assert found.deletes_at is None


def ask_with(visitor: Visitor, token: str) -> Any:
    return visitor.submit(PATH, {"current_password": PASSWORD}, token=token)


def test_the_owner_is_told(app: Flask, owner: Visitor, smtp: ScriptedServer, susan: int) -> None:
    ask(owner)
    deliver_from(app)
    (notice,) = smtp.received
    assert notice.recipients == [ADDRESS]
    assert notice.message["Subject"] == "Your account will be deleted"
    marked = account(app, susan)
    assert marked is not None
    assert marked.deletes_at is not None
    for subtype in ("plain", "html"):
        said = " ".join(notice.text(subtype).split())
        assert f"{marked.deletes_at:%b %-d, %Y}" in said
        assert KEEP in said
        assert "/not_me/" in said
    with app.app_context():
        assert list(db.session.scalars(select(SecurityEvent.kind)))[-1] == "deletion_asked"


def test_the_mailed_link_keeps_the_account(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    link = mailed(app, smtp, KEEP)
    page = Visitor(app).get(link)
    assert "The account susan and everything it wrote will be deleted on" in words(page)
    before = account(app, susan)
    assert before is not None
    assert before.deletes_at is not None, "a mail scanner kept it"
    assert KEPT in press(app, link)
    after = account(app, susan)
    assert after is not None
    assert after.deletes_at is None
    assert "Hi, susan!" in words(Visitor(app).log_in("susan"))
    assert REFUSED in press(app, link)
    with app.app_context():
        kinds = list(db.session.scalars(select(SecurityEvent.kind)))
    assert kinds.count("deletion_undone") == 1


def test_the_link_is_kept_secret(app: Flask, owner: Visitor, smtp: ScriptedServer) -> None:
    ask(owner)
    link = mailed(app, smtp, KEEP)
    visitor = Visitor(app)
    opened = visitor.get(link, follow=False)
    assert opened.headers["Location"] == f"{KEEP}choose"
    for one in (opened, visitor.get(f"{KEEP}choose"), visitor.client.post(link)):
        assert token_of(link) not in one.get_data(as_text=True)
        assert one.headers["Cache-Control"] == "no-store"
        assert one.headers["Referrer-Policy"] == "no-referrer"
    for row in rows(app):
        assert token_of(link) not in repr(vars(row))


def test_a_link_of_a_former_deletion_does_not_undo_the_next_one(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    first = mailed(app, smtp, KEEP)
    press(app, first)
    owner.log_in("susan")
    ask(owner)
    assert REFUSED in press(app, first)
    assert KEPT in press(app, mailed(app, smtp, KEEP))


def test_the_mailed_link_ends_with_the_grace_period(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(owner)
    link = mailed(app, smtp, KEEP)
    marked = account(app, susan)
    assert marked is not None
    ends = marked.deletes_at
    assert ends is not None
    set_clock(monkeypatch, ends)
    assert REFUSED in press(app, link)
    set_clock(monkeypatch, ends - timedelta(seconds=2))
    assert KEPT in press(app, link)


def test_a_new_password_undoes_nothing_and_the_link_works_on(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    link = mailed(app, smtp, KEEP)
    said = post_new_password(Visitor(app), reset_link_for(app, ADDRESS))
    assert "Your password has been reset." in said
    marked = account(app, susan)
    assert marked is not None
    assert marked.deletes_at is not None
    assert KEPT in press(app, link)


def test_logging_in_leads_to_the_button_and_logs_nobody_in(
    app: Flask, susan: int, owner: Visitor
) -> None:
    ask(owner)
    page = owner.log_in("susan")
    assert page.request.path == f"{KEEP}choose"
    assert "Keep your account?" in words(page)
    assert "Short posts, newest first." in words(owner.get("/"))
    page = owner.submit(f"{KEEP}choose")
    assert KEPT in words(page)
    assert "Hi, susan!" in words(owner.log_in("susan"))


def test_a_wrong_password_says_nothing_about_the_deletion(
    app: Flask, susan: int, owner: Visitor
) -> None:
    ask(owner)
    for login in ("susan", ADDRESS):
        page = owner.log_in(login, password="wrong")
        assert page.request.path == "/login"
        assert "Wrong username or password." in words(page)


def test_this_was_not_me_keeps_the_account(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    press(app, mailed(app, smtp, "/not_me/"))
    kept = account(app, susan)
    assert kept is not None
    assert kept.deletes_at is None


def test_a_former_address_with_a_say_is_told_too_and_can_stop_it(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    """Whoever took the account over and moved it to an address of their own wants it gone."""
    owner.submit("/settings/email", {"email": "thief@example.com", "current_password": PASSWORD})
    press(app, mailed(app, smtp, "/confirm_email_change/", "thief@example.com"))
    ask(owner)
    deliver_from(app)
    notices = [one for one in smtp.received if "deleted" in str(one.message["Subject"])]
    assert sorted(one.recipients[0] for one in notices) == [ADDRESS, "thief@example.com"]
    (ours,) = [one for one in notices if one.recipients == [ADDRESS]]
    assert "/not_me/" in ours.text()
    press(app, mailed(app, smtp, "/not_me/"))
    kept = account(app, susan)
    assert kept is not None
    assert (kept.deletes_at, kept.email) == (None, ADDRESS)


def test_a_change_of_address_that_waits_is_given_up(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    owner.submit("/settings/email", {"email": "new@example.com", "current_password": PASSWORD})
    link = mailed(app, smtp, "/confirm_email_change/", "new@example.com")
    ask(owner)
    assert REFUSED in press(app, link)
    assert KEPT in press(app, mailed(app, smtp, KEEP))
    assert REFUSED in press(app, link)


def test_what_they_wrote_is_hidden_meanwhile(app: Flask, susan: int, owner: Visitor) -> None:
    owner.submit("/", {"post": "Hello from susan"})
    make_verified(app, "bob")
    bob = Visitor(app)
    bob.log_in("bob")
    assert "Hello from susan" in words(bob.get("/explore"))
    ask(owner)
    for reader in (bob, Visitor(app)):
        for path in ("/", "/explore"):
            assert "Hello from susan" not in words(reader.get(path))
        assert reader.get("/user/susan").status_code == 404


def test_nothing_is_deleted_before_its_time(app: Flask, susan: int, owner: Visitor) -> None:
    ask(owner)
    assert do_chores(app, GRACE - timedelta(minutes=1)) == 0
    assert account(app, susan) is not None
    assert do_chores(app) == 1
    assert account(app, susan) is None
    assert do_chores(app) == 0


OF_ADDRESSES = {"mail_suppressions", "mail_opt_outs", "mail_events"}


def test_then_nothing_is_left(app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer) -> None:
    fill(app, susan, owner, smtp)
    bob = make_verified(app, "bob")
    with app.app_context(), transaction() as writing:
        current_outbox().enqueue(writing, "accounts.reset_password", "bob@example.com")
    ask(owner)
    links = mailed(app, smtp, KEEP, "later@example.com"), mailed(app, smtp, "/undo_email_change/")
    found = traces(app, susan)
    assert {address_digest(ADDRESS), ADDRESS} <= {row.recipient for row in rows(app)}
    assert {"users", "posts", "outbox", "email_changes", *OF_ADDRESSES} <= set(found)
    do_chores(app)
    assert traces(app, susan) == {}
    assert account(app, bob) is not None
    assert [row.recipient for row in rows(app)] == ["bob@example.com"]
    for link in links:
        assert REFUSED in press(app, link)
    assert "Wrong username or password." in words(owner.log_in("susan"))


def fill(app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer) -> None:
    """Do what leaves a trace: in every table that can hold one."""
    owner.submit("/", {"post": "Hello from susan"})
    owner.submit("/settings/email", {"email": "later@example.com", "current_password": PASSWORD})
    press(app, mailed(app, smtp, "/confirm_email_change/", "later@example.com"))
    deliver_from(app)
    with app.app_context(), transaction() as writing:
        later = utc_now().timestamp() + 7200
        add_up(writing, now=later)
        assert prune(writing, now=later, retention=0)
        # Another would be lifted, since the server takes mail to the address.
        writing.add(Suppression(address_key=ADDRESS, reason="550", since=0.0, source="operator"))
        opt_out(writing, ADDRESS, "digest", now=later)
        writing.add(
            MailEvent(
                source="pipe",
                event_id="1",
                recipient_key=ADDRESS,
                at=later,
                meaning="dead",
                trusted=True,
            )
        )
        current_outbox().enqueue(writing, "accounts.reset_password", ADDRESS)


def traces(app: Flask, user_id: int) -> dict[str, int]:
    """By table: rows that name the account or one of its addresses, in full or as a digest."""
    keys = {"later@example.com", ADDRESS}
    keys |= {address_digest(key) for key in keys}
    found: dict[str, int] = {}
    with app.app_context():
        for table in inspect(db.engine).get_table_names():
            for row in db.session.execute(text(f'SELECT * FROM "{table}"')).mappings():
                refers = [row[name] == user_id for name in row if str(name).endswith("user_id")]
                if any(refers) or keys & {str(value) for value in row.values()}:
                    found[table] = found.get(table, 0) + 1
    return found


def test_mail_of_another_account_with_the_address_stays(app: Flask, susan: int) -> None:
    """Whoever registers with an address that is somebody else's cannot delete their mail."""
    claimant = make_user(app, "eve", verified=False)
    change_account(app, claimant, email=ADDRESS, email_key=ADDRESS, deletes_at=utc_now())
    with app.app_context(), transaction() as writing:
        outbox = current_outbox()
        outbox.enqueue(writing, "accounts.reset_password", ADDRESS)
        for number in (susan, claimant):
            outbox.enqueue(writing, DELETION_KIND, ADDRESS, arguments={"user_id": number})
    do_chores(app)
    assert account(app, claimant) is None
    assert account(app, susan) is not None
    assert [row.arguments.get("user_id") for row in rows(app)] == [None, susan]


def test_an_address_that_was_only_claimed_loses_nothing(app: Flask, smtp: ScriptedServer) -> None:
    """Else anybody could register with an operator's address, and have their mail erased."""
    operator, stranger = app.config["ADMINS"][0], "somebody@example.org"
    eve = Visitor(app)
    eve.register("eve", email=operator)
    eve.log_in("eve")
    eve.submit("/settings/email", {"email": stranger, "current_password": PASSWORD})
    deliver_from(app)
    assert [row.recipient for row in rows(app)] == [operator, stranger]
    for address in (operator, stranger):
        post_at(app, address, utc_now())
        suppress(app, address, utc_now())
    ask(eve)
    do_chores(app)
    assert [(row.kind, row.recipient) for row in rows(app)] == [
        (FAILURE_KIND, operator),
        (FAILURE_KIND, stranger),
    ]
    assert suppressed(app) == {operator, stranger}


def test_a_claim_of_a_stranger_keeps_nothing_from_being_erased(
    app: Flask, susan: int, owner: Visitor
) -> None:
    make_user(app, "eve", email=ADDRESS, verified=False)
    post_at(app, ADDRESS, utc_now())
    suppress(app, ADDRESS, utc_now())
    ask(owner)
    do_chores(app)
    assert rows(app) == []
    assert suppressed(app) == set()


@pytest.mark.parametrize(("days", "left"), [(30, {ADDRESS}), (5, set())])
def test_what_was_mailed_while_the_address_was_another_accounts_stays(
    app: Flask, susan: int, days: int, left: set[str]
) -> None:
    """Bob had it before: he moved away, and it came to be Susan's."""
    now = utc_now()
    bob = make_verified(app, "bob")
    move(app, bob, ADDRESS, "bob@example.com", at=now - timedelta(days=20))
    change_account(app, susan, registered_at=now - timedelta(days=25))
    for before in (30, 22, 5):
        post_at(app, ADDRESS, now - timedelta(days=before))
    suppress(app, ADDRESS, now - timedelta(days=days))
    change_account(app, susan, deletes_at=now)
    do_chores(app)
    assert [round(now.timestamp() - row.created_at) for row in rows(app)] == [
        timedelta(days=before).total_seconds() for before in (30, 22)
    ]
    assert suppressed(app) == left


def test_what_was_mailed_since_the_address_is_another_accounts_stays(
    app: Flask, susan: int
) -> None:
    """Susan moved away, and it came to be Bob's. Old messages are found by their digest."""
    now = utc_now()
    change_account(app, susan, registered_at=now - timedelta(days=50))
    post_at(app, ADDRESS, now - timedelta(days=40))
    with app.app_context(), transaction() as writing:
        writing.execute(update(OutboxMessage).values(status="sent", settled_at=0.0))
        add_up(writing, now=utc_now().timestamp())
        assert prune(writing, now=utc_now().timestamp(), retention=0)
    move(app, susan, ADDRESS, "later@example.com", at=now - timedelta(days=20))
    change_account(app, susan, email="later@example.com", email_key="later@example.com")
    bob = make_verified(app, "bob")
    change_account(app, bob, email=ADDRESS, email_key=ADDRESS)
    post_at(app, ADDRESS, now - timedelta(days=30))
    post_at(app, ADDRESS, now - timedelta(days=19), user_id=susan)
    post_at(app, ADDRESS, now - timedelta(days=5))
    suppress(app, ADDRESS, now - timedelta(days=5))
    assert address_digest(ADDRESS) in {row.recipient for row in rows(app)}
    change_account(app, susan, deletes_at=now)
    do_chores(app)
    (row,) = rows(app)
    assert round(now.timestamp() - row.created_at) == timedelta(days=5).total_seconds()
    assert suppressed(app) == {ADDRESS}


def post_at(app: Flask, address: str, at: datetime, **arguments: object) -> None:
    """As if something had been mailed to this address at that moment."""
    with app.app_context(), transaction() as writing:
        row_id = current_outbox().enqueue(writing, FAILURE_KIND, address, arguments=arguments)
        writing.get_one(OutboxMessage, row_id).created_at = at.timestamp()


def suppress(app: Flask, address: str, since: datetime) -> None:
    with app.app_context(), transaction() as writing:
        writing.add(Suppression(address_key=address, reason="550", since=since.timestamp()))


def suppressed(app: Flask) -> set[str]:
    with app.app_context():
        return set(db.session.scalars(select(Suppression.address_key)))


def move(app: Flask, number: int, old: str, new: str, *, at: datetime) -> None:
    """As if the account had changed its address at that moment."""
    with app.app_context(), transaction() as writing:
        writing.add(
            EmailChange(
                user_id=number,
                old_email=old,
                new_email=new,
                requested_at=at,
                confirmed_at=at,
                undo_until=at + UNDO_WITHIN,
            )
        )


def test_many_posts_are_deleted_in_batches(
    app: Flask, susan: int, owner: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blog_data, "ERASED_AT_ONCE", 10)
    with app.app_context(), transaction() as writing:
        writing.add_all(Post(user_id=susan, body=f"number {number}") for number in range(25))
    ask(owner)
    assert do_chores(app) == 3
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Post)) == 0


def test_an_account_that_is_kept_at_the_last_moment_is_kept(
    app: Flask, susan: int, owner: Visitor, smtp: ScriptedServer
) -> None:
    ask(owner)
    press(app, mailed(app, smtp, KEEP))
    assert do_chores(app) == 0
    assert account(app, susan) is not None


def test_two_processes_that_delete_at_once_do_not_disturb_each_other(app: Flask) -> None:
    for number in range(6):
        change_account(app, make_user(app, f"user{number}"), deletes_at=utc_now())
    errors: list[Exception] = []

    def work() -> None:
        try:
            do_chores(app)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to see it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert errors == []
    do_chores(app)
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(User)) == 0
        assert db.session.scalar(select(func.count()).select_from(EmailChange)) == 0
        assert db.session.scalar(select(func.count()).select_from(OutboxMessage)) == 0


def test_the_name_and_the_address_are_free_again(app: Flask, susan: int, owner: Visitor) -> None:
    ask(owner)
    assert "This username is taken. Choose another." in words(Visitor(app).register("susan"))
    do_chores(app)
    make_verified(app, "susan")
    assert "Hi, susan!" in words(Visitor(app).log_in("susan"))
