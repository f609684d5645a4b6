"""Keep the schema of a release, with rows in every table, on both databases.

    python scripts/keep_release.py VERSION

The release itself makes the database (`microblog db upgrade`), is used through its pages, and gets
the rows that pages do not make soon: messages of each status, addresses that nothing is sent to,
the longest texts. The two files in microblog/tests/releases are never edited: tests upgrade them
with every version to come. Needs PostgreSQL and pg_dump. --python names the Python of a release
that is not this working tree.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    select,
    update,
)

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "flask-outbox"), str(ROOT / "microblog")]

from tests.constants import ENGINES  # noqa: E402
from tests.kept_releases import FOLDER, file_of  # noqa: E402
from tests.schemas import empty_database  # noqa: E402

FULL_TEXT = "_fts"
"""In the name of each table that SQLite's index of texts consists of."""

_OF_FULL_TEXT = (
    rf"""(?:CREATE TABLE|INSERT INTO) ["']\w+{FULL_TEXT}\w*["']|INSERT INTO sqlite_master"""
)

PASSWORD = "correct horse battery staple"
SECRET = "a secret for kept releases only, long enough"
THEN = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
LATER = datetime(2099, 12, 31, 23, 59, 59, tzinfo=UTC)
AWKWARD = "'\"\\%;-- \U0001f331 花園 Сад İ\n\t~"

USE = """
import re
from concurrent.futures import ThreadPoolExecutor

def browser(name=None):
    client = app.test_client()
    def submit(path, form=None, **fields):
        page = client.get(form or path, follow_redirects=True).get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        answer = client.post(path, data={"csrf_token": token, **fields})
        if answer.status_code not in (200, 302):
            raise SystemExit(f"{path}: {answer.status}")
    if name:
        submit("/login", username=name, password=PASSWORD, remember_me="y")
    return submit

def use():
    ann, bob, carol, dora = map(browser, ("user0", "user1", "user2", "user3"))
    chosen = {"password": PASSWORD, "password2": PASSWORD}
    browser()("/register", username="newcomer", email="Newcomer@Example.com", **chosen)
    browser()("/login", username="user1", password="not this one")
    browser()("/reset_password_request", email="user1@example.com")
    ann("/", post="Hello @user1 #garden \\U0001f331 花園 Сад")
    bob("/follow/user0", "/user/user0")
    bob("/mute/user2", "/user/user2")
    bob("/block/user3", "/user/user3")
    bob("/edit_profile", username="user1", about_me="Beans \\U0001f331, 豆子, бобы")
    carol("/settings/email", email="carol@example.net", current_password=PASSWORD)
    dora("/settings/delete", current_password=PASSWORD)

# In another thread, which does not have the shell's application context.
ThreadPoolExecutor().submit(use).result()
for kind in ("waits", "example"):
    recipients = [f"{kind}@example.com"]
    send_email(f"{kind} \\U0001f331 Сад", None, recipients, "text 花園", "<p>text</p>")
"""
"""What is typed into `microblog shell`: every release has these addresses and names."""

STATUSES = (
    "deferred", "sent", "dead", "discarded", "expired", "cancelled", "unknown", "delivered",
    "bounced", "complained",
)  # fmt: skip

