"""`flask outbox check` says whether one click ends the mail of each list (RFC 8058)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from flask_outbox import ComposeContext, Email, EmailType
from flask_outbox.application import state_of
from tests.extensions import Made, plain
from tests.ports import HOST
from tests.smtp_server import ScriptedServer

Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path, smtp: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.chdir(tmp_path)
    engines = []

    def made(**config: str) -> Made:
        shop = plain(
            f"sqlite:///{tmp_path / 'shop.db'}",
            MAIL_SERVER=HOST,
            MAIL_PORT=smtp.port,
            MAIL_SUPPRESS_SEND="off",
            SECRET_KEY="any",
            **config,
        )
        engines.append(shop.engine)
        return shop

    yield made
    for engine in engines:
        engine.dispose()


def compose(_session: Session, context: ComposeContext) -> Email:
    return Email("News", "text", to=context.recipient)


def said(shop: Made, *, with_list: bool = True) -> list[str]:
    if with_list:
        state_of(shop.app).outbox.register(EmailType("shop.news", compose, list="news"))
    shown = shop.app.test_cli_runner().invoke(args=["outbox", "check"]).output
    return [one for one in shown.splitlines() if ": unsubscribing: " in one]


def test_without_lists_nothing_is_said(make: Make) -> None:
    assert said(make(), with_list=False) == []


def test_a_list_without_links_is_wrong(make: Make) -> None:
    (line,) = said(make())
    assert line.startswith("WRONG: unsubscribing: ")
    assert "MAIL_UNSUBSCRIBE_URL" in line


def test_a_link_that_nobody_answers_is_warned_of(make: Make) -> None:
    (line,) = said(make(MAIL_UNSUBSCRIBE_URL="https://shop.example.com/unsubscribe"))
    assert line.startswith(
        "WARNING: unsubscribing: no page of this application ends mail of lists at"
        " https://shop.example.com/unsubscribe."
    )


def test_a_link_without_https_is_warned_of(make: Make) -> None:
    (line,) = said(make(MAIL_UNSUBSCRIBE_URL="http://shop.example.com/unsubscribe"))
    assert line.startswith("WARNING: unsubscribing: http://shop.example.com/unsubscribe isn't http")


@pytest.mark.parametrize("root", ["", "/shop"])
def test_a_page_that_takes_one_click_is_found(make: Make, root: str) -> None:
    url = f"https://shop.example.com{root}/unsubscribe"
    shop = make(MAIL_UNSUBSCRIBE_URL=url, APPLICATION_ROOT=root or "/")
    shop.app.add_url_rule("/unsubscribe/<token>", view_func=str, methods=["POST"])
    assert said(shop) == ["ok: unsubscribing: one click ends each of these lists: news."]
