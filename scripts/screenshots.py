"""Take the pictures that the README and the documentation show, from a running demonstration.

Give the names of pictures to take only those.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.services import chromium  # noqa: E402

from microblog.cli.ports import choose_free, wait_until_open  # noqa: E402

IMAGES = ROOT / "docs" / "images"
PHONE, DESKTOP = (320, 640), (1000, 700)


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    with _demo() as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
                _take(browser, site, scheme, f"{device}-{scheme}", size)
        browser.close()


@contextmanager
def _demo() -> Iterator[str]:
    port, smtp_port = choose_free("127.0.0.1"), choose_free("127.0.0.1")
    command = [sys.executable, "-m", "microblog", "demo", "--port", str(port)]
    demo = subprocess.Popen([*command, "--smtp-port", str(smtp_port)])
    try:
        if not wait_until_open("127.0.0.1", port, seconds=30):
            raise SystemExit("The demonstration did not start.")
        yield f"http://localhost:{port}"
    finally:
        demo.terminate()
        demo.wait()


def _take(browser: Browser, site: str, scheme: str, suffix: str, size: tuple[int, int]) -> None:
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if scheme == "dark" else "light",
        device_scale_factor=2,
    )
    page = context.new_page()

    def picture(name: str, *, whole: bool = True) -> None:
        wanted = sys.argv[1:]
        if not wanted or name in wanted:
            page.screenshot(path=IMAGES / f"{name}-{suffix}.png", full_page=whole)

    for name, path in (("welcome", "/"), ("login", "/login"), ("register", "/register")):
        page.goto(site + path)
        picture(name)
    page.goto(f"{site}/reset_password_request")
    page.get_by_role("button").click()
    picture("form-error")
    page.get_by_label("Email").fill("alice@microblog.example")
    page.get_by_role("button").click()
    picture("login-after-request")
    page.goto(f"{site}/dev/inbox")
    while "Reset Your Password" not in page.content():
        page.reload()
    picture("inbox")
    _newest(page)
    picture("mail")
    page.goto(page.url + "/html")
    picture("mail-html")
    link = re.search(r'href="(http[^"]+/reset_password/[^"]+)"', page.content())
    assert link
    page.goto(link[1])
    picture("choose")
    page.goto(f"{site}/reset_password/nonsense")
    picture("bad-link")
    page.goto(f"{site}/login")
    page.get_by_label("Username or email").fill("bob")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Sign In").click()
    picture("index")
    page.goto(f"{site}/nowhere")
    picture("not-found")
    context.close()


def _newest(page: Page) -> None:
    page.locator(".messages a", has_text="Reset Your Password").first.click()


if __name__ == "__main__":
    main()
