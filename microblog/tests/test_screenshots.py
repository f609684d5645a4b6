"""The pictures of the documentation are those that scripts/screenshots.py makes."""

from __future__ import annotations

from flask_outbox import current_outbox
from flask_outbox.dev import previews
from microblog.web.supported_languages import LANGUAGES
from scripts.screenshots import IMAGES, documented, emails
from tests.constants import Make


def test_the_documentation_has_what_is_made_for_it() -> None:
    """Another test says that it shows all of them."""
    assert {path.name for path in IMAGES.iterdir()} == documented()


def test_there_are_pictures_of_every_email(make_app: Make) -> None:
    with make_app(demo=True).app_context():
        kinds = previews.kinds_with_samples(current_outbox())
    for language in LANGUAGES:
        taken = {email.opened for email in emails(language)}
        assert taken == {f"/dev/emails/{kind}/{language}/html" for kind in kinds}
