"""People as others see them: finding one, following, muting, blocking, and who follows whom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, exists, func, literal, or_, select, text
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from microblog.accounts.models import User
from microblog.accounts.usernames import username_key
from microblog.accounts.visibility import visible
from microblog.people.models import Block, Follow, Mute, Profile
from microblog.people.signals import followed, unfollowed

PAGE_SIZE = 50

# Building a statement costs more than running it.
_PICTURES = select(Profile.user_id, Profile.avatar_digest).where(
    Profile.user_id.in_(bindparam("people", expanding=True)), Profile.avatar_digest.is_not(None)
)


class NotPossibleError(Exception):
    """The action is not possible with this person; `reason` is "oneself" or "blocked"."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Person:
    """A person as one reader sees them; the relations are the reader's."""

    user: User
    about_me: str
    avatar_digest: str | None
    followers: int
    following: int
    is_followed: bool
    follows_reader: bool
    is_muted: bool
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class People:
    """One page of a list of people with their profiles; `after` is where the next page begins."""

    rows: Sequence[tuple[User, Profile | None]]
    after: int | None


def find_person(
    session: Session, username: str, reader_id: int | None, *, blocking: bool = False
) -> Person | None:
    """Return the person with this user name, or None if this reader may not see them.

    A person who is hidden or who blocks the reader cannot be seen; with `blocking`, the latter can.
    """
    me = literal(reader_id if reader_id is not None else 0)
    wanted = (
        select(
            User,
            Profile.about_me,
            Profile.avatar_digest,
            _count_people(Follow.follower_id, Follow.followed_id == User.id),
            _count_people(Follow.followed_id, Follow.follower_id == User.id),
            exists().where(Follow.follower_id == me, Follow.followed_id == User.id),
            exists().where(Follow.follower_id == User.id, Follow.followed_id == me),
            exists().where(Mute.muter_id == me, Mute.muted_id == User.id),
            exists().where(Block.blocker_id == me, Block.blocked_id == User.id),
        )
        .outerjoin(Profile, Profile.user_id == User.id)
        .where(
            User.username_key == username_key(username),
            visible(),
        )
    )
    if not blocking:
        blocks = exists().where(Block.blocker_id == User.id, Block.blocked_id == me)
        wanted = wanted.where(~blocks)
    row = None if "\0" in username else session.execute(wanted).one_or_none()
    return Person(row[0], row[1] or "", *row[2:]) if row else None


def find_person_locked(
    session: Session, username: str, reader_id: int, *, blocking: bool = False
) -> Person | None:
    """Lock both accounts until this transaction ends, then return the person as `find_person` does.

    To be called before a relation is changed: no follow slips past a block, and none begins with
    an account that is disabled or deleted meanwhile.
    """
    person = find_person(session, username, reader_id, blocking=blocking)
    if person is None:
        return None
    pair = {reader_id, person.user.id}
    # In a fixed order, against deadlocks. FOR NO KEY UPDATE does not block the writers of posts,
    # whose foreign keys refer to the accounts.
    lock = select(User.id).where(User.id.in_(pair), visible()).order_by(User.id)
    locked = session.scalars(lock.with_for_update(key_share=True)).all()
    if len(locked) < len(pair):
        return None
    return find_person(session, username, reader_id, blocking=blocking)


def follow(session: Session, reader_id: int, person: Person) -> bool:
    """Make the reader follow this person; return False if they already do.

    Raises NotPossibleError as `require_followable` does.
    """
    require_followable(reader_id, person)
    followed_id = person.user.id
    if not _add(session, Follow, follower_id=reader_id, followed_id=followed_id):
        return False
    followed.send(session, follower_id=reader_id, followed_id=followed_id)
    return True


def require_followable(reader_id: int, person: Person) -> None:
    """Raise NotPossibleError for the reader's own account, and for somebody whom they block."""
    _require_other(reader_id, person)
    if person.is_blocked:
        raise NotPossibleError("blocked")


def follow_each(session: Session, reader_id: int, people_ids: Collection[int]) -> list[str]:
    """Make the reader follow these people, as far as that is possible; return their user names."""
    wanted = select(User.username).where(User.id.in_({reader_id, *people_ids})).order_by(User.id)
    # All are locked in one order first, since each follow locks a pair.
    names = session.scalars(wanted.with_for_update(key_share=True)).all()
    found = [find_person_locked(session, name, reader_id) for name in names]
    done = []
    for person in found:
        if person and person.user.id != reader_id and not person.is_blocked:
            follow(session, reader_id, person)
            done.append(person.user.username)
    return done


def unfollow(session: Session, reader_id: int, person: Person) -> bool:
    """Make the reader stop following this person; return False if they did not follow."""
    return _end_follow(session, reader_id, person.user.id)


