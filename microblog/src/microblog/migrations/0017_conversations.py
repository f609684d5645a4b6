"""Replies and likes, notifications, private messages, reports, and invitations."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = ()
depends_on = None

INDEXES = {
    "ix_posts_reply_to_id_id": ["reply_to_id", "id"],
    "ix_posts_thread_id_id": ["thread_id", "id"],
    "ix_posts_reply_to_user_id": ["reply_to_user_id"],
    "ix_posts_deleted_at": ["deleted_at"],
}


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    _add_to_posts(moment)
    op.create_table(
        "conversations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("first_id", sa.Integer(), nullable=False),
        sa.Column("second_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("first_id < second_id", name=op.f("ck_conversations_order")),
        _refers("conversations", "first_id", "users"),
        _refers("conversations", "second_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint(
            "first_id", "second_id", name=op.f("uq_conversations_first_id_second_id")
        ),
    )
    op.create_index("ix_conversations_second_id", "conversations", ["second_id"])

    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.String(length=80), nullable=False),
        sa.Column("created_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("ends_at", moment, nullable=False),
        sa.Column("uses_maximum", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("revoked_at", moment, nullable=True),
        _refers("invitations", "created_by_id", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint("digest", name=op.f("uq_invitations_digest")),
    )
    op.create_index("ix_invitations_created_by_id", "invitations", ["created_by_id"])

    op.create_table(
        "message_preferences",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("senders", sa.String(length=16), nullable=False),
        _refers("message_preferences", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_message_preferences")),
    )
    op.create_table(
        "notification_preferences",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("is_wanted", sa.Boolean(), nullable=False),
        _refers("notification_preferences", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", "kind", name=op.f("pk_notification_preferences")),
    )
    op.create_table(
        "likes",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        _refers("likes", "post_id", "posts"),
        _refers("likes", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", "post_id", name=op.f("pk_likes")),
    )
    op.create_index("ix_likes_post_id", "likes", ["post_id"])

    op.create_table(
        "messages",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("sender_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("deleted_at", moment, nullable=True),
        _refers("messages", "conversation_id", "conversations"),
        _refers("messages", "sender_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index("ix_messages_conversation_id_id", "messages", ["conversation_id", "id"])
    op.create_index("ix_messages_sender_id", "messages", ["sender_id"])

    op.create_table(
        "notifications",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("read_at", moment, nullable=True),
        _refers("notifications", "actor_id", "users"),
        _refers("notifications", "post_id", "posts"),
        _refers("notifications", "user_id", "users"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_actor_id", "notifications", ["actor_id"])
    op.create_index("ix_notifications_user_id_id", "notifications", ["user_id", "id"])
    # After the one on the same columns: of two that it takes to be as good, SQLite uses the later.
    op.create_index(
        "ix_notifications_unread", "notifications", ["user_id", "id"], **_where("read_at IS NULL")
    )
    op.create_index(
        "ix_notifications_read_at", "notifications", ["read_at"], **_where("read_at IS NOT NULL")
    )
    op.create_index(
        "ix_notifications_withdrawn",
        "notifications",
        ["read_at"],
        **_where("kind IN ('unmention', 'unlike', 'unfollow')"),
    )
    op.create_index(
        "uq_notifications_of_people",
        "notifications",
        ["user_id", "kind", "actor_id"],
        unique=True,
        **_where("post_id IS NULL"),
    )
    op.create_index(
        "uq_notifications_of_posts",
        "notifications",
        ["post_id", "user_id", "kind", "actor_id"],
        unique=True,
        **_where("post_id IS NOT NULL"),
    )

    op.create_table(
        "participations",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.Column("last_message_id", sa.Integer(), nullable=False),
        sa.Column("read_through_id", sa.Integer(), nullable=False),
        sa.Column("deleted_through_id", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        _refers("participations", "conversation_id", "conversations"),
        _refers("participations", "other_id", "users"),
        _refers("participations", "user_id", "users"),
        sa.PrimaryKeyConstraint("user_id", "conversation_id", name=op.f("pk_participations")),
    )
    op.create_index("ix_participations_conversation_id", "participations", ["conversation_id"])
    op.create_index("ix_participations_other_id", "participations", ["other_id"])
    op.create_index(
        "ix_participations_user_id_last_message_id",
        "participations",
        ["user_id", "last_message_id"],
    )
    op.create_index(
        "ix_participations_unread", "participations", ["user_id"], **_where("unread > 0")
    )

    op.create_table(
        "removals",
        sa.Column("post_id", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("removed_at", moment, nullable=False),
        sa.Column("removed_by_id", sa.Integer(), nullable=True),
        _refers("removals", "post_id", "posts"),
        _refers("removals", "removed_by_id", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("post_id", name=op.f("pk_removals")),
    )
    op.create_index("ix_removals_removed_by_id", "removals", ["removed_by_id"])

    op.create_table(
        "reports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reporter_id", sa.Integer(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=False),
        sa.Column("post_id", sa.Integer(), nullable=True),
        sa.Column("message_id", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("resolved_at", moment, nullable=True),
        sa.Column("resolved_by_id", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        _refers("reports", "author_id", "users"),
        _refers("reports", "message_id", "messages", "SET NULL"),
        _refers("reports", "post_id", "posts", "SET NULL"),
        _refers("reports", "reporter_id", "users", "SET NULL"),
        _refers("reports", "resolved_by_id", "users", "SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_author_id", "reports", ["author_id"])
    op.create_index("ix_reports_message_id", "reports", ["message_id"])
    op.create_index("ix_reports_open", "reports", ["id"], **_where("resolved_at IS NULL"))
    op.create_index("ix_reports_post_id", "reports", ["post_id"])
    op.create_index("ix_reports_reporter_id", "reports", ["reporter_id"])
    op.create_index("ix_reports_resolved_by_id", "reports", ["resolved_by_id"])


def downgrade() -> None:
    op.drop_table("reports")
    op.drop_table("removals")
    op.drop_table("participations")
    op.drop_table("notifications")
    op.drop_table("messages")
    op.drop_table("likes")
    op.drop_table("notification_preferences")
    op.drop_table("message_preferences")
    op.drop_table("invitations")
    op.drop_table("conversations")
    with op.batch_alter_table("posts", schema=None) as batch_op:
        for name in INDEXES:
            batch_op.drop_index(name)
        batch_op.drop_constraint("fk_posts_reply_to_id_posts", type_="foreignkey")
        batch_op.drop_constraint("fk_posts_reply_to_user_id_users", type_="foreignkey")
        for column in ("deleted_at", "reply_to_user_id", "reply_to_id", "thread_id"):
            batch_op.drop_column(column)


def _add_to_posts(moment: sa.DateTime) -> None:
    with op.batch_alter_table("posts", schema=None) as batch_op:
        for column in ("thread_id", "reply_to_id", "reply_to_user_id"):
            batch_op.add_column(sa.Column(column, sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("deleted_at", moment, nullable=True))
        for name, columns in INDEXES.items():
            batch_op.create_index(name, columns, **_where(f"{columns[0]} IS NOT NULL"))
        for column, table in (("reply_to_id", "posts"), ("reply_to_user_id", "users")):
            batch_op.create_foreign_key(
                f"fk_posts_{column}_{table}", table, [column], ["id"], ondelete="SET NULL"
            )


def _refers(table: str, column: str, to: str, ondelete: str = "CASCADE") -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{to}")
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=name, ondelete=ondelete)


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
