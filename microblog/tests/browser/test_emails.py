"""Every email in a real browser: on a phone in the dark, and in a mail program's window."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from playwright.sync_api import Page

from microblog.web.supported_languages import LANGUAGES
from tests.browser.people import assert_accessible
from tests.mail.test_previews import KINDS, STORED

pytestmark = pytest.mark.browser

WINDOWS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((320, "dark"), (600, "light"))
STYLES = r"(?s)<style.*?</style>"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_email_is_readable(window: Page, kind: str, language: str) -> None:
    mail = (STORED / f"{kind}.{language}.txt").read_text().partition("\n----------\n")[2]
    # Gmail drops a style sheet in which it finds something that it does not know.
    for source in (mail, re.sub(STYLES, "", mail)):
        window.set_content(source)
        for width, scheme in WINDOWS:
            window.set_viewport_size({"width": width, "height": 640})
            window.emulate_media(color_scheme=scheme)
            assert_accessible(window)
            for button in window.locator(".button a").all():
                box = button.bounding_box()
                assert box
                assert box["height"] >= 44
