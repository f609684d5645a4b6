"""The release before this one serves and delivers on, while the database is upgraded under it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from microblog.cli.ports import choose_free
from microblog.cli.sample import PASSWORD
from microblog.cli.smoke_test import Browser
from tests.cli.running import HOST, Running, clean_environment, run_command, running
from tests.previous_release import installed
from tests.smtp_server import ScriptedServer
from tests.waiting import eventually

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True),
]


@pytest.fixture
def python() -> str:
    return str(installed())


def sign_in(site: Running, name: str, password: str = PASSWORD) -> Browser:
    browser = Browser(f"http://{HOST}:{site.port}")
    browser.open("/login")
    browser.submit(username=name, password=password)
    assert 'href="/logout"' in browser.page or 'action="/logout"' in browser.page
    return browser


def write(browser: Browser, words: str) -> None:
    browser.open("/")
    assert words in browser.submit(post=words)


def ask_for_reset(site: Running, address: str) -> None:
    browser = Browser(f"http://{HOST}:{site.port}")
    browser.open("/reset_password_request")
    page = browser.submit(email=address)
    assert "Check your email for the instructions to reset your password" in page


def links(smtp: ScriptedServer, address: str) -> list[str]:
    """The paths of the reset links that were mailed to this address."""
    texts = [one.text() for one in [*smtp.received] if one.recipients == [address]]
    return [
        found for text in texts for found in re.findall(r"http://[^/]+(/reset_password/\S+)", text)
    ]


def test_old_and_new_code_run_side_by_side_on_the_new_schema(
    python: str, tmp_path: Path, smtp: ScriptedServer, database_url: str
) -> None:
    """The rule for migrations: add what old code does not mind, remove only what no code uses."""
    environment = clean_environment(
        SECRET_KEY="a secret for tests only, long enough to be one",
        PUBLIC_URL=f"http://{HOST}",
        ADMINS="admin@microblog.example.com",
        DATABASE_URL=database_url,
        INSTANCE_PATH=str(tmp_path / "instance"),
        MAIL_SERVER=HOST,
        MAIL_PORT=str(smtp.port),
        RATELIMIT_ENABLED="0",
    )
    # Where this version is found must not be where that one is looked for.
    theirs = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
    assert run_command(["db", "downgrade", "--yes", "base"], environment, tmp_path).returncode == 0
    sample = ["fake", "--users", "4", "--posts", "9", "--follows", "2"]
    for command in (["db", "upgrade"], sample):
        whole = [python, "-m", "microblog", *command]
        subprocess.run(whole, env=theirs, cwd=tmp_path, check=True)
    old_port, new_port = choose_free(HOST), choose_free(HOST)
    before = ["run", "--port", str(old_port)]
    with running(before, theirs, tmp_path / "old", old_port, python=python) as old:
        signed_in = sign_in(old, "user0")
        assert run_command(["db", "upgrade"], environment, tmp_path).returncode == 0
        write(signed_in, "written by old code on the new schema")
        write(sign_in(old, "user1"), "signed in by old code on the new schema")
        ask_for_reset(old, "user2@example.com")
        assert eventually(lambda: links(smtp, "user2@example.com"))
        after = ["run", "--port", str(new_port)]
        with running(after, environment, tmp_path / "new", new_port) as new:
            write(sign_in(new, "user0"), "written by new code beside the old")
            assert "signed in by old code" in sign_in(new, "user0").open("/explore")
            write(signed_in, "written by old code beside the new")
            # Either dispatcher may deliver. Version 0.1.0 does not read the shorter links of now.
            ask_for_reset(new, "user3@example.com")
            assert eventually(lambda: links(smtp, "user3@example.com"))
            chosen = "an uncommon new password"
            for name in ("user2", "user3"):
                (link,) = links(smtp, f"{name}@example.com")
                browser = Browser(f"http://{HOST}:{new.port}")
                browser.open(link)
                page = browser.submit(password=chosen, password2=chosen)
                assert "Your password has been reset." in page
                sign_in(old, name, chosen)
    for site in (old, new):
        assert "Traceback" not in site.errors.read_text()
