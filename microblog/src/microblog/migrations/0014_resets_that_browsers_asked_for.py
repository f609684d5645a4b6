"""A browser that asked for a reset can use the code in the mail, a few times."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.create_table(
        "password_reset_requests",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_password_reset_requests")),
    )
    op.create_index(
        op.f("ix_password_reset_requests_requested_at"),
        "password_reset_requests",
        ["requested_at"],
    )


def downgrade() -> None:
    op.drop_index(
        op.f("ix_password_reset_requests_requested_at"), table_name="password_reset_requests"
    )
    op.drop_table("password_reset_requests")
