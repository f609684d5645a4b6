"""People who write to each other, for tests of conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from microblog.accounts.models import User
from microblog.database import db, transaction, utc_now
from microblog.messages import conversations
from microblog.messages.models import MessagePreference, Participation
from tests.visitor import Visitor, make_user


class People:
    """Accounts by name, each with a browser in which it is signed in."""

    def __init__(self, app: Flask, *names: str) -> None:
        self.app = app
        self.ids: dict[str, int] = {}
        self.browsers: dict[str, Visitor] = {}
        for name in names:
            self.add(name)

    def add(self, name: str, *, verified: bool = True) -> Visitor:
        self.ids[name] = make_user(self.app, name, verified=verified)
        self.browsers[name] = Visitor(self.app)
        self.browsers[name].log_in(name)
        return self.browsers[name]

    def write(self, sender: str, receiver: str, body: str = "Hello") -> int:
        """Write by the rule, without its page; return the message's id."""
        with self.app.app_context(), transaction() as writing:
            made = conversations.write(writing, self.ids[sender], receiver, body, now=utc_now())
            return made.id

    def send(self, sender: str, receiver: str, body: str = "Hello") -> TestResponse:
        """Write by the page."""
        browser = self.browsers[sender]
        # Not every conversation has a form.
        token = browser.csrf_token("/")
        return browser.submit(f"/messages/{receiver}", {"message": body}, token=token)

    def open(self, reader: str, path: str) -> TestResponse:
        return self.browsers[reader].get(path)

    def participation(self, name: str, other: str) -> Participation:
        with self.app.app_context():
            wanted = select(Participation).where(
                Participation.user_id == self.ids[name], Participation.other_id == self.ids[other]
            )
            return db.session.scalars(wanted).one()

    def unread(self, name: str) -> int:
        with self.app.app_context():
            return conversations.unread_count(db.session, self.ids[name])

    def add_row(self, row: Any) -> None:
        with self.app.app_context(), transaction() as writing:
            writing.add(row)

    def change(self, name: str, values: Mapping[str, Any]) -> None:
        with self.app.app_context(), transaction() as writing:
            writing.execute(update(User).where(User.id == self.ids[name]).values(values))

    def choose(self, name: str, senders: str) -> None:
        self.add_row(MessagePreference(user_id=self.ids[name], senders=senders))
