"""Every email in a real browser: on a phone in the dark, and in a mail program's window."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page

from tests.browser.people import assert_accessible
from tests.mail.test_previews import KINDS, LANGUAGES, STORED

pytestmark = pytest.mark.browser

STYLES = r"(?s)<style.*?</style>"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_email_is_readable(styled_page: Page, kind: str, language: str) -> None:
    page = styled_page
    assert page.viewport_size
    page.set_viewport_size({"width": min(page.viewport_size["width"], 600), "height": 640})
    mail = (STORED / f"{kind}.{language}.txt").read_text().partition("\n----------\n")[2]
    # Gmail drops a style sheet in which it finds something that it does not know.
    for source in (mail, re.sub(STYLES, "", mail)):
        page.set_content(source)
        assert_accessible(page)
        for button in page.locator(".button a").all():
            box = button.bounding_box()
            assert box
            assert box["height"] >= 44
