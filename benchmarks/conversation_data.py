"""A large site whose people reply, like and write to each other, made by the database itself.

The people are those of `microblog fake`. The first of them is the reader: they follow many, wrote
the post with most replies, and have all the private messages that there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, text

BATCH = 100_000
"""How many rows one statement makes."""

READER_ID = 1
"""The id of the reader, the first account of all."""

THREAD_ID = 1
"""The id of the post with most replies, the first post of all and the reader's own."""


@dataclass(frozen=True)
class Amounts:
    """How much there is of everything. `replies` are those in the longest thread."""

    people: int
    posts: int
    replies: int
    likes: int
    notifications: int
    messages: int
    conversations: int

    @property
    def all_replies(self) -> int:
        """How many posts are replies: every fourth."""
        return self.posts // 4


def fill(engine: Engine, amounts: Amounts) -> Iterator[str]:
    """Fill the database of `microblog fake`; before each table say what is made.

    Raises ValueError for amounts that do not fit each other.
    """
    if amounts.replies > amounts.all_replies:
        raise ValueError(f"Of {amounts.posts} posts, {amounts.all_replies} are replies.")
    if not 2 <= amounts.conversations < amounts.people:
        raise ValueError(f"{amounts.people} people cannot have {amounts.conversations} with one.")
    yield f"{amounts.posts:,} posts"
    _in_batches(engine, amounts.posts, _POSTS, amounts)
    _in_batches(engine, amounts.posts, _MENTIONS, amounts)
    yield f"{amounts.notifications:,} notifications for the reader"
    _in_batches(engine, amounts.notifications, _READERS_NOTIFICATIONS, amounts)
    yield f"{amounts.likes:,} likes, each with its notification"
    _in_batches(engine, amounts.likes, _LIKES, amounts)
    _in_batches(engine, amounts.posts, _OTHERS_NOTIFICATIONS, amounts)
    _at_once(engine, amounts, _LIKES_OF_NOTIFICATIONS, _FOLLOWS_OF_NOTIFICATIONS)
    yield f"{amounts.messages:,} messages in {amounts.conversations:,} conversations"
    _in_batches(engine, amounts.conversations, _CONVERSATIONS, amounts)
    _in_batches(engine, amounts.messages, _MESSAGES, amounts)
    _at_once(engine, amounts, *_PARTICIPATIONS)
    if engine.dialect.name == "postgresql":
        yield "what the server counts by itself while a site grows"
        _continue_sequences(engine)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def reply_id(amounts: Amounts, number: int) -> int:
    """The id of a reply in the longest thread, counted from 1."""
    return 4 * -(-number * amounts.all_replies // amounts.replies)


_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"

# As in the sample data: half of all posts are written by a tenth of the people.
_AUTHOR = (
    "(1 + CAST({0} / 2 AS BIGINT) * 7919"
    " % CASE {0} % 2 WHEN 1 THEN {{writers}} ELSE {{people}} END)"
)

# Of the replies, numbered by i / 4, as many are in the longest thread as there should be, evenly
# spread. In it, every second one answers an earlier reply. Any other answers a recent post.
_POSTS = f"""{{numbers}},
numbered AS (SELECT i, CASE i % 4 WHEN 0 THEN CAST(i / 4 AS BIGINT) END AS k FROM n),
placed AS (SELECT i, k, k * {{replies}} / {{all_replies}} AS j,
    (k - 1) * {{replies}} / {{all_replies}} AS previous_j FROM numbered),
parents AS (SELECT i, j > previous_j AS is_in_longest, CASE
    WHEN j > previous_j AND j % 2 = 1 THEN {THREAD_ID}
    WHEN j > previous_j THEN 4 * ((j / 2 * {{all_replies}} + {{replies}} - 1) / {{replies}})
    WHEN k IS NOT NULL THEN 4 * (k - 1 - k * 7919 % CASE WHEN k < 50 THEN k ELSE 50 END) + 3
    END AS parent FROM placed)
INSERT INTO posts (id, body, created_at, user_id, thread_id, reply_to_id, reply_to_user_id)
SELECT i, 'Post number ' || i || ', about nothing in particular'
    || CASE i % 10 WHEN 7 THEN ', but for @user' || (i * 31 % {{people}}) ELSE '' END || '.',
    {{moment}}, {_AUTHOR.format("i")}, CASE WHEN is_in_longest THEN {THREAD_ID} ELSE parent END,
    parent, {_AUTHOR.format("parent")} FROM parents"""

_MENTIONS = """{numbers} INSERT INTO mentions (user_id, post_id)
SELECT 1 + i * 31 % {people}, i FROM n WHERE i % 10 = 7"""

_LIKES = """{numbers} INSERT INTO likes (user_id, post_id, created_at)
SELECT 1 + (CAST(i AS BIGINT) * 31 + i / {posts}) % {people},
    1 + CAST(i AS BIGINT) * 7919 % {posts}, {moment} FROM n WHERE TRUE ON CONFLICT DO NOTHING"""

_OTHERS_NOTIFICATIONS = """{numbers}
INSERT INTO notifications (user_id, kind, actor_id, post_id, created_at, read_at)
SELECT posts.user_id, 'like', likes.user_id, i, likes.created_at, likes.created_at
FROM n JOIN likes ON likes.post_id = i JOIN posts ON posts.id = i
WHERE posts.user_id NOT IN (likes.user_id, 1)"""

# Of ten, one is a new follower, one a reply, and the others are likes: most of a post that was
# written about then, some of any. There are five minutes between two. The newest are unread.
_READERS_NOTIFICATIONS = f"""{{numbers}},
own AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS count
    FROM posts WHERE user_id = {READER_ID}),
kinds AS (SELECT i, CASE i % 10 WHEN 0 THEN 'follow' WHEN 1 THEN 'reply' ELSE 'like' END AS kind,
    2 * (i / 10) + 1 AS j FROM n),
causes AS (SELECT i, kind, CASE kind
    WHEN 'like' THEN (SELECT id FROM own WHERE place = CASE i % 5
        WHEN 2 THEN (i / 7 + i / {{people}}) % count
        ELSE CAST(i - 1 AS BIGINT) * count / {{notifications}} END)
    WHEN 'reply' THEN 4 * ((CAST(j AS BIGINT) * {{all_replies}} + {{replies}} - 1) / {{replies}})
    END AS post_id FROM kinds)
INSERT INTO notifications (user_id, kind, actor_id, post_id, created_at, read_at)
SELECT {READER_ID}, kind,
    CASE kind WHEN 'reply' THEN posts.user_id ELSE 2 + i % ({{people}} - 1) END,
    post_id, {{five_minutes}}, CASE WHEN i <= {{notifications}} - 40 THEN {{five_minutes}} END
FROM causes LEFT JOIN posts ON posts.id = post_id
WHERE kind <> 'reply' OR posts.reply_to_user_id = {READER_ID} AND posts.user_id <> {READER_ID}
ORDER BY i ON CONFLICT DO NOTHING"""

_LIKES_OF_NOTIFICATIONS = f"""INSERT INTO likes (user_id, post_id, created_at)
SELECT actor_id, post_id, created_at FROM notifications
WHERE user_id = {READER_ID} AND kind = 'like' ON CONFLICT DO NOTHING"""

_FOLLOWS_OF_NOTIFICATIONS = f"""INSERT INTO follows (follower_id, followed_id)
SELECT actor_id, user_id FROM notifications
WHERE user_id = {READER_ID} AND kind = 'follow' ON CONFLICT DO NOTHING"""

_CONVERSATIONS = f"""{{numbers}} INSERT INTO conversations (id, first_id, second_id)
SELECT i, {READER_ID}, i + 1 FROM n"""

# Half of all messages are in the first conversation; the others are in all the rest in turn.
_MESSAGES = f"""{{numbers}} INSERT INTO messages (id, conversation_id, sender_id, body, created_at)
SELECT i, conversation, CASE i / 2 % 3 WHEN 0 THEN {READER_ID} ELSE conversation + 1 END,
    'Message number ' || i || ', about nothing in particular.', {{moment}}
FROM (SELECT i, CASE i % 2 WHEN 1 THEN 1 ELSE 2 + i / 2 % ({{conversations}} - 1) END
    AS conversation FROM n) AS placed"""

# In some conversations, the newest message is new to the reader.
_PARTICIPATIONS = tuple(
    f"""INSERT INTO participations (user_id, conversation_id, other_id,
    last_message_id, read_through_id, deleted_through_id, unread)
SELECT {own}_id, conversations.id, {other}_id,
    max(messages.id), max(messages.id) - {unread}, 0, {unread}
FROM conversations JOIN messages ON conversation_id = conversations.id
GROUP BY conversations.id, first_id, second_id"""
    for own, other, unread in (
        ("first", "second", "CASE conversations.id % 100 WHEN 7 THEN 1 ELSE 0 END"),
        ("second", "first", "0"),
    )
)


def _in_batches(engine: Engine, count: int, statement: str, amounts: Amounts) -> None:
    for first in range(1, count + 1, BATCH):
        with engine.begin() as connection:
            _execute(connection, statement, amounts, first, min(first + BATCH - 1, count))


def _at_once(engine: Engine, amounts: Amounts, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            _execute(connection, statement, amounts)


def _execute(
    connection: Connection, statement: str, amounts: Amounts, first: int = 1, last: int = 1
) -> None:
    moment = _MOMENT[connection.dialect.name]
    values = vars(amounts) | {
        "numbers": _NUMBERS.format(first=first, last=last),
        "all_replies": amounts.all_replies,
        "writers": max(amounts.people // 10, 1),
        "moment": moment.format("i"),
        "five_minutes": moment.format("(300 * i)"),
    }
    connection.execute(text(statement.format(**values)))


_MOMENT = {
    "postgresql": "TIMESTAMPTZ '2026-01-01 00:00:00Z' + {} * INTERVAL '1 second'",
    "sqlite": "strftime('%Y-%m-%d %H\\:%M\\:%S.000000', '2026-01-01', {} || ' seconds')",
}
"""So many seconds later, as each database stores it."""


def _continue_sequences(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in ("posts", "conversations", "messages"):
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
            )
