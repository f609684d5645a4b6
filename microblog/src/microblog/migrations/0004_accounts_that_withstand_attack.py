"""Verified addresses, known browsers, security events, changes of address, administrators."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = ()
depends_on = None

VERIFIED = sa.text("email_verified_at IS NOT NULL")
DELETING = sa.text("deletes_at IS NOT NULL")


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_admin", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        batch_op.add_column(sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("deletes_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("locale", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("time_zone", sa.String(length=64), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_users_email_key"), type_="unique")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.alter_column("is_admin", server_default=None)
        batch_op.create_index(batch_op.f("ix_users_email_key"), ["email_key"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_users_deletes_at"),
            ["deletes_at"],
            unique=False,
            sqlite_where=DELETING,
            postgresql_where=DELETING,
        )
        batch_op.create_index(
            "uq_users_verified_email_key",
            ["email_key"],
            unique=True,
            sqlite_where=VERIFIED,
            postgresql_where=VERIFIED,
        )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        for name in ("browser", "address"):
            batch_op.add_column(
                sa.Column(name, sa.String(length=64), nullable=False, server_default="")
            )
        batch_op.create_index(batch_op.f("ix_sessions_seen_at"), ["seen_at"], unique=False)
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.alter_column("browser", server_default=None)
        batch_op.alter_column("address", server_default=None)
    _create_tables()


def _create_tables() -> None:
    op.create_table(
        "known_browsers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        _belongs_to_a_user("known_browsers"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_known_browsers")),
    )
    op.create_index(
        op.f("ix_known_browsers_user_id_digest"),
        "known_browsers",
        ["user_id", "digest"],
        unique=True,
    )
    op.create_index(op.f("ix_known_browsers_seen_at"), "known_browsers", ["seen_at"])
    op.create_table(
        "login_throttles",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_login_throttles")),
    )
    op.create_index(op.f("ix_login_throttles_failed_at"), "login_throttles", ["failed_at"])
    op.create_table(
        "security_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("browser", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        _belongs_to_a_user("security_events"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_security_events")),
    )
    op.create_index(op.f("ix_security_events_user_id_id"), "security_events", ["user_id", "id"])
    op.create_index(op.f("ix_security_events_at"), "security_events", ["at"])
    op.create_table(
        "email_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("old_email", sa.String(length=254), nullable=False),
        sa.Column("new_email", sa.String(length=254), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        _belongs_to_a_user("email_changes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email_changes")),
    )
    op.create_index(op.f("ix_email_changes_user_id"), "email_changes", ["user_id"])


def _belongs_to_a_user(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["user_id"], ["users.id"], name=op.f(f"fk_{table}_user_id_users"), ondelete="CASCADE"
    )


def downgrade() -> None:
    for table in (
        "email_changes",
        "security_events",
        "login_throttles",
        "known_browsers",
    ):
        op.drop_table(table)
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sessions_seen_at"))
        batch_op.drop_column("address")
        batch_op.drop_column("browser")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index("uq_users_verified_email_key", sqlite_where=VERIFIED)
        batch_op.drop_index(batch_op.f("ix_users_deletes_at"), sqlite_where=DELETING)
        batch_op.drop_index(batch_op.f("ix_users_email_key"))
    # Of several accounts that name one address, only the one that proved it can stay.
    op.execute(
        "DELETE FROM users WHERE id NOT IN (SELECT COALESCE(MIN(CASE WHEN email_verified_at"
        " IS NOT NULL THEN id END), MIN(id)) FROM users GROUP BY email_key)"
    )
    # During migrations SQLite does not take along what refers to a row that goes.
    for table, column in (
        ("posts", "user_id"),
        ("sessions", "user_id"),
        ("follows", "follower_id"),
        ("follows", "followed_id"),
    ):
        op.execute(f"DELETE FROM {table} WHERE {column} NOT IN (SELECT id FROM users)")  # noqa: S608
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_unique_constraint(batch_op.f("uq_users_email_key"), ["email_key"])
        for name in (
            "time_zone",
            "locale",
            "last_seen_at",
            "deletes_at",
            "disabled_at",
            "is_admin",
        ):
            batch_op.drop_column(name)
