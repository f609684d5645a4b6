"""Names that look like another are found by their skeleton; those that exist are kept."""

import sqlalchemy as sa
from alembic import op

from microblog.accounts.confusables import skeleton

revision = "0012"
down_revision = "0011"
branch_labels = ()
depends_on = None

USERS = sa.table(
    "users",
    sa.column("id", sa.Integer()),
    sa.column("username", sa.String()),
    sa.column("username_skeleton", sa.String()),
    sa.column("confusable_username", sa.Boolean()),
)

BATCH = 1000


def upgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("username_skeleton", sa.String(length=255), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column(
                "confusable_username", sa.Boolean(), nullable=False, server_default=sa.false()
            )
        )
    _fill_in()
    with op.batch_alter_table("users", schema=None) as batch_op:
        for name in ("username_skeleton", "confusable_username"):
            batch_op.alter_column(name, server_default=None)
        batch_op.create_index(
            batch_op.f("ix_users_username_skeleton"), ["username_skeleton"], unique=False
        )
        batch_op.create_index(
            "uq_users_username_skeleton",
            ["username_skeleton"],
            unique=True,
            sqlite_where=sa.text("NOT confusable_username"),
            postgresql_where=sa.text("NOT confusable_username"),
        )


def _fill_in() -> None:
    connection = op.get_bind()
    people = connection.execute(sa.select(USERS.c.id, USERS.c.username).order_by(USERS.c.id)).all()
    seen: set[str] = set()
    changes = []
    for person in people:
        look = skeleton(person.username)
        changes.append({"number": person.id, "look": look, "again": look in seen})
        seen.add(look)
    change = (
        sa.update(USERS)
        .where(USERS.c.id == sa.bindparam("number"))
        .values(username_skeleton=sa.bindparam("look"), confusable_username=sa.bindparam("again"))
    )
    for start in range(0, len(changes), BATCH):
        connection.execute(change, changes[start : start + BATCH])


def downgrade() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.drop_index("uq_users_username_skeleton")
        batch_op.drop_index(batch_op.f("ix_users_username_skeleton"))
        batch_op.drop_column("confusable_username")
        batch_op.drop_column("username_skeleton")
