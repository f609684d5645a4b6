"""A site in this process that has something to show on every page."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from flask_outbox import current_outbox
from flask_outbox.dev import CaughtMail
from flask_outbox.dev.catcher import Catcher
from flask_outbox.outbox.models import MailReport, OutboxMessage, Status
from flask_outbox.outbox.suppressions import suppress
from microblog import schema
from microblog.accounts.actions import second_step
from microblog.accounts.models import RecoveryCode, User
from microblog.accounts.pages import current_password
from microblog.app import create_app
from microblog.blog import timeline
from microblog.blog.deletion import delete_post
from microblog.blog.likes import like
from microblog.blog.models import Post
from microblog.blog.posts import write_post
from microblog.cli.ports import choose_free
from microblog.database import db, transaction, utc_now
from microblog.messages import conversations
from microblog.moderation.models import Report
from microblog.people.models import Block, Follow, Mute
from microblog.people.signals import followed
from microblog.settings import Settings
from tests.accounts.authenticator_app import prove, set_up_app
from tests.accounts.passkey_device import PasskeyDevice
from tests.accounts.test_passkeys import add_passkey
from tests.browser.pages import (
    ADMIN,
    CHANGING,
    CODES,
    FORGETFUL,
    HALFWAY,
    HALFWAY_WAITING,
    HALFWAY_WITHOUT,
    LEAVER,
    LONG_NAME,
    MEMBER,
    NEWCOMER,
    PROTECTED,
    REFUSED,
    STRANGER,
    UNPROTECTED,
    WAITING,
)
from tests.constants import SECRET
from tests.moderation.conftest import invitation, message
from tests.visitor import PASSWORD, Visitor, deliver_from, make_user, token_of

LONG_ADDRESS = "somebody.with.a.very.long.address@a-domain-that-is-even-longer.example.com"
LONG_POST = (
    f"@{LONG_NAME} {'Donaudampfschifffahrtsgesellschaft' * 3} #{'garden' * 10}\n"
    f"https://www.example.com/{'a-long-path/' * 12} 花園裡的豆子 сад и огород"
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class FilledSite:
    """The address of the site; what `pages` calls things by; each reader's cookies."""

    address: str
    made: dict[str, str]
    cookies: dict[str, dict[str, str]]


@contextmanager
def filled_site(folder: Path) -> Iterator[FilledSite]:
    port, smtp_port = choose_free("127.0.0.1"), choose_free("127.0.0.1")
    app = in_another_thread(lambda: _build(folder, port, smtp_port))
    with pytest.MonkeyPatch.context() as patch:
        # A few posts say all about a page of them, and axe looks at each.
        patch.setattr(timeline, "PAGE_SIZE", 4)
        # The walk through all pages takes longer than a log-in may, and than a proof counts.
        patch.setattr(second_step, "LIFETIME", timedelta(days=1))
        patch.setattr(current_password, "FRESH_FOR", timedelta(days=1))
        made, cookies = in_another_thread(lambda: _fill(app, folder, port, smtp_port))
        with served(app, port) as address:
            yield FilledSite(address, made, cookies)


@contextmanager
def served(app: Flask, port: int) -> Iterator[str]:
    """The address of a site that threads of this process serve; it is closed at the end."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://localhost:{port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        in_another_thread(lambda: _close(app))


def in_another_thread(work: Callable[[], Result]) -> Result:
    """Run this in another thread: the browser's event loop runs in this one."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(work).result()


