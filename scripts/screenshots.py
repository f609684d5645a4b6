"""Take screenshots of a running demonstration.

Without arguments: the pictures of the README and the documentation, into docs/images. With a
folder, and perhaps languages: every page as on a phone and on a desktop, in light and dark, in
these languages or in all, into that folder. Needs Chromium.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal, get_args

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "flask-outbox"), str(ROOT / "microblog")]

from microblog.cli.sample import PASSWORD  # noqa: E402
from microblog.web.supported_languages import LANGUAGES  # noqa: E402
from tests.demonstration import running_demo  # noqa: E402
from tests.site_services import chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZES = {"phone": (320, 640), "desktop": (1000, 700)}
MARGIN = 16
COLORS = 64
"""Enough for pages without photographs, and a third of the size."""

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)


def main() -> None:
    with running_demo() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-background-networking", "--force-color-profile=srgb"],
        )
        mail = _request_reset(browser, demo.address)
        if sys.argv[1:]:
            languages = sys.argv[2:] or LANGUAGES
            _every_page(browser, demo.address, mail, Path(sys.argv[1]), languages)
        else:
            _for_the_documentation(browser, demo.address, mail)
        browser.close()


def _for_the_documentation(browser: Browser, site: str, mail: str) -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    for scheme in SCHEMES:
        page = _page(browser, scheme, (640, 640))
        page.goto(f"{site}/login")
        _crop(page, "main > .narrow", IMAGES / f"login-{scheme}.png")
        page.goto(f"{mail}/html")
        _crop(page, ".sheet", IMAGES / f"mail-{scheme}.png")
        page = _page(browser, scheme, SIZES["phone"])
        page.goto(_link(page, mail))
        _crop(page, "main > .narrow", IMAGES / f"phone-{scheme}.png")
        _logged_in(browser, site, scheme)


def _logged_in(browser: Browser, site: str, scheme: Scheme) -> None:
    """Take the pictures that alice sees, the administrator."""
    page = _page(browser, scheme, (640, 900))
    _log_in(page, site, "alice")
    for language, name in (("ru", "russian"), ("zh_Hant", "chinese"), ("en", "home")):
        page.goto(f"{site}/language/{language}?next=/")
        _crop(page, "main article:nth-of-type(3)", IMAGES / f"{name}-{scheme}.png")
    page.goto(f"{site}/settings/sessions")
    _crop(page, "main", IMAGES / f"sessions-{scheme}.png")
    page.goto(f"{site}/admin/mail")
    _crop(page, "main", IMAGES / f"admin-mail-{scheme}.png")


def _every_page(
    browser: Browser, site: str, mail: str, folder: Path, languages: Iterable[str]
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for language, (device, size), scheme in itertools.product(languages, SIZES.items(), SCHEMES):
        page = _page(browser, scheme, size)
        page.goto(f"{site}/language/{language}?next=/")
        for name, show in _pages(page, site, mail).items():
            show()
            picture = folder / f"{name}-{language}-{device}-{scheme}.png"
            page.screenshot(path=picture, full_page=True)


def _pages(page: Page, site: str, mail: str) -> dict[str, Callable[[], object]]:
    """How to reach each page. The order matters, since the visitor logs in on the way."""

    def send(path: str, **fields: str) -> Callable[[], None]:
        def fill_in() -> None:
            page.goto(f"{site}{path}")
            for name, value in fields.items():
                page.locator(f"main [name={name}]").fill(value)
            page.locator("main [type=submit]").click()

        return fill_in

    def opened(address: str) -> Callable[[], object]:
        return lambda: page.goto(address)

    def pressed(address: str, button: str) -> Callable[[], None]:
        def press() -> None:
            page.goto(address)
            page.locator(button).first.click()

        return press

    return {
        "welcome": opened(f"{site}/"),
        "register": opened(f"{site}/register"),
        "register-errors": send("/register", username="a b", email="nonsense", password="short"),
        "login": opened(f"{site}/login"),
        "login-refused": send("/login", username="alice", password="a wrong password"),
        "request": opened(f"{site}/reset_password_request"),
        "request-error": send("/reset_password_request"),
        "requested": send("/reset_password_request", email="nobody@microblog.example"),
        "inbox": opened(f"{site}/dev/inbox"),
        "mail": opened(mail),
        "mail-html": opened(f"{mail}/html"),
        "emails": opened(f"{site}/dev/emails"),
        "email": opened(f"{site}/dev/emails/accounts.reset_password/en"),
        "choose": lambda: page.goto(_link(page, mail)),
        "choose-errors": send("/reset_password/choose", password="short", password2="other"),
        "bad-link": opened(f"{site}/reset_password/nonsense"),
        "tag": opened(f"{site}/tag/garden"),
        "index": send("/login", username="alice", password=PASSWORD),
        "index-error": send("/", post="x" * 501),
        "not-found": opened(f"{site}/nowhere"),
        "explore": opened(f"{site}/explore"),
        "profile": opened(f"{site}/user/bob"),
        "own-profile": opened(f"{site}/user/alice"),
        "followers": opened(f"{site}/user/bob/followers"),
        "edit-profile": opened(f"{site}/edit_profile"),
        "post": opened(f"{site}/post/4"),
        "edit-post": opened(f"{site}/post/4/edit"),
        "delete-post": opened(f"{site}/post/4/delete"),
        **{
            name: opened(f"{site}/settings/{name}")
            for name in (
                "security",
                "sessions",
                "password",
                "email",
                "language",
                "export",
                "delete",
            )
        },
        "password-errors": send("/settings/password", current_password="wrong", password="short"),
        "admin-mail": opened(f"{site}/admin/mail"),
        "admin-message": pressed(f"{site}/admin/mail", "main .outbox-rows a"),
        "admin-users": opened(f"{site}/admin/users"),
        "admin-user": opened(f"{site}/admin/users/2"),
        "admin-disable": opened(f"{site}/admin/users/2/disable"),
    }


def _log_in(page: Page, site: str, name: str) -> None:
    page.goto(f"{site}/login")
    page.locator("main [name=username]").fill(name)
    page.locator("main [name=password]").fill(PASSWORD)
    page.locator("main [type=submit]").click()


def _request_reset(browser: Browser, site: str) -> str:
    """Request a password reset for alice; return the address of her mail in the inbox."""
    page = browser.new_page()
    page.goto(f"{site}/reset_password_request")
    page.get_by_label("Email").fill("alice@microblog.example")
    page.get_by_role("button", name="Request Password Reset").click()
    page.goto(f"{site}/dev/inbox")
    mail = page.locator(".messages a", has_text="Reset Your Password").first
    while not mail.count():
        page.wait_for_timeout(100)
        page.reload()
    mail.click()
    return page.url


def _link(page: Page, mail: str) -> str:
    page.goto(mail)
    found = re.search(r'href="(http[^"]+/reset_password/[^"]+)"', page.content())
    assert found, "the mail holds no link"
    return found[1]


def _page(browser: Browser, scheme: Scheme, size: tuple[int, int]) -> Page:
    viewport = {"width": size[0], "height": size[1]}
    return browser.new_page(viewport=viewport, color_scheme=scheme, device_scale_factor=1)  # type: ignore[arg-type]


def _crop(page: Page, content: str, path: Path) -> None:
    """Take a picture of the page from its top to a little below the end of its content."""
    box = page.locator(content).bounding_box()
    assert box
    assert page.viewport_size
    height = box["y"] + box["height"] + MARGIN
    size = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    page.screenshot(path=path, clip=size, full_page=True)  # type: ignore[arg-type]
    with Image.open(path) as taken:
        small = taken.quantize(COLORS)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
