"""The table "What ends a second factor" of docs/accounts.md, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from flask_outbox import current_outbox
from microblog.accounts.actions import second_factor_recovery as recovery
from microblog.accounts.keys import token_keys
from microblog.accounts.models import Authenticator, KnownBrowser, Passkey, RecoveryCode, User
from microblog.admin import accounts as admin
from microblog.admin.accounts import COMMAND_LINE, Actor
from microblog.database import db, transaction, utc_now
from microblog.web.clients import RequestOrigin
from microblog.web.scope import Scope
from tests.accounts.authenticator_app import AuthenticatorApp, set_up_app
from tests.accounts.passkey_device import PasskeyDevice
from tests.accounts.test_passkeys import add_passkey
from tests.accounts.test_second_factor_recovery import time_passes
from tests.accounts.test_second_step import HELLO, OVERVIEW, SECOND_STEP, code_page
from tests.accounts.test_what_ends_what import PAGE, press
from tests.smtp_server import ScriptedServer
from tests.visitor import (
    ON_SQLITE,
    PASSWORD,
    Visitor,
    deliver_from,
    make_user,
    path_of,
    post_new_password,
    reset_link_for,
    words,
)

pytestmark = pytest.mark.slow

HEADER, _LINE, *TABLE = re.findall(
    r"(?m)^\|.*\|$",
    PAGE.read_text().partition("### What ends a second factor")[2].partition("\n## ")[0],
)
EXPECTED = {cells[0]: cells[1:] for cells in (row.strip("| ").split(" | ") for row in TABLE)}

FIRST, SECOND, THIRD = "Susan@example.com", "second@example.com", "third@example.com"
OLD = timedelta(hours=73)


@dataclass
class Scene:
    """Susan, with an old app, an old and a new passkey, a trusted browser, and a removal.

    She moved from FIRST to SECOND and asked for THIRD.
    """

    app: Flask
    smtp: ScriptedServer
    owner: Visitor
    trusted: Visitor
    phone: AuthenticatorApp
    links: dict[str, str]

    def mailed(self, address: str, name: str) -> str:
        deliver_from(self.app)
        texts = "\n".join(one.text() for one in self.smtp.received if one.recipients == [address])
        return path_of(re.findall(rf"^\S+/{name}/\S+$", texts, re.MULTILINE)[-1])

    def press(self, path: str) -> None:
        """Press a button on the page of second factors."""
        self.owner.submit(path, token=self.owner.csrf_token(OVERVIEW))

    def act(self, act: Callable[..., object], *arguments: object) -> None:
        """Do what a command does to the account."""
        scope = Scope(RequestOrigin(), utc_now(), "en")
        with self.app.app_context(), transaction() as writing:
            user = writing.scalars(select(User)).one()
            act(writing, *arguments, user, Actor(COMMAND_LINE), scope)


@pytest.fixture
def scene(app: Flask, smtp: ScriptedServer) -> Scene:
    make_user(app, "Susan")
    owner, trusted = Visitor(app), Visitor(app)
    owner.log_in("Susan")
    found = Scene(app, smtp, owner, trusted, set_up_app(owner), {})
    add_passkey(owner, PasskeyDevice(), "Spare")
    make_old(app)
    assert "We sent a link" in words(owner.submit("/settings/email", {"email": SECOND}))
    press(app, found.mailed(SECOND, "confirm_email_change"))
    found.links["undo"] = found.mailed(FIRST, "undo_email_change")
    add_passkey(owner, PasskeyDevice(), "Phone")
    found.links["not me"] = found.mailed(SECOND, "not_me")
    assert "We sent a link" in words(owner.submit("/settings/email", {"email": THIRD}))
    found.links["confirm"] = found.mailed(THIRD, "confirm_email_change")
    trusted.log_in("Susan")
    assert HELLO in code_page(trusted, found.phone.recovery_codes[0], trust="y")
    trusted.log_out()
    with app.app_context():
        user = db.session.scalars(select(User)).one()
        token = recovery.removal_token(token_keys(), user, now=utc_now())
    press(app, f"/remove_second_factor/{token}")
    return found


def make_old(app: Flask) -> None:
    with app.app_context(), transaction() as writing:
        writing.execute(update(Authenticator).values(confirmed_at=utc_now() - OLD))
        writing.execute(update(Passkey).values(created_at=utc_now() - OLD))
        writing.execute(update(RecoveryCode).values(created_at=utc_now() - OLD))


def log_in_with_trust(scene: Scene) -> None:
    assert HELLO in words(scene.trusted.log_in("Susan"))


def log_in_with_code(scene: Scene) -> None:
    visitor = Visitor(scene.app)
    assert visitor.log_in("Susan").request.path == SECOND_STEP
    assert HELLO in code_page(visitor, scene.phone.unused_code())


def change_password(scene: Scene) -> None:
    new = "a brand new password"
    fields: dict[str, object] = {"current_password": PASSWORD, "password": new, "password2": new}
    assert "was changed" in words(scene.owner.submit("/settings/password", fields))


def remove_the_spare(scene: Scene) -> None:
    with scene.app.app_context():
        number = db.session.scalars(select(Passkey.id).where(Passkey.name == "Spare")).one()
    scene.press(f"{OVERVIEW}/passkeys/{number}/remove")


def sign_out_elsewhere(scene: Scene) -> None:
    token = scene.owner.csrf_token("/settings/sessions")
    assert scene.owner.submit("/settings/sessions/end_others", token=token).status_code == 200


def ask_for_deletion(scene: Scene) -> None:
    assert "will be deleted on" in words(scene.owner.submit("/settings/delete"))


HAPPENS: dict[str, Callable[[Scene], object]] = {
    "A log-in with a trusted browser": log_in_with_trust,
    "A log-in with a second step": log_in_with_code,
    "A reset of the password": lambda scene: post_new_password(
        Visitor(scene.app), reset_link_for(scene.app, SECOND)
    ),
    "A change of password": change_password,
    "The new address is confirmed": lambda scene: press(scene.app, scene.links["confirm"]),
    "An earlier change is undone": lambda scene: press(scene.app, scene.links["undo"]),
    '"This wasn\'t me"': lambda scene: press(scene.app, scene.links["not me"]),
    "A factor is added": lambda scene: add_passkey(scene.owner, PasskeyDevice(), "Another"),
    "A factor is removed": remove_the_spare,
    "Recovery codes are renewed": lambda scene: scene.press(f"{OVERVIEW}/codes"),
    "Another device is signed out": sign_out_elsewhere,
    "The removal is stopped": lambda scene: scene.press(f"{OVERVIEW}/keep"),
    "The 72 hours are over": lambda scene: time_passes(scene.app, 72),
    "An administrator removes it": lambda scene: scene.act(
        lambda writing, *more: admin.reset_second_factor(writing, current_outbox(), *more)
    ),
    "The account is disabled": lambda scene: scene.act(admin.disable),
    "A deletion is asked for": ask_for_deletion,
}


def test_the_table_has_a_row_for_each() -> None:
    assert list(EXPECTED) == list(HAPPENS)
    assert HEADER.strip("| ").split(" | ")[1:] == [
        "Trusted browsers",
        "A factor of before",
        "One of the last 72 hours",
        "The 72 hours of a removal",
    ]


# One engine is enough: in test_second_factor_machine.py both go through all of this.
@ON_SQLITE
@pytest.mark.parametrize("happens", HAPPENS)
def test_what_ends_a_second_factor(scene: Scene, happens: str) -> None:
    assert found_now(scene) == ["stay", "stays", "stays", "go on"]
    HAPPENS[happens](scene)
    assert found_now(scene) == EXPECTED[happens]


@ON_SQLITE
def test_a_former_address_that_can_undo_its_change_stops_the_removal(scene: Scene) -> None:
    """Whoever changed the address reads the mail of the new one."""
    press(scene.app, scene.mailed(FIRST, "keep_second_factor"))
    assert found_now(scene) == ["stay", "stays", "stays", "end"]
    deliver_from(scene.app)
    told = [one.recipients for one in scene.smtp.received if "keep_second_factor" in one.text()]
    assert sorted(told) == [[FIRST], [SECOND]], "and nobody whose address was only asked for"


def found_now(scene: Scene) -> list[str]:
    """What the database holds, in the words of the table."""
    with scene.app.app_context():
        user = db.session.scalars(select(User)).one()
        trusted = db.session.scalar(select(func.count(KnownBrowser.trusted_until)))
        app = db.session.scalar(select(func.count(Authenticator.confirmed_at)))
        phone = db.session.scalar(select(func.count()).where(Passkey.name == "Phone"))
    return [
        "stay" if trusted else "end",
        "stays" if app else "ends",
        "stays" if phone else "ends",
        "go on" if user.second_factor_ends_at else "end",
    ]
