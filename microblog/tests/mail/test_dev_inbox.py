"""The mail catcher's inbox in the site."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from microblog.app import create_app
from microblog.settings import Settings
from tests.constants import SECRET


@pytest.mark.parametrize(
    ("demo", "debug", "status"),
    [(True, False, 200), (False, True, 200), (False, False, 404)],
)
def test_the_site_has_an_inbox_in_the_demonstration_and_for_developers_only(
    tmp_path: Path, demo: bool, debug: bool, status: int
) -> None:
    settings = Settings(INSTANCE_PATH=tmp_path, DEBUG=debug, SECRET_KEY=SecretStr(SECRET))
    settings.caught_mail_folder.mkdir()
    (settings.caught_mail_folder / "000000000000000001.eml").write_bytes(
        b"Subject: Hello\r\nContent-Type: text/html\r\n\r\n<p>Hello</p>"
    )
    browser = create_app(settings, demo=demo).test_client()
    for path in ("/dev/inbox", "/dev/inbox/000000000000000001"):
        page = browser.get(path)
        assert page.status_code == status
        assert ("Hello" in page.text) is (status == 200)
    frame = browser.get("/dev/inbox/000000000000000001/html")
    assert frame.status_code == status
    if status == 200:
        policy = directives(frame.headers["Content-Security-Policy"])
        assert "sandbox" in policy
        assert policy["frame-ancestors"] == ["'self'"]


def directives(policy: str) -> dict[str, list[str]]:
    """The values of a Content-Security-Policy, by directive."""
    parts = [part.split() for part in policy.split(";")]
    return {name: values for name, *values in parts}