def mute(session: Session, reader_id: int, person: Person) -> bool:
    """Hide this person's posts from the reader's timelines; return False if they already are.

    Raises NotPossibleError for the reader's own account.
    """
    _require_other(reader_id, person)
    return _add(session, Mute, muter_id=reader_id, muted_id=person.user.id)


def unmute(session: Session, reader_id: int, person: Person) -> bool:
    return _remove(session, Mute, muter_id=reader_id, muted_id=person.user.id)


def block(session: Session, reader_id: int, person: Person) -> bool:
    """Hide reader and person from each other, and end all follows between them.

    Returns False if the reader already blocks the person. Raises NotPossibleError for the reader's
    own account.
    """
    _require_other(reader_id, person)
    for one, other in ((reader_id, person.user.id), (person.user.id, reader_id)):
        _end_follow(session, one, other)
    return _add(session, Block, blocker_id=reader_id, blocked_id=person.user.id)


def unblock(session: Session, reader_id: int, person: Person) -> bool:
    return _remove(session, Block, blocker_id=reader_id, blocked_id=person.user.id)


def followers(session: Session, person_id: int, reader_id: int | None, after: int) -> People:
    """The people who follow this person, newest accounts first."""
    return _people(session, Follow.follower_id, Follow.followed_id == person_id, reader_id, after)


def following(session: Session, person_id: int, reader_id: int | None, after: int) -> People:
    """The people whom this person follows, newest accounts first."""
    return _people(session, Follow.followed_id, Follow.follower_id == person_id, reader_id, after)


def muted(session: Session, reader_id: int, after: int) -> People:
    return _people(session, Mute.muted_id, Mute.muter_id == reader_id, None, after)


def blocked(session: Session, reader_id: int, after: int) -> People:
    return _people(session, Block.blocked_id, Block.blocker_id == reader_id, None, after)


def pictures(session: Session, people: Collection[int]) -> dict[int, str]:
    """The digests of the uploaded pictures of these people, by user id."""
    if not people:
        return {}
    return {
        user_id: digest or ""
        for user_id, digest in session.execute(_PICTURES, {"people": list(people)})
    }


def across_a_block(reader_id: int | ColumnElement[int], person: Any = User) -> Any:
    """The SQL condition for people whom the reader blocks, or who block the reader.

    `person` is another name of their table in the statement.
    """
    return exists().where(
        or_(
            (Block.blocker_id == reader_id) & (Block.blocked_id == person.id),
            (Block.blocker_id == person.id) & (Block.blocked_id == reader_id),
        )
    )


def _people(
    session: Session,
    column: InstrumentedAttribute[int],
    condition: Any,
    reader_id: int | None,
    after: int,
) -> People:
    wanted: Any = (
        select(User, Profile)
        .join_from(column.class_, User, User.id == column)
        .outerjoin(Profile, Profile.user_id == User.id)
        .where(condition, column < after, visible())
        .order_by(column.desc())
        .limit(PAGE_SIZE + 1)
    )
    if reader_id is not None:
        wanted = wanted.where(~across_a_block(reader_id))
    rows = [(user, profile) for user, profile in session.execute(wanted)]
    more = len(rows) > PAGE_SIZE
    return People(rows[:PAGE_SIZE], rows[PAGE_SIZE - 1][0].id if more else None)


def _count_people(column: InstrumentedAttribute[int], condition: Any) -> Any:
    other = aliased(User)
    counted = select(func.count()).join_from(column.class_, other, other.id == column)
    return counted.where(condition, visible(other)).correlate(User).scalar_subquery()


def _end_follow(session: Session, follower_id: int, followed_id: int) -> bool:
    if not _remove(session, Follow, follower_id=follower_id, followed_id=followed_id):
        return False
    unfollowed.send(session, follower_id=follower_id, followed_id=followed_id)
    return True


def _require_other(reader_id: int, person: Person) -> None:
    if person.user.id == reader_id:
        raise NotPossibleError("oneself")


def _add(session: Session, table: Any, **keys: int) -> bool:
    """Insert a row of two keys unless it exists, even if another request inserts it meanwhile.

    Returns whether it was inserted.
    """
    one, other = keys
    insert = text(
        f"INSERT INTO {table.__tablename__} ({one}, {other}) VALUES (:{one}, :{other})"  # noqa: S608
        " ON CONFLICT DO NOTHING"
    )
    added: Any = session.execute(insert, keys)
    return bool(added.rowcount)


def _remove(session: Session, table: Any, **keys: int) -> bool:
    removed: Any = session.execute(delete(table).filter_by(**keys))
    return bool(removed.rowcount)
