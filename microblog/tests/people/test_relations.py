"""Who follows, mutes and blocks whom: each relation in its own direction, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.database import MAX_ID, utc_now
from microblog.people import relations
from microblog.people.models import Block, Follow, Mute, Profile
from microblog.people.relations import NotPossibleError, Person, find_person
from tests.bare_site import bare_session, bare_user

TABLES = {
    "follows": (Follow, "follower_id", "followed_id"),
    "mutes": (Mute, "muter_id", "muted_id"),
    "blocks": (Block, "blocker_id", "blocked_id"),
}

Act = Callable[[Session, int, Person], bool]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with bare_session(tmp_path) as made:
        yield made


@pytest.fixture
def susan(session: Session) -> User:
    return bare_user(session, "susan")


@pytest.fixture
def bob(session: Session) -> User:
    return bare_user(session, "bob")


@pytest.fixture
def eve(session: Session) -> User:
    return bare_user(session, "eve")


def relate(session: Session, one: User, does: str, other: User) -> None:
    table, first, second = TABLES[does]
    session.add(table(**{first: one.id, second: other.id}))
    session.flush()


def pairs(session: Session, does: str) -> set[tuple[int, int]]:
    table, first, second = TABLES[does]
    found = session.execute(select(getattr(table, first), getattr(table, second)))
    return {(row[0], row[1]) for row in found}


def seen(session: Session, name: str, reader: User | None) -> Person:
    found = find_person(session, name, reader.id if reader else None)
    assert found is not None
    return found


# How somebody is seen


@pytest.mark.parametrize(
    ("does", "mine", "flag"),
    [
        ("follows", True, "is_followed"),
        ("follows", False, "follows_reader"),
        ("mutes", True, "is_muted"),
        ("mutes", False, None),
        ("blocks", True, "is_blocked"),
    ],
)
def test_each_relation_is_seen_in_its_own_direction(
    session: Session, susan: User, bob: User, eve: User, does: str, mine: bool, flag: str | None
) -> None:
    one, other = (susan, bob) if mine else (bob, susan)
    relate(session, one, does, other)
    flags = ["is_followed", "follows_reader", "is_muted", "is_blocked"]
    found = seen(session, "bob", susan)
    assert [name for name in flags if getattr(found, name)] == ([flag] if flag else [])
    for reader in (eve, None):
        stranger = seen(session, "bob", reader)
        assert not any(getattr(stranger, name) for name in flags)


def test_somebody_who_blocks_is_hidden_from_the_blocked_person_alone(
    session: Session, susan: User, bob: User, eve: User
) -> None:
    relate(session, bob, "blocks", susan)
    assert find_person(session, "bob", susan.id) is None
    for reader in (eve, None):
        assert seen(session, "bob", reader).user is bob
    assert seen(session, "susan", bob).is_blocked


def test_counts_leave_out_hidden_accounts(
    session: Session, susan: User, bob: User, eve: User
) -> None:
    gone = bare_user(session, "gone", disabled_at=utc_now())
    leaving = bare_user(session, "leaving", deletes_at=utc_now())
    for one, other in [
        (susan, bob),
        (eve, bob),
        (gone, bob),
        (leaving, bob),
        (bob, eve),
        (bob, gone),
        (bob, leaving),
        (susan, eve),
    ]:
        relate(session, one, "follows", other)
    found = seen(session, "Bob", susan)
    assert (found.followers, found.following) == (2, 1)
    assert (found.about_me, found.avatar_digest) == ("", None)
    session.add(Profile(user_id=bob.id, about_me="I am Bob", avatar_digest="d1"))
    session.flush()
    found = seen(session, "bob", susan)
    assert (found.about_me, found.avatar_digest) == ("I am Bob", "d1")
    assert find_person(session, "gone", susan.id) is None
    assert find_person(session, "leaving", susan.id) is None
    assert find_person(session, "bob\0", susan.id) is None


# What one does


@pytest.mark.parametrize(
    ("do", "undo", "does"),
    [
        (relations.follow, relations.unfollow, "follows"),
        (relations.mute, relations.unmute, "mutes"),
        (relations.block, relations.unblock, "blocks"),
    ],
)
def test_a_relation_begins_and_ends_once_for_these_two_alone(
    session: Session, susan: User, bob: User, eve: User, do: Act, undo: Act, does: str
) -> None:
    relate(session, eve, does, susan)
    relate(session, susan, does, eve)
    others = pairs(session, does)
    target = seen(session, "bob", susan)
    assert [do(session, susan.id, target) for _ in range(2)] == [True, False]
    assert pairs(session, does) == others | {(susan.id, bob.id)}
    assert [undo(session, susan.id, target) for _ in range(2)] == [True, False]
    assert pairs(session, does) == others
    myself = seen(session, "susan", susan)
    with pytest.raises(NotPossibleError, match="oneself"):
        do(session, susan.id, myself)


def test_a_block_ends_following_in_both_directions_and_no_other(
    session: Session, susan: User, bob: User, eve: User
) -> None:
    for one, other in [(susan, bob), (bob, susan), (susan, eve), (eve, bob)]:
        relate(session, one, "follows", other)
    assert relations.block(session, susan.id, seen(session, "bob", susan))
    assert pairs(session, "follows") == {(susan.id, eve.id), (eve.id, bob.id)}
    with pytest.raises(NotPossibleError, match="blocked"):
        relations.follow(session, susan.id, seen(session, "bob", susan))
    assert relations.mute(session, susan.id, seen(session, "bob", susan))


def test_no_relation_to_a_hidden_account_is_changed(
    session: Session, susan: User, bob: User
) -> None:
    assert relations.find_person_locked(session, "bob", susan.id) == seen(session, "bob", susan)
    assert relations.find_person_locked(session, "susan", susan.id) is not None
    assert relations.find_person_locked(session, "nobody", susan.id) is None
    susan.disabled_at = utc_now()
    session.flush()
    assert relations.find_person_locked(session, "bob", susan.id) is None


# Lists


@pytest.mark.parametrize("which", ["followers", "following", "muted", "blocked"])
def test_lists_have_everybody_once_newest_accounts_first(
    session: Session, susan: User, bob: User, which: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert relations.PAGE_SIZE == 50
    monkeypatch.setattr(relations, "PAGE_SIZE", 2)
    crowd = [bare_user(session, f"user{place}") for place in range(4)]
    gone = bare_user(session, "gone", disabled_at=utc_now())
    does = {"muted": "mutes", "blocked": "blocks"}.get(which, "follows")
    for one in [*crowd, gone]:
        related = (one, bob) if which == "followers" else (bob, one)
        relate(session, *_with(related, does))
        relate(session, *_with((one, susan), does))

    def page(after: int) -> relations.People:
        if which in {"muted", "blocked"}:
            return getattr(relations, which)(session, bob.id, after)  # type: ignore[no-any-return]
        return getattr(relations, which)(session, bob.id, None, after)  # type: ignore[no-any-return]

    session.add(Profile(user_id=crowd[3].id, about_me="I am the last"))
    session.flush()
    first = page(MAX_ID)
    assert [user.id for user, _ in first.rows] == [crowd[3].id, crowd[2].id]
    assert [profile and profile.about_me for _, profile in first.rows] == ["I am the last", None]
    assert first.after == crowd[2].id
    second = page(first.after)
    assert [user.id for user, _ in second.rows] == [crowd[1].id, crowd[0].id]
    assert second.after is None


def _with(pair: tuple[User, User], does: str) -> tuple[User, str, User]:
    return pair[0], does, pair[1]


@pytest.mark.parametrize("mine", [True, False])
def test_lists_leave_out_blocks_in_either_direction(
    session: Session, susan: User, bob: User, eve: User, mine: bool
) -> None:
    ann = bare_user(session, "ann")
    for one in (eve, ann):
        relate(session, one, "follows", bob)
        relate(session, bob, "follows", one)
    relate(session, *_with((susan, eve) if mine else (eve, susan), "blocks"))
    relate(session, bob, "blocks", ann)
    for listed in (relations.followers, relations.following):
        assert [
            [user.username for user, _ in listed(session, bob.id, reader, MAX_ID).rows]
            for reader in (susan.id, None)
        ] == [["ann"], ["ann", "eve"]]


def test_pictures_are_those_of_the_people_asked_for(
    session: Session, susan: User, bob: User, eve: User
) -> None:
    session.add_all(
        [
            Profile(user_id=susan.id, avatar_digest="s"),
            Profile(user_id=bob.id, about_me="without"),
            Profile(user_id=eve.id, avatar_digest="e"),
        ]
    )
    session.flush()
    assert relations.pictures(session, [susan.id, bob.id]) == {susan.id: "s"}
    assert relations.pictures(session, []) == {}
