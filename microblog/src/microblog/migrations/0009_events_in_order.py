"""What happened to one account is found in the order in which it happened."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = ()
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_security_events_user_id_at"), "security_events", ["user_id", "at"])
    op.drop_index(op.f("ix_security_events_user_id_id"), "security_events")


def downgrade() -> None:
    op.create_index(op.f("ix_security_events_user_id_id"), "security_events", ["user_id", "id"])
    op.drop_index(op.f("ix_security_events_user_id_at"), "security_events")
