"""The table "What ends what" of docs/accounts.md, row by row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update

from flask_outbox.application import state_of
from microblog.accounts.models import User
from microblog.database import transaction, utc_now
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

pytestmark = pytest.mark.slow

PAGE = Path(__file__).parents[3] / "docs" / "accounts.md"
REFUSED = "This link no longer works"
FIRST, SECOND, THIRD = "susan@example.com", "second@example.com", "third@example.com"

HEADER, _LINE, *TABLE = re.findall(
    r"(?m)^\|.*\|$", PAGE.read_text().partition("## What ends what")[2].partition("\n## ")[0]
)
EXPECTED = {cells[0]: cells[1:] for cells in (row.strip("| ").split(" | ") for row in TABLE)}


@dataclass
class Scene:
    """Susan, who moved from FIRST to SECOND and asked for THIRD, in two browsers."""

    app: Flask
    smtp: ScriptedServer
    owner: Visitor
    other: Visitor
    links: dict[str, str]


@pytest.fixture
def scene(app: Flask, smtp: ScriptedServer) -> Scene:
    number = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).where(User.id == number).values(email_verified_at=utc_now()))
    owner, other = Visitor(app), Visitor(app)
    owner.log_in("susan")
    other.log_in("susan")
    found = Scene(app, smtp, owner, other, {})
    change_password(found, PASSWORD, "another password")
    ask(found, SECOND, "another password")
    found.links["first notice"] = mailed(found, FIRST, "undo_email_change")
    press(app, mailed(found, SECOND, "confirm_email_change"))
    found.links["undo"] = mailed(found, FIRST, "undo_email_change")
    change_password(found, "another password", PASSWORD)
    found.links["not me"] = mailed(found, SECOND, "not_me")
    ask(found, THIRD, PASSWORD)
    found.links["confirm"] = mailed(found, THIRD, "confirm_email_change")
    found.links["stop"] = mailed(found, SECOND, "undo_email_change")
    found.links["reset"] = reset_link_for(app, SECOND)
    other.log_in("susan")
    return found


def change_password(scene: Scene, old: str, new: str) -> None:
    fields: dict[str, object] = {"current_password": old, "password": new, "password2": new}
    assert "was changed" in words(scene.owner.submit("/settings/password", fields))


def ask(scene: Scene, address: str, password: str) -> None:
    fields: dict[str, object] = {"email": address, "current_password": password}
    assert "We sent a link" in words(scene.owner.submit("/settings/email", fields))


def mailed(scene: Scene, address: str, name: str) -> str:
    deliver_from(scene.app)
    texts = "\n".join(one.text() for one in scene.smtp.received if one.recipients == [address])
    return path_of(re.findall(rf"^\S+/{name}/\S+$", texts, re.MULTILINE)[-1])


def press(app: Flask, link: str) -> None:
    visitor = Visitor(app)
    visitor.submit(visitor.get(link).request.path)


def delete_account(scene: Scene) -> None:
    scene.owner.submit("/settings/delete", {"current_password": PASSWORD})


def delete_at_last(scene: Scene) -> None:
    delete_account(scene)
    task = state_of(scene.app).outbox.periodic_tasks["accounts.delete"]
    with scene.app.app_context(), transaction() as writing:
        assert task(writing, utc_now().timestamp() + 7 * 86400)


HAPPENS: dict[str, Callable[[Scene], object]] = {
    "A log-in": lambda scene: Visitor(scene.app).log_in("susan"),
    "A reset of the password": lambda scene: post_new_password(
        Visitor(scene.app), scene.links["reset"]
    ),
    "A change of password": lambda scene: change_password(scene, PASSWORD, "a third password"),
    "Another address is asked for": lambda scene: ask(scene, "fourth@example.com", PASSWORD),
    "The change is cancelled": lambda scene: scene.owner.submit(
        "/settings/email/cancel", token=scene.owner.csrf_token("/settings/email")
    ),
    "The new address is confirmed": lambda scene: press(scene.app, scene.links["confirm"]),
    "The change is stopped from the present address": lambda scene: press(
        scene.app, scene.links["stop"]
    ),
    "An earlier change is undone": lambda scene: press(scene.app, scene.links["undo"]),
    '"This wasn\'t me"': lambda scene: press(scene.app, scene.links["not me"]),
    "A deletion is asked for": delete_account,
    "The account is deleted": delete_at_last,
}


def test_the_table_has_a_row_for_each() -> None:
    assert list(EXPECTED) == list(HAPPENS)
    assert HEADER.strip("| ").split(" | ")[1:] == [
        "Sessions",
        "Reset links",
        "A pending new address",
        "Undo links",
        '"This wasn\'t me" links',
    ]


@pytest.mark.parametrize("happens", HAPPENS)
def test_what_ends(scene: Scene, happens: str) -> None:
    assert found_now(scene) == ["stay", "work", "can be confirmed", "work", "work"]
    HAPPENS[happens](scene)
    expected = [cell.replace("–", "is cancelled") for cell in EXPECTED[happens]]
    assert found_now(scene) == expected


def found_now(scene: Scene) -> list[str]:
    """What a person finds who looks, in the words of the table."""
    page = "/settings/email"
    stay = [one.get(page).request.path == page for one in (scene.owner, scene.other)]
    sessions = {(True, True): "stay", (True, False): "others end", (False, False): "all end"}
    return [
        sessions[stay[0], stay[1]],
        "work" if works(scene, "reset") else "end",
        "can be confirmed" if works(scene, "confirm") else "is cancelled",
        "work" if works(scene, "undo") else "end",
        not_me(scene),
    ]


def works(scene: Scene, link: str) -> bool:
    return REFUSED not in words(Visitor(scene.app).get(scene.links[link]))


def not_me(scene: Scene) -> str:
    if not works(scene, "not me"):
        return "end"
    leads_to = Visitor(scene.app).get(scene.links["not me"]).request.path
    return "lead to the undo" if leads_to.startswith("/undo_email_change/") else "work"
