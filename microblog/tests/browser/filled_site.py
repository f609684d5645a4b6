"""A site in this process that has something to show on every page."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.serving import make_server

from flask_outbox.dev import CaughtMail
from flask_outbox.dev.catcher import Catcher
from flask_outbox.outbox.models import OutboxMessage, Status
from flask_outbox.outbox.suppressions import suppress
from microblog import database
from microblog.accounts.models import User
from microblog.app import create_app
from microblog.blog import timeline
from microblog.blog.models import Block, Follow, Mute
from microblog.blog.posts import write_post
from microblog.cli.ports import choose_free
from microblog.database import db, transaction, utc_now
from microblog.settings import Settings
from tests.browser.pages import (
    ADMIN,
    CHANGING,
    FORGETFUL,
    LEAVER,
    LONG_NAME,
    MEMBER,
    NEWCOMER,
    REFUSED,
    STRANGER,
)
from tests.constants import SECRET
from tests.visitor import PASSWORD, Visitor, deliver_from, make_user

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
    made, cookies = in_another_thread(lambda: _fill(app, folder, smtp_port))
    with served(app, port) as address, pytest.MonkeyPatch.context() as patch:
        # A few posts say all about a page of them, and axe looks at each.
        patch.setattr(timeline, "PAGE_SIZE", 4)
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
        database.upgrade()
    return app


def _fill(
    app: Flask, folder: Path, smtp_port: int
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    made = _people_and_posts(app)
    caught = CaughtMail(Settings(INSTANCE_PATH=folder).caught_mail_folder)
    catcher = Catcher(caught, host="127.0.0.1", port=smtp_port)
    catcher.start()
    readers = _browsers(app)
    deliver_from(app)
    made |= _links(caught)
    catcher.stop()
    link = f"http://localhost/reset_password/{made['reset_password_of_erin']}"
    Visitor(app).choose_password(link, f"{PASSWORD} indeed")
    # The mail server is away from now on: this message waits.
    readers[STRANGER].ask_for_reset("alice@example.com")
    deliver_from(app)
    made |= _messages(app)
    made["mail"] = caught.all()[0].id
    readers[STRANGER] = Visitor(app)
    return made, {name: _cookies(visitor) for name, visitor in readers.items()}


def _people_and_posts(app: Flask) -> dict[str, str]:
    ids = {
        name: make_user(app, name) for name in ("alice", "bob", "carol", "dora", "erin", "leaver")
    }
    ids["long"] = make_user(app, LONG_NAME)
    ids["refused"] = make_user(app, REFUSED, email=LONG_ADDRESS)
    ids["disabled"] = make_user(app, "disabled")
    now = utc_now()
    with app.app_context(), transaction() as writing:
        writing.get_one(User, ids["alice"]).is_admin = True
        writing.get_one(User, ids["alice"]).display_name = "Alice Angelika Wonderland-Ypsilanti"
        writing.get_one(User, ids["disabled"]).disabled_at = now
        answer = f"recipient: 550 5.1.1 <{LONG_ADDRESS}>: Recipient address rejected"
        suppress(writing, [(LONG_ADDRESS, answer)], now=now.timestamp())
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
        posts = {"long_post": str(long_post.id), "own_post": str(own_post.id)}
    numbers = {name: str(ids[name]) for name in ("bob", "disabled")}
    return {**numbers, **posts, "suppressed": LONG_ADDRESS}


def _browsers(app: Flask) -> dict[str, Visitor]:
    """The browsers of all readers; what they have done mails links of all kinds."""
    readers = {name: Visitor(app) for name in (STRANGER, FORGETFUL, NEWCOMER)}
    readers[FORGETFUL].ask_for_reset(f"{MEMBER}@example.com")
    readers[NEWCOMER].register(NEWCOMER, email=f"newcomer.{LONG_ADDRESS}")
    for name in (ADMIN, MEMBER, CHANGING, REFUSED, LEAVER):
        readers[name] = Visitor(app, new_browser=name == ADMIN)
        readers[name].log_in(name)
    readers[CHANGING].submit(
        "/settings/email", {"email": f"carol.{LONG_ADDRESS}", "current_password": PASSWORD}
    )
    readers.pop(LEAVER).submit("/settings/delete", {"current_password": PASSWORD})
    Visitor(app, new_browser=True).log_in("dora")
    Visitor(app).ask_for_reset("erin@example.com")
    return readers


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
