"""How attempts to log in are counted: at the number and the moment said, and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import LoginThrottle
from microblog.accounts.sessions import login_throttle
from microblog.accounts.sessions.login_throttle import (
    admit,
    prune_throttles,
    throttle_key,
    whole_minutes,
)
from microblog.accounts.tokens import Keys
from tests.bare_site import bare_session, bare_user

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
KEYS = Keys("k" * 40)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_session(tmp_path) as made:
        yield made


def test_ten_attempts_are_free_and_free_again_a_day_after_the_last(session: Session) -> None:
    for begun in (NOW, NOW + DAY):
        for _ in range(10):
            assert admit(session, "k", now=begun) is None
        assert admit(session, "k", now=begun) == MINUTE
        assert admit(session, "k", now=begun + MINUTE - SECOND) == SECOND
    assert admit(session, "k", now=NOW + DAY + MINUTE) is None
    assert admit(session, "k", now=NOW + DAY + MINUTE) == 2 * MINUTE
    assert admit(session, "other", now=NOW + DAY) is None


def test_within_a_day_failures_are_not_forgotten(session: Session) -> None:
    for _ in range(10):
        admit(session, "k", now=NOW)
    assert admit(session, "k", now=NOW + DAY - SECOND) is None
    assert admit(session, "k", now=NOW + DAY - SECOND) == 2 * MINUTE


def test_a_count_that_somebody_else_changed_meanwhile_is_read_anew(session: Session) -> None:
    """Though this session has looked at the row before."""
    admit(session, "k", now=NOW)
    session.get_one(LoginThrottle, "k")
    table = LoginThrottle.__table__
    session.execute(table.update().values(failures=9))  # type: ignore[attr-defined]
    assert admit(session, "k", now=NOW) is None
    assert admit(session, "k", now=NOW) == MINUTE


def test_counts_are_removed_in_batches_once_they_are_forgotten(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert login_throttle.REMOVED_AT_ONCE == 1000
    monkeypatch.setattr(login_throttle, "REMOVED_AT_ONCE", 2)
    for key, at in [("a", NOW), ("b", NOW), ("c", NOW), ("new", NOW + 2 * SECOND)]:
        admit(session, key, now=at)
    assert [prune_throttles(session, NOW + DAY + SECOND) for _ in range(3)] == [True, False, False]
    assert session.scalars(select(LoginThrottle.key)).all() == ["new"]


@pytest.mark.parametrize(
    ("wait", "minutes"),
    [(SECOND, 1), (MINUTE, 1), (MINUTE + SECOND, 2), (60 * MINUTE, 60)],
)
def test_a_wait_is_said_in_whole_minutes_and_never_too_short(wait: timedelta, minutes: int) -> None:
    assert whole_minutes(wait) == minutes


def test_the_counts_of_an_account_are_reset_by_its_name_and_its_address(session: Session) -> None:
    susan = bare_user(session, "susan")
    logins = ["susan", "SUSAN@example.com", "bob"]
    for login in logins:
        admit(session, throttle_key(KEYS, login), now=NOW)
    browser = throttle_key(KEYS, "susan", b"browser")
    admit(session, browser, now=NOW)
    login_throttle.reset_account_throttle(session, KEYS, susan)
    left = set(session.scalars(select(LoginThrottle.key)))
    assert left == {throttle_key(KEYS, "bob"), browser}


def test_each_login_browser_and_key_has_a_count_of_its_own() -> None:
    keys = [
        throttle_key(KEYS, "susan"),
        throttle_key(KEYS, "susan@example.com"),
        throttle_key(KEYS, "bob"),
        throttle_key(KEYS, "susan", b"one"),
        throttle_key(KEYS, "susan", b"two"),
        throttle_key(Keys("x" * 40), "susan"),
    ]
    assert len(set(keys)) == len(keys)
    assert throttle_key(Keys("k" * 40, ("x" * 40,)), "susan") == keys[0]
    assert throttle_key(KEYS, "No@Body@") == throttle_key(KEYS, "no@body@")
