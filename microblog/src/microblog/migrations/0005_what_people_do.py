"""Edited posts, tags, mentions, profiles with pictures, blocks and mutes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "post_tags",
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        _refers("post_tags", "post_id", "posts"),
        sa.PrimaryKeyConstraint("tag", "post_id", name=op.f("pk_post_tags")),
    )
    op.create_index(op.f("ix_post_tags_post_id"), "post_tags", ["post_id"])
    op.create_table(
        "mentions",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        _refers("mentions", "post_id", "posts"),
        _refers("mentions", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", "post_id", name=op.f("pk_mentions")),
    )
    op.create_index(op.f("ix_mentions_post_id"), "mentions", ["post_id"])
    op.create_table(
        "profiles",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("about_me", sa.Text(), nullable=False),
        sa.Column("avatar_digest", sa.String(length=64), nullable=True),
        _refers("profiles", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "avatars",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        _refers("avatars", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_avatars")),
    )
    for table, one, other in (
        ("blocks", "blocker_id", "blocked_id"),
        ("mutes", "muter_id", "muted_id"),
    ):
        op.create_table(
            table,
            sa.Column(one, sa.Integer(), nullable=False),
            sa.Column(other, sa.Integer(), nullable=False),
            _refers(table, one, "users"),
            _refers(table, other, "users"),
            sa.PrimaryKeyConstraint(one, other, name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_{other}"), table, [other])


def _refers(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{target}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete="CASCADE")


def downgrade() -> None:
    for table in ("mutes", "blocks", "avatars", "profiles", "mentions", "post_tags"):
        op.drop_table(table)
    with op.batch_alter_table("posts", schema=None) as batch_op:
        batch_op.drop_column("edited_at")
