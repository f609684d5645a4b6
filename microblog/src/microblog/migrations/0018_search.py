"""The index of search: posts by their terms, people by their names, tags by their beginning.

It is empty at first, since making it takes longer than a site should wait for:
`microblog search rebuild` fills it.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0018"
down_revision = "0017"
branch_labels = ()
depends_on = None

FTS = (
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


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "indexed_posts",
        sa.Column("post_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("terms", sa.Text() if is_sqlite else TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["post_id"],
            ["posts.id"],
            name=op.f("fk_indexed_posts_post_id_posts"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_indexed_posts")),
    )
    term = sa.String(length=64) if is_sqlite else sa.String(length=64, collation="C")
    op.create_table(
        "name_terms",
        sa.Column("term", term, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_name_terms_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("term", "user_id", name=op.f("pk_name_terms")),
    )
    op.create_index("ix_name_terms_user_id", "name_terms", ["user_id"])
    if is_sqlite:
        for statement in FTS:
            op.execute(statement)
        return
    op.create_index(
        "ix_indexed_posts_terms",
        "indexed_posts",
        ["terms"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    # By bytes: else no index has all tags with one beginning side by side.
    op.execute('ALTER TABLE post_tags ALTER COLUMN tag TYPE varchar(64) COLLATE "C"')


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE indexed_posts_fts")
    else:
        op.execute('ALTER TABLE post_tags ALTER COLUMN tag TYPE varchar(64) COLLATE "default"')
    op.drop_table("name_terms")
    op.drop_table("indexed_posts")
