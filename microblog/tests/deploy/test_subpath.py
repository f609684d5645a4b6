"""A site below a path of its host, behind nginx and Caddy as docs/deploy.md sets them up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.proxies import PASSWORD, Front, Proxied, caddy, nginx, replaced, serving
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[3] / "docs" / "deploy.md"
NEIGHBOUR = "This is another site."


def snippet(language: str) -> str:
    """The one example in this language of the section about a path."""
    section = PAGE.read_text().partition("\n## Below a path\n")[2].partition("\n## ")[0]
    (found,) = re.findall(rf"(?s)\n```{language}\n(.*?)```", section)
    return str(found)


def nginx_below_a_path(front: Front) -> list[str]:
    neighbour = f"    location / {{ root {front.folder}/neighbour; }}\n"
    return nginx(front, locations=snippet("nginx") + neighbour)


def caddy_below_a_path(front: Front) -> list[str]:
    return caddy(front, replaced(snippet("caddy"), {"/var/www": f"{front.folder}/neighbour"}))


@pytest.fixture(params=[nginx_below_a_path, caddy_below_a_path], ids=["nginx", "caddy"])
def proxied(
    request: pytest.FixtureRequest, tmp_path: Path, smtp: ScriptedServer
) -> Iterator[Proxied]:
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "index.html").write_text(NEIGHBOUR)
    with serving(request.param, tmp_path, path="/community", mail_port=smtp.port) as made:
        yield made


def test_everything_of_the_site_is_below_its_path(proxied: Proxied, smtp: ScriptedServer) -> None:
    front = proxied.front
    browser = front.browser()
    assert browser.open("/") == NEIGHBOUR
    assert "Short posts, newest first." in browser.open("/community/")
    connection = front.connection()
    connection.request("GET", "/community")
    answer = connection.getresponse()
    assert (answer.status, urlsplit(answer.headers["Location"]).path) == (308, "/community/")
    answer.read()

    browser.open("/community/login")
    assert 'action="/community/logout"' in browser.submit(username="susan", password=PASSWORD)
    assert browser.url.startswith(f"{front.url}/community/")
    linked = set(re.findall(r'(?:href|src|action)="(/[^"#]*)', browser.page))
    assert len(linked) > 10
    assert [one for one in linked if not one.startswith("/community/")] == []
    files = [one for one in linked if one.startswith("/community/static/")]
    assert files
    for one in [*files, "/community/login"]:
        connection.request("GET", one)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 100) == (200, True), one
    cookies = answer.headers.get_all("Set-Cookie")
    assert cookies
    assert [one for one in cookies if not re.search(r"; Path=/community(;|$)", one)] == []

    # A mailed link leads through the proxy to a new password.
    browser = front.browser()
    browser.open("/community/reset_password_request")
    browser.submit(email="susan@example.com")
    # The other one is the notice of the sign-in above.
    texts = "\n".join(one.text() for one in smtp.wait_for(2))
    link = re.search(rf"^{front.url}/community/reset_password/\S+$", texts, re.MULTILINE)
    assert link
    assert "Reset Your Password" in browser.open(link[0])
    chosen = "another uncommon password of a test"
    page = browser.submit(password=chosen, password2=chosen)
    assert "Your password has been reset." in page
    assert browser.url == f"{front.url}/community/login"
    assert 'action="/community/logout"' in browser.submit(username="susan", password=chosen)
