"""When a session is good, is noted, ends and is removed: at the very moment, and beside it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.audit.security_log import SecurityEventType
from microblog.accounts.models import KnownBrowser, LoginSession, SecurityEvent, User
from microblog.accounts.sessions import sessions
from microblog.accounts.sessions.sessions import (
    Visitor,
    find_session,
    start_session,
)
from microblog.database import MAX_ID
from microblog.web.clients import RequestOrigin
from tests.bare_site import bare_session, bare_user
from tests.scopes import HERE, scope_at

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_session(tmp_path) as made:
        yield made


def account(session: Session, name: str, **more: Any) -> User:
    user = bare_user(session, name, **more)
    session.add(KnownBrowser(user_id=user.id, digest=name.encode()))
    session.flush()
    return user


def log_in(
    session: Session, user: User, *, now: datetime = NOW, remembered: bool = False
) -> Visitor:
    return start_session(session, user, scope_at(now), remembered=remembered)


def events(session: Session) -> list[tuple[int, str, dict[str, Any]]]:
    found = session.scalars(select(SecurityEvent).order_by(SecurityEvent.id))
    return [(one.user_id, one.kind, one.details) for one in found]


def known_browsers(session: Session) -> set[int]:
    return set(session.scalars(select(KnownBrowser.user_id)))


@pytest.mark.parametrize(("remembered", "days"), [(False, 1), (True, 30)])
def test_a_session_is_good_until_the_moment_it_is_removed(
    session: Session, remembered: bool, days: int
) -> None:
    visitor = log_in(session, account(session, "susan"), remembered=remembered)
    secret, user_id, last = visitor.get_id(), visitor.user.id, NOW + days * DAY
    for moment, is_good in ((last, True), (last + SECOND, False)):
        assert (find_session(session, secret, now=moment) is not None) is is_good
        assert len(sessions.open_sessions(session, user_id, now=moment)) == is_good
        assert sessions.prune_sessions(session, moment) is False
        assert len(session.scalars(select(LoginSession)).all()) == is_good


@pytest.mark.parametrize("state", ["disabled_at", "deletes_at"])
def test_nobody_is_in_an_account_that_has_ended(session: Session, state: str) -> None:
    user = account(session, "susan", **{state: NOW})
    assert find_session(session, log_in(session, user).get_id(), now=NOW) is None


def test_it_is_worth_a_note_after_ten_minutes(session: Session) -> None:
    susan, bob = account(session, "susan"), account(session, "bob")
    visitor, other = log_in(session, susan), log_in(session, bob)
    assert not sessions.needs_touch(visitor, now=NOW + 10 * MINUTE - SECOND)
    assert sessions.needs_touch(visitor, now=NOW + 10 * MINUTE)
    sessions.touch(session, visitor, RequestOrigin("curl", "there"), now=NOW + DAY)
    session.expire_all()
    assert [
        (one.session.seen_at, one.session.browser, one.session.address) for one in (visitor, other)
    ] == [(NOW + DAY, "curl", "there"), (NOW, HERE.browser, HERE.network)]


def test_a_new_secret_makes_the_former_one_worthless(session: Session) -> None:
    visitor = log_in(session, account(session, "susan"))
    renewed = sessions.renew_session(session, visitor)
    assert renewed is not None
    assert find_session(session, visitor.get_id(), now=NOW) is None
    found = find_session(session, renewed.get_id(), now=NOW)
    assert found is not None
    assert found.session.id == visitor.session.id
    sessions.end_all_sessions(session, visitor.user.id)
    session.expunge_all()
    assert sessions.renew_session(session, renewed) is None


def test_open_sessions_are_ones_own_the_one_seen_last_first(session: Session) -> None:
    susan, bob = account(session, "susan"), account(session, "bob")
    made = [log_in(session, susan, now=NOW + after * SECOND) for after in (1, 3, 2, 3)]
    log_in(session, bob)
    shown = sessions.open_sessions(session, susan.id, now=NOW)
    assert [one.id for one in shown] == [made[place].session.id for place in (3, 1, 2, 0)]


@pytest.mark.parametrize("which", ["this one", "another", "somebody else's", "none", "too large"])
def test_one_session_of_ones_own_is_ended(session: Session, which: str) -> None:
    susan, bob = account(session, "susan"), account(session, "bob")
    here, there, theirs = log_in(session, susan), log_in(session, susan), log_in(session, bob)
    number = {
        "this one": here.session.id,
        "another": there.session.id,
        "somebody else's": theirs.session.id,
        "none": 10_000,
        "too large": MAX_ID + 1,
    }[which]
    is_own = which in {"this one", "another"}
    before = set(session.scalars(select(LoginSession.id)))
    assert sessions.end_session(session, here, number, scope_at(NOW)) is is_own
    assert before - set(session.scalars(select(LoginSession.id))) == ({number} if is_own else set())
    # Where another was logged out, nobody can tell which of the known browsers it was.
    assert known_browsers(session) == ({bob.id} if which == "another" else {susan.id, bob.id})
    where = {"where": f"{HERE.browser}, {HERE.network}"}
    assert events(session) == (
        [(susan.id, SecurityEventType.SESSION_ENDED, where)] if is_own else []
    )


def test_everything_but_this_browser_is_logged_out(session: Session) -> None:
    susan, bob = account(session, "susan"), account(session, "bob")
    here, theirs = log_in(session, susan), log_in(session, bob)
    assert sessions.log_out_elsewhere(session, here, scope_at(NOW)) == 0
    assert (events(session), known_browsers(session)) == ([], {bob.id})
    log_in(session, susan)
    log_in(session, susan)
    assert sessions.log_out_elsewhere(session, here, scope_at(NOW)) == 2
    left = set(session.scalars(select(LoginSession.id)))
    assert left == {here.session.id, theirs.session.id}
    assert [kind for _, kind, _ in events(session)] == [SecurityEventType.SESSIONS_ENDED]
    sessions.log_out(session, here, scope_at(NOW))
    assert set(session.scalars(select(LoginSession.id))) == {theirs.session.id}
    assert [kind for _, kind, _ in events(session)][1:] == [SecurityEventType.LOGGED_OUT]


def test_sessions_that_are_over_are_removed_in_batches(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sessions.PRUNED_AT_ONCE == 1000
    monkeypatch.setattr(sessions, "PRUNED_AT_ONCE", 2)
    susan = account(session, "susan")
    for _ in range(3):
        log_in(session, susan)
    kept = log_in(session, susan, remembered=True)
    later = NOW + DAY + SECOND
    assert [sessions.prune_sessions(session, later) for _ in range(3)] == [True, False, False]
    assert session.scalars(select(LoginSession.id)).all() == [kept.session.id]
