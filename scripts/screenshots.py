"""Take pictures of every page and email, in headless Chromium."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import click
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "flask-outbox"), str(ROOT / "microblog")]

from microblog.accounts.emails import EMAILS  # noqa: E402
from microblog.cli.sample import PASSWORD  # noqa: E402
from microblog.moderation.decisions import REMOVED_KIND  # noqa: E402
from microblog.notifications.at_once import AT_ONCE_KIND  # noqa: E402
from microblog.notifications.bundles import DIGEST_KIND, SILENCE_KIND  # noqa: E402
from microblog.web.error_reports import FAILURE_KIND  # noqa: E402
from microblog.web.supported_languages import LANGUAGES  # noqa: E402
from microblog.web.trouble_reports import (  # noqa: E402
    DISK_FULL,
    DISK_HAS_ROOM,
    MAIL_LEAVES,
    MAIL_WAITS,
)
from tests.browser.filled_site import FilledSite, filled_site  # noqa: E402
from tests.browser.pages import PAGES, STRANGER, SitePage  # noqa: E402
from tests.browser.people import log_in, mailed_link  # noqa: E402
from tests.browser.test_every_page import show  # noqa: E402
from tests.demonstration import Demonstration, running_demo  # noqa: E402
from tests.site_services import chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DOCS = {
    "home": (1024, 640),
    "phone": (390, 640),
    "sign-in": (390, 560),
    "check-email": (390, 740),
    "new-password": (390, 640),
    "email": (600, 720),
    "settings": (1024, 640),
    "admin-mail": (1024, 720),
    "russian": (390, 640),
    "chinese": (390, 640),
}
"""The pictures of the documentation, how wide and high they are."""
PHONE = "Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0"
COLOURS = 64
"""Of these pictures: enough for pages without photographs, and a third of the size."""

WIDTHS, EMAIL_WIDTHS = (390, 1280), (320, 600)
FONTS = """<?xml version="1.0"?>
<fontconfig>
  <include>/etc/fonts/fonts.conf</include>
  <match>
    <test name="family"><string>DejaVu Sans</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>{face}</string></edit>
  </match>
