"""Emails about a reply, a mention or a message, as soon as it is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from microblog.database import transaction, utc_now
from microblog.messages import conversations
from microblog.notifications import notifications
from microblog.notifications.at_once import PAUSE
from microblog.notifications.email_preferences import EmailedKind, Frequency
from microblog.notifications.models import EmailPreference
from microblog.people.models import Mute
from tests.notifications.emailing import mailed, rows, want
from tests.notifications.telling import edit, write
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, make_user

NOW = utc_now().replace(microsecond=0) + timedelta(hours=1)
"""After whatever happens here by the clock of the machine."""
SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.usefixtures("app_context")


def test_the_first_leaves_now_and_the_others_after_a_pause(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.AT_ONCE, at=NOW)
    mine = write(susan, at=NOW)
    write(bob, "The first", to=mine, at=NOW + SECOND)
    [first] = mailed(app, smtp, NOW + SECOND)
    assert first.message["Subject"] == "@bob replied to you"
    assert "The first" in first.text()
    for number in range(100):
        write(bob, f"Spam {number}", mentions=[susan], at=NOW + (2 + number) * SECOND)
    with transaction() as writing:
        conversations.write(writing, bob, "susan", "Hello", now=NOW + 200 * SECOND)
    assert mailed(app, smtp, NOW + PAUSE) == []
    [others] = mailed(app, smtp, NOW + SECOND + PAUSE)
    assert others.message["Subject"] == "101 new posts and messages for you"
    assert "The first" not in others.text()
    assert "Spam 99" in others.text()
    write(bob, "Much later", mentions=[susan], at=NOW + 2 * PAUSE)
    [later] = mailed(app, smtp, NOW + 2 * PAUSE)
    assert "Much later" in later.text()
    assert "Spam" not in later.text()


def test_only_what_was_chosen_is_emailed(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    mine = write(susan, at=NOW)
    write(bob, to=mine, at=NOW + SECOND)
    assert rows() == [], "nobody is emailed who did not choose it"
    want(susan, Frequency.AT_ONCE, EmailedKind.MESSAGE, at=NOW)
    write(bob, to=mine, mentions=[susan], at=NOW + 2 * SECOND)
    assert rows() == []
    with transaction() as writing:
        conversations.write(writing, bob, "susan", "A secret word", now=NOW + 3 * SECOND)
    [received] = mailed(app, smtp, NOW + 3 * SECOND)
    assert received.message["Subject"] == "@bob wrote to you"
    assert "secret" not in received.text()
    assert "http://localhost/messages/bob" in received.text()


@ON_SQLITE
def test_those_who_were_overtaken_are_in_one_email(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    """Of many at the same moment, the first to be committed need not be the first written."""
    want(susan, Frequency.AT_ONCE, at=NOW)
    write(bob, "The last one", mentions=[susan], at=NOW + 60 * SECOND)
    for number in range(1, 60):
        write(bob, f"Spam {number}", mentions=[susan], at=NOW + number * SECOND)
    [first] = mailed(app, smtp, NOW + 60 * SECOND)
    assert "The last one" in first.text()
    [others] = mailed(app, smtp, NOW + 60 * SECOND + PAUSE)
    assert others.message["Subject"] == "59 new posts and messages for you"
    assert "The last one" not in others.text()


@ON_SQLITE
def test_a_clock_that_was_ahead_lets_only_one_leave(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.AT_ONCE, at=NOW)
    with transaction() as writing:
        writing.get_one(EmailPreference, susan).at_once_at = NOW + timedelta(days=1)
    for number in range(10):
        write(bob, f"Spam {number}", mentions=[susan], at=NOW + number * SECOND)
    assert len(mailed(app, smtp, NOW + 10 * SECOND)) == 1


@ON_SQLITE
def test_an_email_that_waits_has_what_is_wanted_by_then(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    mine = write(susan, at=NOW)
    want(susan, Frequency.AT_ONCE, EmailedKind.MENTION, at=NOW)
    for number in range(1, 3):
        write(bob, f"Mention {number}", mentions=[susan], at=NOW + number * SECOND)
    want(susan, Frequency.AT_ONCE, EmailedKind.REPLY, at=NOW + 3 * SECOND)
    write(bob, "A reply", to=mine, at=NOW + 4 * SECOND)
    [received] = mailed(app, smtp, NOW + SECOND + PAUSE)
    assert "A reply" in received.text()
    assert "Mention" not in received.text()


@ON_SQLITE
def test_an_edit_that_mentions_somebody_is_emailed_once(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.AT_ONCE, at=NOW)
    post_id = write(bob, "Ask her", at=NOW)
    edit(post_id, [susan], at=NOW + SECOND)
    edit(post_id, [susan], at=NOW + 2 * SECOND)
    assert len(mailed(app, smtp, NOW + 2 * SECOND)) == 1
    assert len(rows()) == 1


@ON_SQLITE
def test_muted_and_unconfirmed_people_cause_and_get_nothing(
    app: Flask, susan: int, bob: int
) -> None:
    unconfirmed = make_user(app, "eve", verified=False)
    want(susan, Frequency.AT_ONCE, at=NOW)
    want(unconfirmed, Frequency.AT_ONCE, at=NOW)
    with transaction() as writing:
        writing.add(Mute(muter_id=susan, muted_id=bob))
    write(bob, mentions=[susan, unconfirmed], at=NOW + SECOND)
    with transaction() as writing:
        conversations.write(writing, bob, "susan", "Hello", now=NOW + 2 * SECOND)
    assert rows() == []


@ON_SQLITE
def test_what_was_read_meanwhile_is_not_emailed(
    app: Flask, smtp: ScriptedServer, susan: int, bob: int
) -> None:
    want(susan, Frequency.AT_ONCE, at=NOW)
    write(bob, mentions=[susan], at=NOW + SECOND)
    with transaction() as writing:
        notifications.mark_read(writing, susan, now=NOW + SECOND)
    assert mailed(app, smtp, NOW + SECOND) == []
