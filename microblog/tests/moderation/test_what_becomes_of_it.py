"""The table "What becomes of what others see" of docs/accounts.md, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, func, select

from flask_outbox.application import state_of
from microblog.database import db, transaction, utc_now
from microblog.messages.models import Conversation
from microblog.moderation.invitations import make_invitation
from microblog.moderation.models import Invitation, Report
from microblog.notifications.models import Notification
from microblog.people.models import Block
from tests.admin.conftest import logged_in
from tests.moderation.conftest import change, message, post, report
from tests.scopes import scope_now
from tests.visitor import PASSWORD, Visitor, make_user, words

PAGE = Path(__file__).parents[3] / "docs" / "accounts.md"
_SECTION = PAGE.read_text().partition("## What becomes of what others see")[2]
HEADER, _LINE, *_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in re.findall(r"(?m)^\|.*\|$", _SECTION.partition("\n## ")[0])
]
EXPECTED = {row[0]: dict(zip(HEADER[1:], row[1:], strict=True)) for row in _ROWS}


@dataclass
class Scene:
    """susan and david, who wrote to each other and reported each other; susan likes and follows."""

    app: Flask
    susan: int
    david: int
    visitors: dict[str, Visitor]


@pytest.fixture
def scene(app: Flask) -> Scene:
    susan, david = make_user(app, "susan"), make_user(app, "david")
    visitors = {name: logged_in(app, name) for name in ("susan", "david")}
    theirs, own = post(app, david), post(app, susan)
    message(app, susan, david)
    token = visitors["susan"].csrf_token("/")
    for address in (f"/post/{theirs}/like", "/follow/david"):
        visitors["susan"].submit(address, token=token)
    report(visitors["susan"], f"/report/post/{theirs}")
    report(visitors["david"], f"/report/post/{own}")
    with app.app_context(), transaction() as writing:
        make_invitation(writing, scope_now(), made_by_id=susan, uses=1, lasts=timedelta(hours=24))
    return Scene(app, susan, david, visitors)


def lists(scene: Scene, path: str, *, reader: str = "david", about: str = "susan") -> bool:
    return about in words(scene.visitors[reader].get(path)).partition("Settings")[0]


def count(scene: Scene, table: type, *conditions: object) -> int:
    with scene.app.app_context():
        wanted = select(func.count()).select_from(table).where(*conditions)  # type: ignore[arg-type]
        return int(db.session.scalar(wanted) or 0)


def conversations(scene: Scene) -> str:
    if not count(scene, Conversation):
        return "deleted for both"
    if lists(scene, "/messages"):
        return "shown"
    if lists(scene, "/messages", reader="susan", about="david"):
        return "hidden from the other until the account is back"
    return "hidden from both until the block ends"


def notifications(scene: Scene) -> str:
    if not count(scene, Notification):
        return "deleted"
    return "shown" if lists(scene, "/notifications") else "hidden while it lasts"


def reports_by(scene: Scene) -> str:
    if count(scene, Report, Report.reporter_id == scene.susan):
        return "stay"
    theirs = Report.author_id == scene.david, Report.reporter_id.is_(None)
    return "stay, without its name" if count(scene, Report, *theirs) else "deleted"


def reports_about(scene: Scene) -> str:
    return "stay" if count(scene, Report, Report.reporter_id == scene.david) else "deleted"


def invitations(scene: Scene) -> str:
    if count(scene, Invitation, Invitation.created_by_id == scene.susan):
        return "stay"
    return "stay, without its name" if count(scene, Invitation) else "deleted"


SEEN: dict[str, Callable[[Scene], str]] = {
    "Conversations": conversations,
    "Notifications of what the account did": notifications,
    "Reports by the account": reports_by,
    "Reports about the account": reports_about,
    "Invitations that the account made": invitations,
}


def block(scene: Scene, blocker: int, blocked: int) -> None:
    with scene.app.app_context(), transaction() as writing:
        writing.add(Block(blocker_id=blocker, blocked_id=blocked))


def unblock(scene: Scene) -> None:
    with scene.app.app_context(), transaction() as writing:
        writing.execute(delete(Block))


def delete_at_last(scene: Scene) -> None:
    scene.visitors["susan"].submit("/settings/delete", {"current_password": PASSWORD})
    task = state_of(scene.app).outbox.periodic_tasks["accounts.delete"]
    with scene.app.app_context(), transaction() as writing:
        assert task(writing, utc_now().timestamp() + 7 * 86400)


Act = Callable[[Scene], object]
HAPPENS: list[tuple[str, Act, Act | None]] = [
    (
        "Blocked, either way",
        lambda scene: block(scene, scene.susan, scene.david),
        unblock,
    ),
    (
        "Blocked, either way",
        lambda scene: block(scene, scene.david, scene.susan),
        unblock,
    ),
    (
        "Disabled, or about to be deleted",
        lambda scene: change(scene.app, scene.susan, disabled_at=utc_now()),
        lambda scene: change(scene.app, scene.susan, disabled_at=None),
    ),
    (
        "Disabled, or about to be deleted",
        lambda scene: change(scene.app, scene.susan, deletes_at=utc_now() + timedelta(days=7)),
        lambda scene: change(scene.app, scene.susan, deletes_at=None),
    ),
    ("Deleted", delete_at_last, None),
]


def test_the_table_has_a_cell_for_each() -> None:
    assert list(EXPECTED) == list(SEEN)
    assert HEADER[1:] == list(dict.fromkeys(name for name, _begin, _end in HAPPENS))


@pytest.mark.parametrize(("name", "begin", "end"), HAPPENS)
def test_what_becomes_of_it(scene: Scene, name: str, begin: Act, end: Act | None) -> None:
    def found() -> dict[str, str]:
        return {row: look(scene) for row, look in SEEN.items()}

    before = found()
    assert set(before.values()) == {"shown", "stay"}
    begin(scene)
    expected = {row: cells[name] for row, cells in EXPECTED.items()}
    if "Disabled" in name:
        # Its own browsers are signed out, so it sees nothing either.
        expected["Conversations"] = "hidden from both until the block ends"
    assert found() == expected
    if end is not None:
        end(scene)
        assert found() == before
