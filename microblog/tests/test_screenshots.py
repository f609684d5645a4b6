"""The pictures that scripts/screenshots.py takes are of every page, and those that are shown."""

from __future__ import annotations

from werkzeug.exceptions import NotFound

from scripts.screenshots import SCENES
from tests.constants import Make

NO_PAGES = {
    "accounts.resend_verification",
    "accounts.reset_password_code",
    "admin.first",
    "blog.explore_feed",
    "blog.favicon",
    "blog.newer_posts",
    "blog.robots",
    "blog.tagged_feed",
    "health.healthz",
    "health.readyz",
    "inbox.html",
    "inbox.message",
    "inbox.source",
    "metrics.metrics",
    "password_change.where_to_change",
    "people.profile_feed",
    "preferences.speak",
    "profiles.picture",
}
"""What answers with a file, leads elsewhere, or is reached by pressing something."""

NOT_IN_THE_DEMONSTRATION = {"admin.outbox.cancel", "admin.outbox.lift"}
"""Its mail neither waits nor fails."""


def test_every_page_has_a_picture(make_app: Make) -> None:
    urls = make_app(demo=True).url_map.bind("localhost")
    seen = set()
    for scene in (one for scenes in SCENES.values() for one in scenes if one.path):
        path = scene.path.format(name="maria", language="en").partition("?")[0]
        try:
            seen.add(urls.match(path)[0])
        except NotFound:
            assert scene.name == "not-found", f"{path} leads nowhere"
    pages = {rule.endpoint for rule in urls.map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {one for one in pages if one.rpartition(".")[2] != "static"}
    assert seen >= pages - NO_PAGES - NOT_IN_THE_DEMONSTRATION


def test_a_name_stands_for_one_scene() -> None:
    names = [one.name for scenes in SCENES.values() for one in scenes]
    assert len(set(names)) == len(names)