ROWS: dict[str, list[dict[str, Any]]] = {
    "users": [
        {
            "username": "Ж" * 64, "username_key": "ж" * 64, "username_skeleton": "x" * 255,
            "email": f"{'İ' * 60}@{'x' * 189}.org", "email_key": f"{'İ' * 60}@{'x' * 189}.org",
            "password_hash": "-", "registered_at": THEN, "is_admin": False,
            "confusable_username": False,
        },
        {
            "username": "us\u0435r0", "username_key": "us\u0435r0", "username_skeleton": "userO",
            "email": "User0@example.com", "email_key": "user0@example.com", "password_hash": "-",
            "registered_at": THEN, "is_admin": True, "disabled_at": THEN, "deletes_at": LATER,
            "last_seen_at": THEN, "locale": "zh_Hant", "time_zone": "Europe/Moscow",
            "confusable_username": True, "display_name": "\U0001f331" * 40,
            "passkey_handle": b"h" * 32, "second_factor_ends_at": LATER,
        },
    ],
    "sessions": [
        {
            "user_id": 1, "digest": b"s" * 32, "remembered": True, "created_at": THEN,
            "seen_at": THEN, "browser": "x" * 64, "address": "x" * 64, "methods": "pwd otp",
            "proved_at": THEN,
        },
    ],
    "known_browsers": [
        {"user_id": 1, "digest": b"b" * 32, "seen_at": THEN, "trusted_until": LATER},
    ],
    "passkeys": [
        {
            "user_id": 3, "credential_id": bytes([number]) * 1023, "public_key": b"key",
            "sign_count": number * 2**31, "name": "\U0001f331" * 64, "transports": ["usb"],
            "is_synced": bool(number), "created_at": THEN, "used_at": THEN if number else None,
        }
        for number in (0, 1)
    ],
    "authenticators": [
        {
            "user_id": user_id, "secret": b"sealed", "created_at": THEN, "last_step": 2**32,
            "confirmed_at": moment, "used_at": moment,
        }
        for user_id, moment in ((3, THEN), (4, None))
    ],
    "recovery_codes": [
        {"user_id": 3, "digest": bytes([number]) * 32, "created_at": THEN, "used_at": moment}
        for number, moment in enumerate((THEN, None))
    ],
    "used_challenges": [{"challenge": b"c" * 32, "ends_at": LATER}],
    "posts": [
        {"body": "", "created_at": datetime(1970, 1, 1, tzinfo=UTC), "user_id": 1},
        {"body": AWKWARD * 20, "created_at": LATER, "edited_at": LATER, "user_id": 2},
        {
            "body": "no", "created_at": LATER, "user_id": 3, "thread_id": 1, "reply_to_id": 2,
            "reply_to_user_id": 1, "deleted_at": LATER,
        },
        {"body": "gone", "created_at": LATER, "user_id": 3, "thread_id": 2**31 - 1},
    ],
    "likes": [{"user_id": 1, "post_id": 2, "created_at": THEN}],
    "notifications": [
        {
            "user_id": 2, "kind": "like", "actor_id": 1, "post_id": 2, "created_at": THEN,
            "read_at": THEN,
        },
        {"user_id": 2, "kind": "follow", "actor_id": 3, "created_at": LATER},
    ],
    "notification_preferences": [{"user_id": 1, "kind": "like", "is_wanted": False}],
    "conversations": [{"first_id": 1, "second_id": 2}],
    "participations": [
        {
            "user_id": user_id, "conversation_id": 1, "other_id": 3 - user_id,
            "last_message_id": 2, "read_through_id": user_id, "deleted_through_id": user_id - 1,
            "unread": 2 - user_id,
        }
        for user_id in (1, 2)
    ],
    "messages": [
        {"conversation_id": 1, "sender_id": 1, "body": AWKWARD * 80, "created_at": THEN},
        {
            "conversation_id": 1, "sender_id": 2, "body": "", "created_at": LATER,
            "deleted_at": LATER,
        },
    ],
    "message_preferences": [{"user_id": 1, "senders": "following"}],
    "reports": [
        {
            "reporter_id": 1, "author_id": 2, "post_id": 2, "body": AWKWARD, "reason": "spam",
            "comment": AWKWARD * 20, "created_at": THEN, "resolved_at": LATER,
            "resolved_by_id": 1, "outcome": "dismissed",
        },
        {
            "author_id": 2, "message_id": 2, "body": "", "reason": "other", "comment": "",
            "created_at": LATER,
        },
    ],
    "removals": [
        {
            "post_id": 3, "body": AWKWARD, "reason": AWKWARD, "removed_at": THEN,
            "removed_by_id": 1,
        },
        {"post_id": 4, "body": "", "reason": "", "removed_at": LATER},
    ],
    "invitations": [
        {
            "digest": bytes([number]) * 32, "note": "\U0001f331" * 80, "created_by_id": maker,
            "created_at": THEN, "ends_at": LATER, "uses_maximum": 1000, "uses": 1000,
            "revoked_at": moment,
        }
        for number, maker, moment in ((0, 1, THEN), (1, None, None))
    ],
    "profiles": [{"user_id": 1, "about_me": AWKWARD, "avatar_digest": "a" * 64}],
    "avatars": [{"user_id": 1, "content": bytes(range(256))}],
    "login_throttles": [
        {"key": "b" * 64, "failures": 9, "failed_at": THEN, "blocked_until": LATER},
    ],
    "email_changes": [
        {
            "user_id": 1, "old_email": "Before@example.com", "new_email": "user0@example.com",
            "old_email_key": "before@example.com", "new_email_key": "user0@example.com",
            "requested_at": THEN, "confirmed_at": THEN, "undo_until": LATER, "undone_at": LATER,
        },
    ],
    "email_preferences": [
        {
            "user_id": person, "reply": how, "mention": how, "message": how, "reply_since": THEN,
            "mention_since": THEN, "message_since": THEN, "hour": 23, "weekday": 6,
            "time_zone": "Europe/Moscow" if moment else None, "locale": "zh_Hant",
            "chosen_at": THEN, "next_at": moment, "at_once_at": moment, "stopped_at": moment,
        }
        for person, how, moment in ((1, "weekly", LATER), (2, "never", None))
    ],
    "failures": [{"fingerprint": "c" * 64, "count": 2**31 - 1, "mailed_at": THEN}],
    "mail_suppressions": [
        {
            "address_key": "gone@example.com", "reason": AWKWARD, "since": THEN.timestamp(),
            "until": LATER.timestamp(), "source": "report", "tried_at": THEN.timestamp(),
        },
        {"address_key": f"{'İ' * 60}@{'x' * 189}.org", "reason": "", "since": 0.0},
    ],
    "mail_opt_outs": [
        {
            "address_key": "user1@example.com", "list": name, "reason": "complaint",
            "since": THEN.timestamp(), "until": until,
        }
        for name, until in (("", None), ("d" * 64, LATER.timestamp()))
    ],
    "mail_reports": [
        {
            "source": source, "event_id": "e" * 255, "received_at": THEN.timestamp(),
            "due_at": LATER.timestamp(), "envelope_recipient": "bounces@example.com",
            "content": bytes(range(256)), "note": note,
        }
        for source, note in (("report", AWKWARD), ("ses", None))
    ],
    "mail_events": [
        {
            "source": source, "event_id": "e" * 255, "recipient_key": "user1@example.com",
            "at": THEN.timestamp(), "outbox_id": row, "domain": "example.com", "meaning": "dead",
            "code": "5.1.1", "words": AWKWARD, "trusted": bool(row),
        }
        for source, row in (("report", 1), ("ses", None))
    ],
    "mail_mailboxes": [
        {
            "name": name, "uid_validity": 2**32 - 1, "uid": 2**32 - 1,
            "polled_at": THEN.timestamp(), "trouble": trouble,
        }
        for name, trouble in (("bounces@example.com", AWKWARD), ("spam@example.com", None))
    ],
    "mail_rate_slots": [
        {"name": "example.com", "number": 0, "free_at": LATER.timestamp(), "uses": 2**40},
    ],
    "mail_counts": [
        {
            "hour": hour, "kind": "mail.ready", "lane": 1, "status": "sent", "bucket": 3,
            "messages": 2**40, "seconds": 0.1,
        }
        for hour in (0, 490_000)
    ],
    "mail_counted": [{"id": 1, "hour": 490_000}],
}  # fmt: skip
"""Rows that pages do not make. A column that a release does not have is left out."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("version", nargs="?", help="by default the one in microblog/pyproject.toml")
    parser.add_argument(
        "--python",
        type=lambda given: str(Path(given).absolute()),
        default=sys.executable,
        help="the Python of another release",
    )
    options = parser.parse_args()
    version = options.version or present_version()
    FOLDER.mkdir(exist_ok=True)
    for engine in ENGINES:
        file_of(version, engine).write_text(_keep(engine, options.python), encoding="utf-8")
        print(file_of(version, engine).relative_to(ROOT))


def present_version() -> str:
    """The version of Microblog in this working tree."""
    project = tomllib.loads((ROOT / "microblog" / "pyproject.toml").read_text())
    return str(project["project"]["version"])


def _keep(engine: str, python: str) -> str:
    """The schema and the rows of a database that this Python's Microblog made, as SQL."""
    with (
        tempfile.TemporaryDirectory() as place,
        empty_database(engine, Path(place)) as url,
    ):
        _use(python, url, Path(place))
        database = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
        with database.begin() as connection:
            _add_rows(connection)
            _require_everything(connection)
        database.dispose()
        return _dumped(engine, database, url)


