"""What people want to be emailed of replies, mentions and messages, and when."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = ()
depends_on = None

KINDS = ("reply", "mention", "message")


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "email_preferences",
        sa.Column("user_id", sa.Integer(), nullable=False),
        *(sa.Column(kind, sa.String(length=8), nullable=False) for kind in KINDS),
        *(sa.Column(f"{kind}_since", moment, nullable=False) for kind in KINDS),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("locale", sa.String(length=16), nullable=False),
        sa.Column("chosen_at", moment, nullable=False),
        sa.Column("next_at", moment, nullable=True),
        sa.Column("at_once_at", moment, nullable=True),
        sa.Column("stopped_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"],
            ["users.id"],
            name=op.f("fk_email_preferences_user_id_users"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_email_preferences")),
    )
    op.create_index(
        op.f("ix_email_preferences_next_at"),
        "email_preferences",
        ["next_at"],
        sqlite_where=sa.text("next_at IS NOT NULL"),
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("email_preferences")
