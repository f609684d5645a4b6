"""`microblog shell`: Python with the site at hand (statements T3 and T4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.running import clean_environment, run_command
from tests.documentation import example
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[3] / "docs" / "commands.md"

SESSION = f"""
{example(PAGE, "msg = Message(")}
print('sent now:', msg.subject)
number = send_email('later', None, ['you@example.com'], 'text', '<p>html</p>')
print('queued as', number)
print(db.session.query(User).count(), 'people,', db.session.query(Post).count(), 'posts')
"""


@pytest.fixture
def environment(
    request: pytest.FixtureRequest, smtp: ScriptedServer, tmp_path: Path
) -> dict[str, str]:
    return clean_environment(
        SECRET_KEY="a secret for tests only, long enough to be one",
        ADMINS="admin@microblog.example.com",
        DATABASE_URL=str(request.getfixturevalue("_sqlite_url")),
        INSTANCE_PATH=str(tmp_path / "instance"),
        MAIL_SERVER="127.0.0.1",
        MAIL_PORT=str(smtp.port),
    )


def test_the_lines_of_the_tutorial_send_a_message_now(
    environment: dict[str, str], tmp_path: Path, smtp: ScriptedServer
) -> None:
    ended = run_command(["shell"], environment, tmp_path, typed=SESSION)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    for name in ("app", "db", "mail", "Message", "User", "Post"):
        assert name in ended.stderr.partition("At hand: ")[2]
    assert "sent now: test subject" in ended.stdout
    assert "queued as 1" in ended.stdout
    assert "0 people, 0 posts" in ended.stdout
    (received,) = smtp.received
    assert received.sender == "admin@microblog.example.com"
    assert received.recipients == ["you@example.com"]
    assert received.message["Subject"] == "test subject"
    assert received.message.get_content_type() == "multipart/alternative"
    assert received.text().strip() == "text body"
    assert received.text("html").strip() == "<h1>HTML body</h1>"
