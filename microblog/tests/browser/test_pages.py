"""The list of all pages is complete. No browser is needed to tell."""

from __future__ import annotations

from flask import Flask

from tests.browser.pages import NOT_PAGES, PAGES
from tests.constants import Make
from tests.visitor import ON_SQLITE, Visitor, make_user


def rules(app: Flask) -> set[str]:
    """The rules that answer a GET."""
    return {one.rule for one in app.url_map.iter_rules() if "GET" in (one.methods or ())}


@ON_SQLITE
def test_every_page_of_the_site_is_in_the_list_of_pages(make_app: Make) -> None:
    listed = {one.rule for one in PAGES if one.rule}
    assert rules(make_app(demo=True)) == listed | NOT_PAGES
    assert not listed & NOT_PAGES
    names = [one.name for one in PAGES]
    assert len(names) == len(set(names))


@ON_SQLITE
def test_what_is_not_listed_as_a_page_is_none(make_app: Make) -> None:
    app = make_app(demo=True, PUBLIC_URL="http://localhost")
    make_user(app, "susan")
    stranger, susan = Visitor(app), Visitor(app)
    susan.log_in("susan")
    for path in sorted(one for one in NOT_PAGES if "<" not in one):
        for answer in (stranger.get(path, follow=False), susan.get(path, follow=False)):
            shown = answer.status_code == 200 and answer.mimetype == "text/html"
            assert not shown, f"{path} is a page: list it in pages.py"
