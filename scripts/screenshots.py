"""Take pictures of the pages and emails, from a demonstration, in headless Chromium."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal, get_args

import click
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import Error as BrowserError

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "flask-outbox"), str(ROOT / "microblog")]

from microblog.accounts.emails import EMAILS  # noqa: E402
from microblog.cli.sample import PASSWORD  # noqa: E402
from microblog.web.error_reports import FAILURE_KIND  # noqa: E402
from microblog.web.supported_languages import LANGUAGES  # noqa: E402
from tests.demonstration import running_demo  # noqa: E402
from tests.site_services import chromium  # noqa: E402

IMAGES = ROOT / "docs" / "images"
NAMES = {"en": "maria", "ru": "anastasia", "zh_Hant": "yijun"}
"""Who registers, in each language."""
WIDTHS, EMAIL_WIDTHS = (390, 1280), (320, 600)
COLOURS = 128
"""Enough for pages without photographs, and a third of the size."""
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
Step = Callable[[Page, str], object]


def fill(**values: str) -> Step:
    """Type into the fields of these names; {name} is who registers."""

    def step(page: Page, name: str) -> None:
        for key, value in values.items():
            page.locator(f"main [name={key}]").last.fill(value.format(name=name))

    return step


def press(button: str = "main [type=submit]") -> Step:
    """Press what leads to another page."""

    def step(page: Page, _name: str) -> None:
        with page.expect_navigation():
            page.locator(button).first.click()

    return step


def unfold(page: Page, _name: str) -> None:
    page.locator("main summary").first.click()


def break_token(page: Page, _name: str) -> None:
    page.locator("main [name=csrf_token]").first.evaluate("field => { field.value = 'forged' }")


@dataclass(frozen=True)
class Scene:
    """A page, and what somebody does there before its picture is taken.

    `{name}` in the path is who registers, `*` the token of the newest link that was mailed to
    them. Without a path, they stay where their last scene ended.
    """

    name: str
    path: str = ""
    steps: tuple[Step, ...] = ()
    widths: tuple[int, ...] = WIDTHS


def scene(name: str, path: str = "", *steps: Step) -> Scene:
    return Scene(name, path, steps)


SIGN_IN_AS_ALICE = (fill(username="alice", password=PASSWORD), press())
NEW_PASSWORD = fill(password="a second password", password2="a second password")
LONG = "A sentence that goes on and on. " * 17

SCENES: dict[str, tuple[Scene, ...]] = {
    "somebody who is not signed in": (
        scene("welcome", "/"),
        scene("explore-signed-out", "/explore"),
        scene("profile-signed-out", "/user/bob"),
        scene("post-signed-out", "/post/4"),
        scene("join", "/register"),
        scene("join-errors", "", fill(username="a b", email="bob", password="short"), press()),
        scene("sign-in", "/login"),
        scene("sign-in-refused", "", fill(username="alice", password="wrong"), press()),
        scene("forgot", "/reset_password_request"),
        scene("forgot-error", "", fill(email="bob"), press()),
        scene("bad-reset-link", "/reset_password/forged"),
        scene("bad-confirmation-link", "/verify_email/forged"),
        scene("bad-change-link", "/confirm_email_change/forged"),
        scene("bad-not-me-link", "/not_me/forged"),
        scene("bad-keep-link", "/keep_account/forged"),
        scene("not-found", "/nowhere"),
        scene("form-expired", "/login", break_token, press()),
        scene("inbox", "/dev/inbox/"),
        scene("emails", "/dev/emails/"),
        scene("email-preview", "/dev/emails/accounts.reset_password/{language}"),
    ),
    "somebody new": (
        scene(
            "home-new",
            "/register",
            fill(username="{name}", email="{name}@example.com"),
            fill(password=PASSWORD, password2=PASSWORD),
            press(),
        ),
        scene("home-draft-kept", "/", fill(post="My first post"), press(".composer .btn")),
        scene("people", "/people"),
        scene("profile-empty", "/user/{name}"),
        scene("confirm-email", "/verify_email/*"),
        scene("not-your-account", "/verify_email/choose?remove"),
        scene("home-confirmed", "/verify_email/choose", press()),
    ),
    "somebody who forgot a password": (
        scene("check-email", "/reset_password_request", fill(email="{name}@example.com"), press()),
        scene("check-email-wrong-code", "", fill(code="ZZZZ ZZZZ"), press()),
        scene("new-password", "/reset_password/*"),
        scene("new-password-errors", "", fill(password="short", password2="other"), press()),
        scene("password-was-reset", "", NEW_PASSWORD, press()),
        scene("used-reset-link", "/reset_password/*"),
    ),
    "the owner of an account": (
        scene(
            "home-following-nobody",
            "/login",
            fill(username="{name}", password="a second password"),
            press(),
        ),
        scene(
            "settings-email-pending",
            "/settings/email",
            fill(email="{name}.new@example.com", current_password="a second password"),
            press(),
        ),
        scene("confirm-email-change", "/confirm_email_change/*"),
        scene("undo-email-change", "/undo_email_change/*"),
        scene(
            "account-deleted",
            "/settings/delete",
            fill(current_password="a second password"),
            press("main .btn-danger"),
        ),
        scene("keep-account", "/keep_account/*"),
        scene("not-me", "/not_me/*"),
        scene("not-me-reported", "", press()),
    ),
    "alice, an administrator": (
        scene("home", "/login", *SIGN_IN_AS_ALICE),
        scene("home-writing", "/", fill(post="Sowed the last broad beans today. #garden")),
        scene("home-too-long", "/", fill(post=LONG), press()),
        scene("explore", "/explore"),
        scene("tag", "/tag/garden"),
        scene("tag-empty", "/tag/nothing"),
        scene("profile", "/user/bob"),
        scene("profile-menu", "/user/bob", unfold),
        scene("profile-own", "/user/alice"),
        scene("profile-blocked", "/user/carol", unfold, press(".menu-panel .harm")),
        scene("settings-blocked", "/settings/blocked"),
        scene("profile-unblocked", "/user/carol", unfold, press(".menu-panel li + li button")),
        scene("followers", "/user/bob/followers"),
        scene("following", "/user/bob/following"),
        scene("edit-profile", "/edit_profile"),
        scene("edit-profile-errors", "", fill(username="a b"), press()),
        scene("post", "/post/2"),
        scene("post-own", "/post/4"),
        scene("post-menu", "/post/4", unfold),
        scene("edit-post", "/post/4/edit"),
        scene("delete-post", "/post/4/delete"),
        scene("settings", "/settings/"),
        scene("settings-security", "/settings/security"),
        scene("settings-sessions", "/settings/sessions"),
        scene("settings-password", "/settings/password"),
        scene("settings-password-errors", "", fill(password="short"), press()),
        scene("settings-email", "/settings/email"),
        scene("settings-language", "/settings/language"),
        scene("settings-export", "/settings/export"),
        scene("settings-delete", "/settings/delete"),
        scene("admin-mail", "/admin/mail"),
        scene("admin-message", "/admin/mail/1"),
        scene("admin-retry", "/admin/mail/1/retry"),
        scene("admin-suppressed", "/admin/mail/suppressed"),
        scene("admin-users", "/admin/users"),
        scene("admin-user", "/admin/users/2"),
        scene("admin-disable", "/admin/users/3/disable"),
        scene("admin-user-disabled", "", press("main .btn-danger")),
        scene("admin-enable", "/admin/users/3/enable"),
        scene("admin-user-enabled", "", press("main .btn-primary")),
        scene("admin-reset", "/admin/users/2/reset"),
        scene("inbox-message", "/dev/inbox/", press(".messages a")),
    ),
    "somebody who reads email": tuple(
        Scene(f"email-{kind}", f"/dev/emails/{kind}/{{language}}/html", widths=EMAIL_WIDTHS)
        for kind in (*(email.kind for email in EMAILS), FAILURE_KIND)
    ),
}


DOCS = {
    "home": ("home", "en", 1280, 720),
    "phone": ("home", "en", 390, 720),
    "sign-in": ("sign-in", "en", 390, 720),
    "check-email": ("check-email", "en", 390, 720),
    "new-password": ("new-password", "en", 390, 720),
    "email": ("email-accounts.reset_password", "en", 600, 720),
    "settings": ("settings-sessions", "en", 1280, 720),
    "admin-mail": ("admin-mail", "en", 1280, 900),
    "russian": ("home", "ru", 390, 720),
    "chinese": ("home", "zh_Hant", 390, 720),
}
"""The pictures of the documentation: of which scene, in which language, how wide and high."""


@dataclass(frozen=True)
class Picture:
    """A picture to take in both schemes: of the whole page, or of a window as high as this."""

    scene: str
    language: str
    width: int
    height: int | None
    path: Path

    def take(self, page: Page, *, small: bool) -> None:
        for scheme in get_args(Scheme):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            page.set_viewport_size({"width": self.width, "height": self.height or 800})
            if self.height is None:
                # What is fixed to the window's end then stands at the end of the page.
                height = page.evaluate("document.documentElement.scrollHeight")
                page.set_viewport_size({"width": self.width, "height": height})
            path = self.path.with_name(f"{self.path.name}-{scheme}.png")
            page.screenshot(path=path, animations="disabled")
            if small:
                with Image.open(path) as taken:
                    reduced = taken.convert("RGB").quantize(COLOURS)
                reduced.save(path, optimize=True)


@click.command()
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option("--only", metavar="TEXT", default="", help="Only scenes with TEXT in their name.")
@click.option("--languages", default=" ".join(LANGUAGES), show_default=True)
@click.option("--widths", default="", help='Of pages and emails, in pixels; as in "320 768".')
@click.option("--face", help="A font in place of DejaVu Sans, such as Inter.")
@click.option("--docs", is_flag=True, help="Renew docs/images, and drop what nothing shows.")
def main(
    folder: Path | None, only: str, languages: str, widths: str, face: str | None, *, docs: bool
) -> None:
    """Take pictures of the pages and emails, from a demonstration, in headless Chromium.

    Into FOLDER: each page at 390 and 1280 pixels and each email at 320 and 600, in every
    language, in light and dark, as SCENE-LANGUAGE-WIDTH-SCHEME.png. That takes some minutes.
    With --docs: those that README.md and docs/ show.

    \b
    scripts/screenshots.py /tmp/pictures
    scripts/screenshots.py /tmp/pictures --only sign-in --languages "en ru" --widths 320
    scripts/screenshots.py --docs
    """
    if docs:
        pictures = [
            Picture(scene, language, width, height, IMAGES / name)
            for name, (scene, language, width, height) in DOCS.items()
        ]
    elif folder:
        pictures = _chosen(folder, only, languages.split(), [int(one) for one in widths.split()])
    else:
        raise click.UsageError("Give a folder for the pictures, or --docs; --help says more.")
    if not chromium():
        raise click.UsageError("Needs Chromium: apt install chromium, or CHROMIUM=path.")
    pictures[0].path.parent.mkdir(parents=True, exist_ok=True)
    _take(pictures, face, docs=docs)
    if docs:
        for path in IMAGES.iterdir():
            if path.name not in documented():
                path.unlink()


def documented() -> set[str]:
    """The names of the files that --docs makes."""
    return {f"{name}-{scheme}.png" for name in DOCS for scheme in get_args(Scheme)}


def _chosen(folder: Path, only: str, languages: list[str], widths: list[int]) -> list[Picture]:
    if unknown := set(languages) - set(LANGUAGES):
        raise click.UsageError(f"No such language: {unknown.pop()}; there is {list(LANGUAGES)}.")
    scenes = [one for scenes in SCENES.values() for one in scenes if only in one.name]
    if not scenes:
        raise click.UsageError(f"No scene has {only!r} in its name.")
    return [
        Picture(one.name, language, width, None, folder / f"{one.name}-{language}-{width}")
        for language in languages
        for one in scenes
        for width in widths or one.widths
    ]


def _take(pictures: list[Picture], face: str | None, *, docs: bool) -> None:
    """Walk through the scenes that are wanted, and those in which something is done for others."""
    wanted: dict[tuple[str, str], list[Picture]] = {}
    for picture in pictures:
        wanted.setdefault((picture.language, picture.scene), []).append(picture)
    walk = [
        (language, who, one)
        for language in dict.fromkeys(language for language, _ in wanted)
        for who, scenes in SCENES.items()
        for one in scenes
        if one.steps or (language, one.name) in wanted
    ]
    with running_demo(quiet=True) as demo, opened_browser(face) as browser:
        tabs: dict[tuple[str, str], Page] = {}
        with click.progressbar(walk, item_show_func=_progress) as progress:
            for language, who, one in progress:
                if (language, who) not in tabs:
                    tabs[language, who] = browser.new_page()
                    tabs[language, who].goto(f"{demo.address}/language/{language}?next=/")
                page = tabs[language, who]
                try:
                    _visit(page, demo.address, one, language)
                    for picture in wanted.get((language, one.name), ()):
                        picture.take(page, small=docs)
                except BrowserError as error:
                    where = f"{one.name} ({language}), at {page.url}"
                    raise click.ClickException(f"{where}: {error.message}") from error


def _progress(item: tuple[str, str, Scene] | None) -> str:
    return f"{item[0]} {item[2].name}" if item else ""


def _visit(page: Page, site: str, one: Scene, language: str) -> None:
    name = NAMES[language]
    if "*" in one.path:
        page.goto(_mailed_link(page, site, name, one.path.removesuffix("*")))
    elif one.path:
        answer = page.goto(site + one.path.format(name=name, language=language))
        if answer and answer.status >= 400 and one.name != "not-found":
            raise click.ClickException(f"{one.name} ({language}): {page.url} is {answer.status}.")
    for step in one.steps:
        step(page, name)


def _mailed_link(page: Page, site: str, name: str, beginning: str) -> str:
    """Return the newest mailed link to this person whose path begins so, once it is there."""
    for _ in range(100):
        inbox = page.request.get(f"{site}/dev/inbox/").text()
        for path, about in re.findall(r'(?s)<a href="(/dev/inbox/\d+)">(.*?)</a>', inbox):
            if re.search(rf"\b{name}\b", about):
                message = page.request.get(site + path).text()
                if found := re.search(rf'href="([^"]+{beginning}[^"]+)"', message):
                    return found[1]
        page.wait_for_timeout(200)
    raise click.ClickException(f"No link to {beginning} was mailed to {name}.")


@contextmanager
def opened_browser(face: str | None) -> Iterator[Browser]:
    """Chromium, with another font for system-ui if one is given."""
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
