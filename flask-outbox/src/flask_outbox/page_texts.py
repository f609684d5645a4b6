"""The library's texts on pages: in the reader's language if the application has Flask-Babel.

Without it they are English. What commands say is translated by `translation` instead.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from flask_outbox.language import current_locale, has_babel
from flask_outbox.translation import CATALOGUES, DOMAIN


def gettext(text: str, **values: Any) -> str:
    """The text, with these values in its named places: `gettext("to %(name)s", name=…)`."""
    if has_babel():
        return str(_domain().gettext(text, **values))
    return text % values if values else text


def ngettext(singular: str, plural: str, num: int, **values: Any) -> str:
    """The form of the text that fits this number, which fills the place `num`."""
    if has_babel():
        return str(_domain().ngettext(singular, plural, num, **values))
    return (singular if num == 1 else plural) % {"num": num, **values}


def application_gettext(text: str) -> str:
    """A text of the application, from its own catalogue."""
    if not has_babel():
        return text
    from flask_babel import gettext as translate  # noqa: PLC0415 - an application need not have it

    return str(translate(text))


def page_language() -> str:
    """The language of the page's texts, as HTML writes it: "en", "zh-Hant"."""
    return current_locale().replace("_", "-")


@cache
def _domain() -> Any:
    from flask_babel import Domain  # noqa: PLC0415 - an application need not have it

    return Domain(str(CATALOGUES), DOMAIN)
