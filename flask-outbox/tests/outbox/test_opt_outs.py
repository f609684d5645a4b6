"""Who gets no mail of a list: ended, paused, taken back, in any order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy.orm import Session

from flask_outbox.outbox.opt_outs import (
    ALL_LISTS,
    OptOutReason,
    find_opt_out,
    forget_ended_opt_outs,
    is_opted_out,
    opt_in,
    opt_out,
    opt_outs_of,
    words_of_opt_out,
)
from tests.databases import WRITING, engine_of

NOW, DAY = 1_800_000_000.0, 86400.0
SUSAN, BOB = "susan@example.com", "bob@example.com"


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = engine_of(database_url)
    with Session(engine) as made:
        made.connection(execution_options=WRITING)
        yield made
    engine.dispose()


def lists_of(session: Session, key: str = SUSAN, *, now: float = NOW) -> list[tuple[str, str]]:
    return [(one.list, one.reason) for one in opt_outs_of(session, key, now=now)]


def test_an_opt_out_ends_one_list_for_one_address(session: Session) -> None:
    assert opt_out(session, SUSAN, "digest", now=NOW)
    assert is_opted_out(session, SUSAN, "digest", now=NOW)
    assert not is_opted_out(session, SUSAN, "news", now=NOW)
    assert not is_opted_out(session, BOB, "digest", now=NOW)
    assert opt_outs_of(session, BOB, now=NOW) == []


def test_the_second_opt_out_changes_nothing(session: Session) -> None:
    assert opt_out(session, SUSAN, "digest", now=NOW)
    assert not opt_out(session, SUSAN, "digest", reason=OptOutReason.OPERATOR, now=NOW + 1)
    (one,) = opt_outs_of(session, SUSAN, now=NOW)
    assert (one.reason, one.since, one.until) == ("unsubscribed", NOW, None)


def test_an_opt_out_from_all_lists_ends_those_to_come(session: Session) -> None:
    opt_out(session, SUSAN, ALL_LISTS, reason=OptOutReason.COMPLAINT, now=NOW)
    assert is_opted_out(session, SUSAN, "invented-later", now=NOW + 900 * DAY)
    found = find_opt_out(session, SUSAN, "digest", now=NOW)
    assert found is not None
    assert "spam" in words_of_opt_out(found, "digest")


def test_what_is_told_is_the_opt_out_from_the_list_itself(session: Session) -> None:
    opt_out(session, SUSAN, ALL_LISTS, reason=OptOutReason.BOUNCES, now=NOW, until=NOW + DAY)
    opt_out(session, SUSAN, "digest", now=NOW)
    found = find_opt_out(session, SUSAN, "digest", now=NOW)
    assert found is not None
    assert words_of_opt_out(found, "digest") == "Its recipient unsubscribed from the list 'digest'."


def test_a_pause_ends_by_itself_and_is_forgotten(session: Session) -> None:
    until = NOW + 14 * DAY
    opt_out(session, SUSAN, ALL_LISTS, reason=OptOutReason.BOUNCES, now=NOW, until=until)
    opt_out(session, BOB, "digest", now=NOW)
    assert is_opted_out(session, SUSAN, "digest", now=until - 1)
    assert not is_opted_out(session, SUSAN, "digest", now=until)
    assert lists_of(session, now=until) == []
    assert forget_ended_opt_outs(session, until - 1) is False
    assert lists_of(session) == [("", "bounces")]
    assert forget_ended_opt_outs(session, until) is False
    assert lists_of(session) == []
    assert lists_of(session, BOB, now=until) == [("digest", "unsubscribed")]


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (None, 9.0, None),
        (9.0, None, None),
        (9.0, 5.0, 9.0),
        (5.0, 9.0, 9.0),
    ],
)
def test_of_two_ends_the_later_is_kept(
    session: Session, first: float | None, second: float | None, kept: float | None
) -> None:
    """So a pause never gives mail back to somebody who ended it."""
    for days in (first, second):
        until = None if days is None else NOW + days * DAY
        opt_out(session, SUSAN, "digest", now=NOW, until=until)
    (one,) = opt_outs_of(session, SUSAN, now=NOW)
    assert one.until == (None if kept is None else NOW + kept * DAY)


def test_opting_in_takes_back_one_list(session: Session) -> None:
    opt_out(session, SUSAN, "digest", now=NOW)
    opt_out(session, SUSAN, "news", now=NOW)
    opt_out(session, BOB, "digest", now=NOW)
    assert opt_in(session, SUSAN, "digest", lists=["digest", "news", "offers"])
    assert not opt_in(session, SUSAN, "digest", lists=["digest", "news", "offers"])
    assert lists_of(session) == [("news", "unsubscribed")]
    assert lists_of(session, BOB) == [("digest", "unsubscribed")]


def test_opting_in_to_one_list_leaves_the_others_ended_if_all_were(session: Session) -> None:
    opt_out(session, SUSAN, ALL_LISTS, reason=OptOutReason.COMPLAINT, now=NOW)
    assert opt_in(session, SUSAN, "digest", lists=["digest", "news", "offers"])
    assert lists_of(session) == [("news", "complaint"), ("offers", "complaint")]
    assert not is_opted_out(session, SUSAN, "digest", now=NOW)


def test_opting_in_to_all_lists_takes_back_each(session: Session) -> None:
    opt_out(session, SUSAN, ALL_LISTS, now=NOW)
    opt_out(session, SUSAN, "digest", now=NOW)
    assert opt_in(session, SUSAN, ALL_LISTS, lists=["digest", "news"])
    assert lists_of(session) == []


def test_rows_that_a_session_has_loaded_follow(session: Session) -> None:
    opt_out(session, SUSAN, "digest", now=NOW, until=NOW + DAY)
    (loaded,) = opt_outs_of(session, SUSAN, now=NOW)
    opt_out(session, SUSAN, "digest", now=NOW + 1)
    (again,) = opt_outs_of(session, SUSAN, now=NOW)
    assert again is loaded
    assert again.until is None
