"""The host names to which the site answers, and those to which it does not."""

from __future__ import annotations

import pytest

from tests.constants import Make
from tests.visitor import ON_SQLITE, words

pytestmark = ON_SQLITE

PUBLIC = "https://blog.example.com"
DEMO = "http://localhost:5000"


HOSTS = {
    PUBLIC: (
        # The proxy may keep the port or drop it.
        ["blog.example.com", "blog.example.com:8443", "BLOG.example.COM", "blog.example.com."],
        [
            "evil.example",
            "blog.example.com.evil.example",
            "evil.blog.example.com",
            "blog.example.com..",
            "blog.example.com@evil.example",
            "blog.example.com evil.example",
            "localhost",
            "127.0.0.1:5000",
            "a..b",
            "x" * 64 + ".example",
            "[",
            "[::1",
            "[x]",
            "",
        ],
    ),
    DEMO: (
        ["localhost:5000", "a.localhost", "127.0.0.1:5000", "[::1]:5000"],
        ["192.168.0.7:5000", "localhost.evil.example", "127.0.0.1.evil.example"],
    ),
    None: (["127.0.0.1", "localhost:1"], ["evil.example"]),
    "http://[2001:db8::1]:5000": (
        ["[2001:db8::1]:5000", "[2001:DB8:0:0:0:0:0:1]"],
        ["[2001:db8::2]:5000", "localhost"],
    ),
    # Names inside containers.
    "http://web_1:5000": (["web_1:5000"], ["web_2:5000"]),
    "https://bücher.example": (["xn--bcher-kva.example"], ["bucher.example"]),
}
"""For a PUBLIC_URL, the site's own hosts, and foreign ones."""


@pytest.mark.parametrize("public_url", HOSTS)
def test_only_the_sites_own_name_is_served(make_app: Make, public_url: str | None) -> None:
    client = make_app(PUBLIC_URL=public_url).test_client(use_cookies=False)
    own, foreign = HOSTS[public_url]
    for path in ("/login", "/static/site.css", "/settings", "/nothing"):
        for host in own:
            assert client.get(path, headers={"Host": host}).status_code != 400, (path, host)
        for host in foreign:
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code == 400, (path, host)
            assert "Wrong address" in words(answer)
            assert "Location" not in answer.headers
    if public_url == PUBLIC:
        assert f"This site's address is {PUBLIC}." in words(answer)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_reach_each_machine_by_its_address(make_app: Make, path: str) -> None:
    client = make_app(PUBLIC_URL=PUBLIC, METRICS_TOKEN="t").test_client()
    headers = {"Host": "10.0.0.7:5000", "Authorization": "Bearer t"}
    assert client.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/dev/inbox", "/dev/inbox/", "/dev/emails/", "/"])
def test_no_foreign_name_for_this_machine_opens_the_inbox(make_app: Make, path: str) -> None:
    """A page of evil.example, a name that now leads here, could read all mail (DNS rebinding)."""
    client = make_app(PUBLIC_URL=DEMO, demo=True).test_client()
    assert client.get(path, headers={"Host": "localhost:5000"}).status_code == 200
    assert client.get(path, headers={"Host": "evil.example:5000"}).status_code == 400


def test_in_development_local_names_work_beside_the_public_one(make_app: Make) -> None:
    client = make_app(PUBLIC_URL=PUBLIC, DEBUG=True).test_client()
    statuses = [
        client.get("/login", headers={"Host": host}).status_code
        for host in ("localhost:5000", "blog.example.com", "evil.example")
    ]
    assert statuses == [200, 200, 400]


@pytest.mark.parametrize("script_name", ["//evil.example", "/other"])
@pytest.mark.parametrize("public_url", ["http://localhost/blog", "http://localhost", None])
def test_the_sites_path_is_never_taken_from_a_request(
    make_app: Make, public_url: str | None, script_name: str
) -> None:
    client = make_app(PUBLIC_URL=public_url).test_client()
    page = client.get("/login", environ_overrides={"SCRIPT_NAME": script_name})
    assert page.status_code == 200
    assert script_name not in page.get_data(as_text=True)