def _use(python: str, url: str, folder: Path) -> None:
    """Let the release make the database, and use its pages."""
    # Where this version is found must not be where that one is looked for.
    here = {} if python == sys.executable else {"PYTHONPATH": ""}
    environment = os.environ | here | {
        "MICROBLOG_ENV_FILE": "", "SECRET_KEY": SECRET, "PUBLIC_URL": "http://localhost",
        "ADMINS": "admin@example.com", "DATABASE_URL": url, "INSTANCE_PATH": str(folder),
        "RATELIMIT_ENABLED": "0",
    }  # fmt: skip
    sample = ["fake", "--users", "4", "--posts", "6", "--follows", "5"]
    typed = f"PASSWORD = {PASSWORD!r}\nexec({USE!r}, globals() | locals())\n"
    for arguments, text in ((["db", "upgrade"], ""), (sample, ""), (["shell"], typed)):
        done = subprocess.run(
            [python, "-m", "microblog", *arguments],
            env=environment, cwd=folder, input=text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode or "Traceback" in done.stderr:
            raise SystemExit(f"microblog {' '.join(arguments)}:\n{done.stdout}{done.stderr}")


def _add_rows(connection: Connection) -> None:
    tables = _tables(connection)
    for name, rows in ROWS.items():
        if name in tables:
            for row in rows:
                connection.execute(insert(tables[name]), _fitting(row, tables[name]))
    _add_messages(connection, tables["outbox"])
    # Whoever is asked for here is found by tests for as long as the file is kept.
    outbox = tables["outbox"]
    connection.execute(update(outbox).where(outbox.c.status == "queued").values(expires_at=None))


def _fitting(row: dict[str, Any], table: Table) -> dict[str, Any]:
    """The values of those columns that this release has; SQLite stores moments without a zone."""
    on_sqlite = table.metadata.info["engine"] == "sqlite"
    return {
        name: value.replace(tzinfo=None) if on_sqlite and isinstance(value, datetime) else value
        for name, value in row.items()
        if name in table.columns
    }


def _add_messages(connection: Connection, outbox: Table) -> None:
    """A message of each status, like the one that the release itself has written."""
    of_example = outbox.c.recipient == "example@example.com"
    example = dict(connection.execute(select(outbox).where(of_example)).mappings().one())
    del example["id"]
    for number, status in enumerate(STATUSES):
        row = {
            "status": status, "attempts": 2, "failures": 1, "settled_at": THEN.timestamp(),
            "answer": AWKWARD, "message_id": f"<{status}@example.com>", "expires_at": 0.0,
            "history": [{"attempt": 2, "at": 1.5, "status": status, "answer": AWKWARD}],
            "recipients": ["example@example.com"], "admitted_at": THEN.timestamp(),
            "reduced": status == "dead", "key": f"{number:064}", "send_at": THEN.timestamp(),
            "recipient": f"{'İ' * 60}@{'x' * 189}.org", "due_at": THEN.timestamp(),
        }  # fmt: skip
        if status == "deferred":
            row |= {"due_at": LATER.timestamp(), "settled_at": None, "waits_for": "example.com"}
        connection.execute(insert(outbox), example | _fitting(row, outbox))


def _require_everything(connection: Connection) -> None:
    """End the program if a table is empty, or a column lacks a value, or NULL where it may be."""
    missing = []
    for name, table in _tables(connection).items():
        rows = connection.scalar(select(func.count()).select_from(table)) or 0
        for column in table.columns:
            given = connection.scalar(select(func.count(column))) or 0
            if not given:
                missing.append(f"{name}.{column.name} has no value")
            elif column.nullable and given == rows:
                missing.append(f"{name}.{column.name} is nowhere NULL")
    if missing:
        raise SystemExit("\n".join(["ROWS or USE need more:", *missing]))


def _tables(connection: Connection) -> dict[str, Table]:
    metadata = MetaData(info={"engine": connection.dialect.name})
    metadata.reflect(connection, only=lambda name, _metadata: FULL_TEXT not in name)
    return dict(metadata.tables)


def _dumped(engine: str, database: Engine, url: str) -> str:
    if engine == "sqlite":
        with closing(sqlite3.connect(str(database.url.database))) as connection:
            return _without_full_text(connection)
    options = ["--no-owner", "--no-privileges", "--inserts"]
    dump = subprocess.run(
        ["pg_dump", *options, url], check=True, capture_output=True, text=True
    ).stdout
    # What is for psql alone, or only for servers of this version.
    return re.sub(r"(?m)^(\\(un)?restrict .*|SET \w+ = .*;|-- Dumped .*)\n", "", dump)


def _without_full_text(connection: sqlite3.Connection) -> str:
    """The dump of SQLite, where an index of texts is made anew: as a table it cannot be restored.

    Its own tables are left out, and its rows come from the table that it is over.
    """
    connection.row_factory = None
    found = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE VIRTUAL TABLE%' ORDER BY name"
    )
    made = [
        f"{sql};\nINSERT INTO {name}({name}) VALUES ('rebuild');" for name, sql in found.fetchall()
    ]
    kept = [
        line
        for line in connection.iterdump()
        if not re.match(_OF_FULL_TEXT, line) and "writable_schema" not in line
    ]
    # Triggers name the index, so it comes before them.
    first = next((i for i, line in enumerate(kept) if line.startswith("CREATE TRIGGER")), -1)
    return "\n".join([*kept[:first], *made, *kept[first:], ""])


if __name__ == "__main__":
    main()
