"""Every page in a real browser: accessible in light and dark, fits a phone, shows the focus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Response

from tests.browser.conftest import DESKTOP, PHONE
from tests.browser.filled_site import FilledSite, filled_site
from tests.browser.pages import PAGES, SitePage
from tests.browser.people import assert_fits, hidden_focus, violations

pytestmark = pytest.mark.browser

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledSite]:
    with filled_site(tmp_path_factory.mktemp("filled")) as made:
        yield made


def show(page: Page, site: FilledSite, wanted: SitePage, language: str = "en") -> None:
    """Open this page as its reader, and check that it is this page."""
    page.context.clear_cookies()
    held = site.cookies[wanted.reader].items()
    page.context.add_cookies(
        [{"name": name, "value": value, "url": site.address} for name, value in held]
    )
    page.set_extra_http_headers({"Accept-Language": language})
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="light", forced_colors="none")
    answer = None
    for path in filter(None, (wanted.before, wanted.opened)):
        answer = page.goto(site.address + path.format(**site.made))
    if wanted.sent is not None:
        answer = send(page, dict(wanted.sent), wanted.ends)
    assert answer
    assert answer.status == wanted.status
    assert (answer.header_value("Content-Type") or "").startswith("text/html")
    ends = (wanted.ends or wanted.opened).partition("?")[0].format(**site.made)
    assert page.url.removeprefix(site.address).partition("?")[0] == ends
    if wanted.rule.endswith("/html"):
        # The HTML of mail is shown in a sandbox, in which no script runs, axe's neither.
        content = page.content()
        page.goto("about:blank")
        page.set_content(content)


def send(page: Page, fields: dict[str, str], action: str = "") -> Response | None:
    """Fill in the form that has these fields, and send it; with this action, if there is one."""
    with page.expect_navigation() as navigation:
        page.evaluate(
            """([fields, action]) => {
              const names = Object.keys(fields);
              const forms = [...document.querySelectorAll("main form")]
                .filter(one => names.every(name => name in one.elements));
              const form = forms.find(one => one.getAttribute("action") === action) ?? forms[0];
              for (const name of names) form.elements[name].value = fields[name];
              form.requestSubmit();
            }""",
            [fields, action],
        )
    return navigation.value


@pytest.mark.parametrize("wanted", PAGES, ids=lambda one: one.name)
def test_a_page_is_accessible(window: Page, site: FilledSite, wanted: SitePage) -> None:
    show(window, site, wanted)
    assert_fits(window)
    # Menus stay closed: what lies under an open one cannot be pressed, and need not.
    window.evaluate(
        "document.querySelectorAll('details:not(.menu)').forEach(one => { one.open = true })"
    )
    found = []
    for size in (PHONE, DESKTOP):
        window.set_viewport_size(size)
        for scheme in SCHEMES:
            window.emulate_media(color_scheme=scheme)
            found += [f"{size['width']} {scheme}: {one}" for one in violations(window)]
    window.emulate_media(forced_colors="active")
    found += [f"no focus is seen on {one}" for one in hidden_focus(window)]
    assert not found, "\n".join(found)


@pytest.fixture(scope="module")
def followed() -> set[tuple[str, str]]:
    """The links that were asked for already, each with its reader."""
    return set()


@pytest.mark.parametrize("wanted", PAGES, ids=lambda one: one.name)
def test_every_link_of_a_page_leads_somewhere(
    window: Page, site: FilledSite, wanted: SitePage, followed: set[tuple[str, str]]
) -> None:
    show(window, site, wanted)
    links = window.evaluate(
        """[...document.links].filter(one => one.origin === location.origin)
          .filter(one => !one.getAttribute("href").startsWith("#"))
          .map(one => one.pathname + one.search)"""
    )
    asked = {(wanted.reader, one) for one in links if not one.startswith("/language/")} - followed
    followed |= asked
    lost = {one for _, one in asked if not window.request.get(site.address + one).ok}
    assert not lost


@pytest.mark.parametrize("wanted", [one for one in PAGES if one.sent], ids=lambda one: one.name)
def test_an_answer_to_a_form_can_be_opened_again(
    window: Page, site: FilledSite, wanted: SitePage
) -> None:
    """As by typing its address; reloading would send the form again."""
    show(window, site, wanted)
    answer = window.goto(window.url)
    assert answer
    assert answer.ok


@pytest.mark.parametrize(
    "wanted", [one for one in PAGES if one.sent is None], ids=lambda one: one.name
)
@pytest.mark.parametrize("language", ["ru", "zh-TW"])
def test_a_page_fits_a_phone_in_other_languages(
    window: Page, site: FilledSite, wanted: SitePage, language: str
) -> None:
    """What a form answers differs by sentences alone, which wrap."""
    show(window, site, wanted, language)
    assert window.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