</fontconfig>
"""

Scheme = Literal["light", "dark"]


class Shot(NamedTuple):
    """A page in a language, and how wide its pictures are."""

    page: SitePage
    language: str
    widths: tuple[int, ...]


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="TEXT", default="", help="Only pages with TEXT in their name.")
@click.option("--languages", default=" ".join(LANGUAGES), show_default=True)
@click.option("--widths", default="", help='Of pages and emails, in pixels; as in "320 768".')
@click.option("--face", help="A font in place of DejaVu Sans, such as Inter.")
@click.option("--docs", is_flag=True, help="Renew docs/images, and drop what nothing shows.")
def main(
    folder: Path | None, only: str, languages: str, widths: str, face: str | None, *, docs: bool
) -> None:
    """Take pictures of every page and email, in headless Chromium.

    Into FOLDER: each page of tests/browser/pages.py at 390 and 1280 pixels and each email at 320
    and 600, in every language, in light and dark, as NAME-LANGUAGE-WIDTH-SCHEME.png. That takes
    some minutes. With --docs: those that README.md and docs/ show, from a demonstration.

    \b
    scripts/screenshots.py /tmp/pictures
    scripts/screenshots.py /tmp/pictures --only sign-in --languages "en ru" --widths 320
    scripts/screenshots.py --docs --face Inter
    """
    if not docs and folder is None:
        raise click.UsageError("Give a folder for the pictures, or --docs; --help says more.")
    if not chromium():
        raise click.UsageError("Needs Chromium: apt install chromium, or CHROMIUM=path.")
    if docs:
        with running_demo(quiet=True) as demo, opened_browser(face) as browser:
            renew_images(browser, demo)
    elif folder:
        if not all(one.isdecimal() for one in widths.split()):
            raise click.UsageError(f"These are no widths: {widths}. Write pixels, as in 320 768.")
        shots = _chosen(only, languages.split(), tuple(int(one) for one in widths.split()))
        folder.mkdir(parents=True, exist_ok=True)
        logging.disable(logging.WARNING)
        with (
            tempfile.TemporaryDirectory() as place,
            opened_browser(face) as browser,
            filled_site(Path(place)) as site,
        ):
            _take_all(browser, site, shots, folder)


def _chosen(only: str, languages: list[str], widths: tuple[int, ...]) -> list[Shot]:
    if unknown := set(languages) - set(LANGUAGES):
        raise click.UsageError(f"No such language: {unknown.pop()}. There are {LANGUAGES}.")
    shots = []
    for language in languages:
        shots += [Shot(page, language, widths or WIDTHS) for page in PAGES if only in page.name]
        shots += [
            Shot(email, language, widths or EMAIL_WIDTHS)
            for email in emails(language)
            if only in email.name
        ]
    if not shots:
        raise click.UsageError(f"No page has {only!r} in its name.")
    return shots


def emails(language: str) -> list[SitePage]:
    """Every email in this language."""
    rule = "/dev/emails/<kind>/<language>/html"
    chosen = (AT_ONCE_KIND, DIGEST_KIND, SILENCE_KIND)
    to_admins = (FAILURE_KIND, MAIL_WAITS, MAIL_LEAVES, DISK_FULL, DISK_HAS_ROOM)
    return [
        SitePage(f"email-{kind}", rule, STRANGER, f"/dev/emails/{kind}/{language}/html")
        for kind in (*(email.kind for email in EMAILS), REMOVED_KIND, *chosen, *to_admins)
    ]


def _take_all(browser: Browser, site: FilledSite, shots: list[Shot], folder: Path) -> None:
    page = browser.new_page(reduced_motion="reduce")
    with click.progressbar(shots, item_show_func=_name) as progress:
        for shot in progress:
            try:
                show(page, site, shot.page, shot.language.replace("_Hant", "-TW"))
            except (AssertionError, BrowserError) as error:
                raise click.ClickException(f"{_name(shot)}, at {page.url}: {error}") from error
            for width in shot.widths:
                _take(page, width, None, folder / f"{shot.page.name}-{shot.language}-{width}")


def _name(shot: Shot | None) -> str:
    return f"{shot.language} {shot.page.name}" if shot else ""


def _take(page: Page, width: int, height: int | None, path: Path) -> list[Path]:
    """Take a picture in both schemes: of a window as high as this, or of the whole page."""
    taken = []
    for scheme in get_args(Scheme):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height or 800})
        if height is None:
            # What is fixed to the window's end then stands at the end of the page.
            whole = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": whole})
        taken.append(path.with_name(f"{path.name}-{scheme}.png"))
        page.screenshot(path=taken[-1], animations="disabled")
    return taken


def renew_images(browser: Browser, demo: Demonstration) -> None:
    """Take the pictures of the documentation, and remove all others."""
    IMAGES.mkdir(exist_ok=True)
    agent = f"Mozilla/5.0 (X11; Linux x86_64) Chrome/{browser.version} Safari/537.36"
    page = browser.new_page(reduced_motion="reduce", device_scale_factor=1.5, user_agent=agent)
    phone = browser.new_page(user_agent=PHONE)
    log_in(phone, demo, "alice", PASSWORD)
    for name in _walk(page, demo):
        click.echo(name)
        for path in _take(page, *DOCS[name], IMAGES / name):
            with Image.open(path) as taken:
                small = taken.convert("RGB").quantize(COLOURS)
            small.save(path, optimize=True)
    for path in IMAGES.iterdir():
        if path.name not in documented():
            path.unlink()


def documented() -> set[str]:
    """The names of the files that --docs makes."""
    return {f"{name}-{scheme}.png" for name in DOCS for scheme in get_args(Scheme)}


def _walk(page: Page, demo: Demonstration) -> Iterator[str]:
    """Open page after page of the documentation's; give the names of its pictures."""
    page.goto(f"{demo.address}/login")
    yield "sign-in"
    page.goto(f"{demo.address}/reset_password_request")
    page.get_by_label("Email").fill("bob@microblog.example")
    page.get_by_role("button", name="Request Password Reset").click()
    page.wait_for_url("**/login")
    yield "check-email"
    link = mailed_link(page, demo, "bob@microblog.example", "reset_password")
    page.goto(f"{demo.address}/dev/inbox/")
    page.locator(".messages a", has_text="Reset Your Password").first.click()
    page.goto(f"{page.url}/html")
    yield "email"
    page.goto(link)
    yield "new-password"
    log_in(page, demo, "alice", PASSWORD)
    page.wait_for_url(f"{demo.address}/")
    yield "home"
    yield "phone"
    page.goto(f"{demo.address}/settings/sessions")
    yield "settings"
    page.goto(f"{demo.address}/admin/mail")
    yield "admin-mail"
    for language, name in (("ru", "russian"), ("zh_Hant", "chinese")):
        page.goto(f"{demo.address}/language/{language}?next=/")
        yield name


@contextmanager
def opened_browser(face: str | None) -> Iterator[Browser]:
    """Chromium, with another font for the system's if one is given."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        fonts = Path(folder, "fonts.conf")
        fonts.write_text(FONTS.format(face=escape(face or "")))
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-background-networking", "--force-color-profile=srgb"],
            env={**os.environ, **({"FONTCONFIG_FILE": str(fonts)} if face else {})},
        )
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
