"""Texts that people wrote, with links to the people, tags and addresses in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flask import url_for
from markupsafe import Markup

from microblog.people.text import as_html


def linked(text: str) -> Markup:
    """A text as HTML; its addresses and tags are links."""
    return linker({})(text)


def linker(
    names: Mapping[str, str], show: Callable[[str], Markup] | None = None
) -> Callable[[str], Markup]:
    """What makes HTML of a text; addresses, tags, and these names (by key) become links.

    `show` makes HTML of the words inside and beside the links.
    """
    addresses = {key: url_for("people.profile", username=name) for key, name in names.items()}
    return partial(as_html, names=addresses, tags=url_for("blog.tagged", tag="TAG"), show=show)