def _close(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


def _build(folder: Path, port: int, smtp_port: int) -> Flask:
    settings = Settings(
        DATABASE_URL=f"sqlite:///{folder}/site.db",
        INSTANCE_PATH=folder,
        SECRET_KEY=SECRET,
        PUBLIC_URL=f"http://localhost:{port}",
        ADMINS=["admin@microblog.example"],
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=smtp_port,
        RESET_LINK_SECONDS=86_400,
        RATELIMIT_ENABLED=False,
    )
    app = create_app(settings, demo=True)
    with app.app_context():
        schema.upgrade()
    return app


def _fill(
    app: Flask, folder: Path, port: int, smtp_port: int
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    made = _people_and_posts(app)
    caught = CaughtMail(Settings(INSTANCE_PATH=folder).caught_mail_folder)
    catcher = Catcher(caught, host="127.0.0.1", port=smtp_port)
    catcher.start()
    readers = _browsers(app) | _protected(app, f"http://localhost:{port}")
    deliver_from(app)
    made |= _links(caught)
    readers[WAITING].submit(_begin_removal(readers[WAITING], made))
    deliver_from(app)
    made |= _links(caught)
    catcher.stop()
    link = f"http://localhost/reset_password/{made['reset_password_of_erin']}"
    Visitor(app).choose_password(link, f"{PASSWORD} indeed")
    # The mail server is away from now on: this message waits.
    readers[STRANGER].ask_for_reset("alice@example.com")
    deliver_from(app)
    made |= _messages(app)
    with app.app_context():
        url = current_outbox().unsubscribe_url(f"{MEMBER}@example.com", "digest")
        made[f"unsubscribe_of_{MEMBER}"] = token_of(url)
    made["mail"] = caught.all()[0].id
    readers[STRANGER] = Visitor(app)
    return made, {name: _cookies(visitor) for name, visitor in readers.items()}


def _people_and_posts(app: Flask) -> dict[str, str]:
    people = ("alice", "bob", "carol", "dora", "erin", LEAVER)
    ids = {name: make_user(app, name) for name in (*people, UNPROTECTED, PROTECTED, CODES, WAITING)}
    ids["long"] = make_user(app, LONG_NAME)
    ids["refused"] = make_user(app, REFUSED, email=LONG_ADDRESS)
    ids["disabled"] = make_user(app, "disabled")
    now = utc_now()
    with app.app_context(), transaction() as writing:
        writing.get_one(User, ids["alice"]).is_admin = True
        writing.get_one(User, ids["alice"]).display_name = "Alice Angelika Wonderland-Ypsilanti"
        answer = f"recipient: 550 5.1.1 <{LONG_ADDRESS}>: Recipient address rejected"
        suppress(writing, [(LONG_ADDRESS, answer)], now=now.timestamp())
        writing.add(_report(now.timestamp()))
        for follower in ("bob", "carol", "long"):
            writing.add(Follow(follower_id=ids[follower], followed_id=ids["alice"]))
        writing.add(Follow(follower_id=ids["bob"], followed_id=ids["long"]))
        writing.add(Mute(muter_id=ids["bob"], muted_id=ids[CHANGING]))
        writing.add(Block(blocker_id=ids["bob"], blocked_id=ids["erin"]))
        for number in range(6):
            author = ids["alice"] if number % 2 else ids["bob"]
            write_post(writing, user_id=author, body=f"Number {number} #garden @bob", now=now)
        long_post = write_post(writing, user_id=ids["long"], body=LONG_POST, now=now)
        own_post = write_post(writing, user_id=ids["bob"], body="It rains at last!", now=now)
        for name in ("long", "dora", "alice"):
            like(writing, own_post, ids[name], now=now)
        followed.send(writing, follower_id=ids["long"], followed_id=ids["bob"])
        posts = {
            "long_post": str(long_post.id),
            "own_post": str(own_post.id),
            **_conversation(writing, ids, now),
        }
        writing.get_one(User, ids["disabled"]).disabled_at = now
        _write_messages(writing, ids)
    posts |= _reports(app, ids, long_post.id) | {"join": token_of(invitation(app))}
    numbers = {name: str(ids[name]) for name in ("bob", "disabled", PROTECTED)}
    return {**numbers, **posts, "suppressed": LONG_ADDRESS}


def _report(at: float) -> MailReport:
    """A report about mail that nobody understands, with a long line."""
    content = f"From: eve@example.org\n\n{'Donaudampfschiff' * 20} https://example.org/x".encode()
    return MailReport(
        id=1,
        source="imap",
        event_id="1",
        received_at=at,
        due_at=at,
        content=content,
        note="It is not a report that anybody here understands.",
    )


def _conversation(session: Session, ids: dict[str, int], now: datetime) -> dict[str, str]:
    """A thread with a place for each kind of post that is not shown."""

    def say(name: str, text: str, answered: Post | None = None) -> Post:
        reply_to = answered.id if answered else None
        return write_post(session, user_id=ids[name], body=text, now=now, reply_to=reply_to)

    thread = say("alice", "Who has seeds to swap? #garden")
    for name in ("bob", "carol", "dora"):
        like(session, thread, ids[name], now=now)
    answer = say("long", LONG_POST, thread)
    say("alice", "@bob Beans, and more beans.", say("bob", "What kind?", answer))
    for name in ("erin", "disabled", "carol"):
        say(name, "Not to be seen", thread)
    removed = say("dora", "Not to be seen", thread)
    say("bob", "Why not?", removed)
    last = say("bob", "I have some.", thread)
    delete_post(session, removed, now=now)
    return {"thread": str(thread.id), "reply": str(last.id)}


def _write_messages(writing: Session, ids: dict[str, int]) -> None:
    """A conversation of two people, and one whose newest message is long and not read."""
    now = utc_now()
    for sender, receiver, body, ago in (
        ("bob", "alice", "Could I borrow your baskets on Saturday?", timedelta(days=3)),
        ("alice", "bob", "Of course. https://www.example.com/baskets", timedelta(days=3)),
        ("bob", "alice", "Thank you.", timedelta(minutes=1)),
        ("long", "bob", LONG_POST, timedelta(0)),
    ):
        conversations.write(writing, ids[sender], receiver, body, now=now - ago)


def _reports(app: Flask, ids: dict[str, int], post_id: int) -> dict[str, str]:
    """Reports of a post and of a message, open and resolved; the numbers of both and of these."""
    message_id = message(app, ids["dora"], ids[MEMBER], LONG_POST)
    long, dora, now = ids["long"], ids["dora"], utc_now()
    with app.app_context(), transaction() as writing:
        of_post = Report(
            reporter_id=ids[MEMBER], author_id=long, post_id=post_id, body=LONG_POST, reason="spam"
        )
        of_message = Report(
            reporter_id=ids[MEMBER],
            author_id=dora,
            message_id=message_id,
            body="Not as it is now",
            reason="abuse",
            comment="w" * 100,
        )
        resolved = Report(
            author_id=long,
            body="Gone",
            reason="other",
            resolved_at=now,
            resolved_by_id=ids[ADMIN],
            outcome="dismissed",
        )
        writing.add_all([of_post, of_message, resolved])
        writing.flush()
        return {
            "message": str(message_id),
            "report_of_post": str(of_post.id),
            "report_of_message": str(of_message.id),
        }


def _browsers(app: Flask) -> dict[str, Visitor]:
    """The browsers of all readers; what they have done mails links of all kinds."""
    readers = {name: Visitor(app) for name in (STRANGER, FORGETFUL, NEWCOMER)}
    readers[FORGETFUL].ask_for_reset(f"{MEMBER}@example.com")
    readers[NEWCOMER].register(NEWCOMER, email=f"newcomer.{LONG_ADDRESS}")
    for name in (ADMIN, MEMBER, CHANGING, REFUSED, LEAVER):
        readers[name] = Visitor(app, new_browser=name == ADMIN)
        readers[name].log_in(name)
    prove(readers[ADMIN])
    readers[CHANGING].submit(
        "/settings/email", {"email": f"carol.{LONG_ADDRESS}", "current_password": PASSWORD}
    )
    readers.pop(LEAVER).submit("/settings/delete", {"current_password": PASSWORD})
    Visitor(app, new_browser=True).log_in("dora")
    Visitor(app).ask_for_reset("erin@example.com")
    return readers


def _protected(app: Flask, origin: str) -> dict[str, Visitor]:
    """The browsers of people with second factors; one of them has none yet."""
    readers = {name: Visitor(app) for name in (UNPROTECTED, PROTECTED, CODES, WAITING)}
    for name, reader in readers.items():
        reader.log_in(name)
        if name == UNPROTECTED:
            prove(reader)
        else:
            set_up_app(reader)
    for key in ("Phone", "Kitchen laptop"):
        add_passkey(readers[PROTECTED], PasskeyDevice(origin), key)
    _use_codes(app, PROTECTED, 8)
    readers |= {HALFWAY: Visitor(app), HALFWAY_WITHOUT: Visitor(app), HALFWAY_WAITING: Visitor(app)}
    readers[HALFWAY].log_in(PROTECTED)
    readers[HALFWAY_WITHOUT].log_in(CODES)
    readers[HALFWAY_WAITING].log_in(WAITING)
    for name in (HALFWAY, HALFWAY_WAITING):
        readers[name].submit("/login/second_step/lost")
    return readers


def _use_codes(app: Flask, name: str, count: int) -> None:
    """Use so many recovery codes of this person."""
    with app.app_context(), transaction() as writing:
        own = select(RecoveryCode).join(User).where(User.username == name).limit(count)
        for code in writing.scalars(own):
            code.used_at = utc_now()


def _begin_removal(visitor: Visitor, made: dict[str, str]) -> str:
    """Open the link that begins the removal; return the path of its form."""
    link = f"/remove_second_factor/{made[f'remove_second_factor_of_{WAITING}']}"
    return visitor.get(link).request.path


def _links(caught: CaughtMail) -> dict[str, str]:
    """The tokens of the mailed links, as in `verify_email_of_susan`."""
    return {
        f"{kind}_of_{reader}": token
        for message in caught.all()
        for reader in re.findall("^[a-z]+", message.recipients[0])
        for link in message.links
        for kind, _, token in [urlsplit(link).path[1:].partition("/")]
    }


def _messages(app: Flask) -> dict[str, str]:
    with app.app_context():
        by_status = {one.status: one.id for one in db.session.scalars(select(OutboxMessage)).all()}
    return {"sent": str(by_status[Status.SENT]), "waits": str(by_status[Status.DEFERRED])}


def _cookies(visitor: Visitor) -> dict[str, str]:
    return {one.key: one.value for one in (visitor.client._cookies or {}).values()}
