"""Tables of what search finds. All that is in them is made of posts and accounts."""

from __future__ import annotations

from sqlalchemy import DDL, ForeignKey, Index, Text, event
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from microblog.database import Model, string_by_bytes
from microblog.search.folding import TERM_MAXIMUM

DERIVED = {"derived": True}
"""What a table says of itself if its rows can be made again: they are not moved."""


class IndexedPost(Model):
    """A post that can be found by its terms: a text on SQLite, a vector on PostgreSQL.

    On SQLite, the table `indexed_posts_fts` has the index over `terms`, which triggers keep.
    """

    __tablename__ = "indexed_posts"

    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    terms: Mapped[str] = mapped_column(Text().with_variant(TSVECTOR(), "postgresql"))

    __table_args__ = (
        # Without a list of pending entries, which each search would read one by one.
        Index(
            "ix_indexed_posts_terms",
            "terms",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ).ddl_if(dialect="postgresql"),
        {"info": DERIVED},
    )


class NameTerm(Model):
    """A word of a person's names, by the beginning of which they are found."""

    __tablename__ = "name_terms"

    term: Mapped[str] = mapped_column(string_by_bytes(TERM_MAXIMUM), primary_key=True)
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )

    __table_args__ = ({"info": DERIVED},)


_FTS = (
    # Terms are folded and have blanks between them; the index needs neither places nor lengths.
    """CREATE VIRTUAL TABLE indexed_posts_fts USING fts5(
        terms, content='indexed_posts', content_rowid='post_id',
        tokenize='ascii', detail='none', columnsize=0)""",
    """CREATE TRIGGER indexed_posts_added AFTER INSERT ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(rowid, terms) VALUES (new.post_id, new.terms);
    END""",
    """CREATE TRIGGER indexed_posts_removed AFTER DELETE ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(indexed_posts_fts, rowid, terms)
        VALUES ('delete', old.post_id, old.terms);
    END""",
    """CREATE TRIGGER indexed_posts_changed AFTER UPDATE ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(indexed_posts_fts, rowid, terms)
        VALUES ('delete', old.post_id, old.terms);
        INSERT INTO indexed_posts_fts(rowid, terms) VALUES (new.post_id, new.terms);
    END""",
)

for _statement in _FTS:
    _on_sqlite = DDL(_statement).execute_if(dialect="sqlite")  # type: ignore[no-untyped-call]
    event.listen(IndexedPost.__table__, "after_create", _on_sqlite)
