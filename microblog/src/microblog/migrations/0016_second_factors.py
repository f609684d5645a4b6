"""Passkeys, authenticator apps and recovery codes, and how sessions were opened."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("passkey_handle", sa.LargeBinary(length=64), nullable=True))
        batch_op.add_column(sa.Column("second_factor_ends_at", moment, nullable=True))
        waits = sa.text("second_factor_ends_at IS NOT NULL")
        batch_op.create_index(
            op.f("ix_users_second_factor_ends_at"),
            ["second_factor_ends_at"],
            sqlite_where=waits,
            postgresql_where=waits,
        )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        # The release before this one opens sessions, too, and says nothing of how.
        batch_op.add_column(
            sa.Column("methods", sa.String(length=64), server_default="pwd", nullable=False)
        )
        batch_op.add_column(sa.Column("proved_at", moment, nullable=True))
    with op.batch_alter_table("known_browsers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trusted_until", moment, nullable=True))
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(length=1023), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("transports", sa.JSON(), nullable=False),
        sa.Column("is_synced", sa.Boolean(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        _of_user("passkeys"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index(op.f("ix_passkeys_user_id"), "passkeys", ["user_id"])
    op.create_table(
        "authenticators",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("confirmed_at", moment, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("used_at", moment, nullable=True),
        _of_user("authenticators"),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_authenticators")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("used_at", moment, nullable=True),
        _of_user("recovery_codes"),
        sa.PrimaryKeyConstraint("user_id", "digest", name=op.f("pk_recovery_codes")),
    )
    op.create_table(
        "used_challenges",
        sa.Column("challenge", sa.LargeBinary(length=32), nullable=False),
        sa.Column("ends_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("challenge", name=op.f("pk_used_challenges")),
    )
    op.create_index(op.f("ix_used_challenges_ends_at"), "used_challenges", ["ends_at"])


def downgrade() -> None:
    op.drop_table("used_challenges")
    op.drop_table("recovery_codes")
    op.drop_table("authenticators")
    op.drop_table("passkeys")
    with op.batch_alter_table("known_browsers", schema=None) as batch_op:
        batch_op.drop_column("trusted_until")
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.drop_column("proved_at")
        batch_op.drop_column("methods")
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index(op.f("ix_users_second_factor_ends_at"))
        batch_op.drop_column("second_factor_ends_at")
        batch_op.drop_column("passkey_handle")


def _of_user(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_user_id_users")
    return sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=name, ondelete="CASCADE")
