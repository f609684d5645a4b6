"""What the two databases do differently: writing terms, and finding the newest matches.

SQLite has an FTS5 index over the terms. PostgreSQL has a GIN index over a vector, which gives no
order: a frequent word would mean to read all its posts before the newest are known. So each term
carries the block of ids that its post is in, and blocks are searched one by one, the newest first,
until there are enough. What people type reaches neither query language: a query is built of folded
terms alone, which hold nothing but letters, digits and their marks, and these are quoted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Float, Integer, TextualSelect, cast, column, extract, func, text
from sqlalchemy.orm import Session

from microblog.search.folding import terms

BLOCK_BITS = 14
"""A block has 16,384 ids: the word that all its posts have is looked up in some milliseconds, and a
word that nobody wrote in a million posts takes 62 looks."""

SECONDS_A_DAY = 86_400

Forms = dict[str, str]
"""The word form of terms that have another one."""

_ADD_ON_SQLITE = text(
    "INSERT INTO indexed_posts (post_id, terms) VALUES (:post_id, :terms)"
    " ON CONFLICT (post_id) DO UPDATE SET terms = excluded.terms"
)
_ADD_ON_POSTGRESQL = text(
    """INSERT INTO indexed_posts (post_id, terms)
    SELECT :post_id, array_to_tsvector(coalesce(array_agg(:block || term), '{}'))
    FROM (
        SELECT unnest(CAST(:terms AS text[])) AS term
        UNION SELECT unnest(ts_lexize('russian_stem', word))
        FROM unnest(CAST(:russian AS text[])) AS word
        UNION SELECT unnest(ts_lexize('english_stem', word))
        FROM unnest(CAST(:english AS text[])) AS word
    ) AS found
    ON CONFLICT (post_id) DO UPDATE SET terms = excluded.terms"""
)

_NEWEST_ON_SQLITE = text(
    "SELECT rowid AS post_id FROM indexed_posts_fts"
    " WHERE indexed_posts_fts MATCH :query AND rowid < :below"
    " ORDER BY rowid DESC LIMIT :size"
).columns(column("post_id", Integer))
# The aggregate keeps PostgreSQL from walking through all posts in search of the first.
_NEWEST_ON_POSTGRESQL = text(
    f"""SELECT post_id FROM generate_series(
        (SELECT max(post_id) FROM indexed_posts WHERE post_id < :below) >> {BLOCK_BITS}, 0, -1
    ) AS block
    CROSS JOIN LATERAL (
        SELECT array_agg(post_id ORDER BY post_id DESC) AS ids FROM indexed_posts
        WHERE terms @@ CAST(replace(:query, '#', CAST(block AS text)) AS tsquery)
        AND post_id < :below
    ) AS matches
    CROSS JOIN LATERAL unnest(matches.ids) AS post_id
    LIMIT :size"""  # noqa: S608 - a number of ours
).columns(column("post_id", Integer))

_FORMS = text(
    """SELECT word, (ts_lexize('russian_stem', word))[1] AS form
    FROM unnest(CAST(:russian AS text[])) AS word
    UNION ALL SELECT word, (ts_lexize('english_stem', word))[1]
    FROM unnest(CAST(:english AS text[])) AS word"""
)


def add_texts(session: Session, texts: Iterable[tuple[int, str]]) -> None:
    """Index these posts, each an id and its text; one that is indexed is indexed anew."""
    rows: list[dict[str, Any]]
    if _is_sqlite(session):
        rows = [{"post_id": key, "terms": " ".join(terms(body))} for key, body in texts]
        statement = _ADD_ON_SQLITE
    else:
        rows = [_row_of_postgresql(key, terms(body)) for key, body in texts]
        statement = _ADD_ON_POSTGRESQL
    if rows:
        session.execute(statement, rows)


def word_forms(session: Session, wanted: Iterable[str]) -> Forms:
    """The form under which PostgreSQL finds all forms of a Russian or English word."""
    words = _by_language(wanted)
    if _is_sqlite(session) or not any(words.values()):
        return {}
    found = session.execute(_FORMS, words)
    return {word: form for word, form in found if form is not None}


def newest_matches(dialect: str) -> TextualSelect:
    """The statement for the newest `size` posts that match a `query` and have ids under `below`."""
    return _NEWEST_ON_SQLITE if dialect == "sqlite" else _NEWEST_ON_POSTGRESQL


def query_for(session: Session, wanted: Sequence[str], forms: Forms) -> str:
    """The query that is matched by posts with all these terms, or other forms of them."""
    if _is_sqlite(session):
        return " AND ".join(f'"{one}"' for one in wanted)
    return " & ".join(_either(one, forms) for one in wanted)


def day_of(dialect: str, moment: Any) -> Any:
    """The days from some beginning to a moment that is stored, as the database counts them."""
    if dialect == "sqlite":
        return func.julianday(moment, type_=Float)
    return cast(extract("epoch", moment) / SECONDS_A_DAY, Float)


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


def _row_of_postgresql(post_id: int, found: list[str]) -> dict[str, Any]:
    block = f"{post_id >> BLOCK_BITS}:"
    return {"post_id": post_id, "block": block, "terms": found, **_by_language(found)}


def _by_language(words: Iterable[str]) -> dict[str, list[str]]:
    alphabetic = [word for word in words if word.isalpha()]
    return {
        "russian": [word for word in alphabetic if "а" <= word[0] <= "я"],
        "english": [word for word in alphabetic if word.isascii()],
    }


def _either(term: str, forms: Forms) -> str:
    found = dict.fromkeys((term, forms.get(term, term)))
    alternatives = " | ".join(f"'#:{one}'" for one in found)
    return f"({alternatives})"
