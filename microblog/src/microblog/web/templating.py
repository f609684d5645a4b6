"""The environment of the templates: Jinja's, without what costs most and is not needed here."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping
from functools import lru_cache, partial
from typing import Any

from flask import Flask, current_app, request, templating
from jinja2 import Template
from jinja2.ext import Extension
from jinja2.runtime import Context, Macro
from markupsafe import Markup

from microblog.web.languages import current_language

DRAWN_MAXIMUM = 8192
"""How many pieces of pages are kept: at about two kilobytes for a post, those of 300 pages."""

VALUE_MAXIMUM = 200
"""Characters of a value of a piece that is kept. Visitors choose what is longer."""


_INDENTATION = re.compile(r"(?m)^[ \t]+")


class WithoutIndentation(Extension):
    """Takes the indentation out of the templates of pages, a tenth of what a browser loads.

    Pages are not compressed: their size could tell secrets in them. Lines stay, since between two
    words a line's end is a blank. Emails are sent as they are written.
    """

    def preprocess(
        self,
        source: str,
        name: str | None,
        filename: str | None = None,  # noqa: ARG002 - what Jinja passes
    ) -> str:
        is_page = name is not None and name.endswith(".html") and "emails/" not in name
        return _INDENTATION.sub("", source) if is_page else source


def init_app(app: Flask) -> None:
    app.jinja_env.add_extension(WithoutIndentation)
    app.jinja_env.globals["drawn"] = drawn


def drawn(template: str, macro: str, *values: object) -> Markup:
    """What a macro makes of these values, of the reader's language, and of nothing else.

    It is drawn once for everybody who gets the same.
    """
    is_long = any(isinstance(value, str) and len(value) > VALUE_MAXIMUM for value in values)
    return drawer(template, macro, keep=not is_long)(*values)


def drawer(template: str, macro: str, *, keep: bool = True) -> Callable[..., Markup]:
    """What draws this macro in this request, for many values or for long ones."""
    # The template itself is part of what is kept: each application has its own, and a changed file
    # a new one.
    found = current_app.jinja_env.get_template(template)
    return partial(_kept if keep else _draw, found, macro, current_language(), request.root_path)


def _draw(template: Template, macro: str, _language: str, _below: str, *values: object) -> Markup:
    drawn: Markup = vars(template.module)[macro](*values)
    return drawn


_kept = lru_cache(DRAWN_MAXIMUM)(_draw)


# The mark of `pass_eval_context`, which macros have and translated texts.
_WANTED = "jinja_pass_arg"
_EVALUATION = getattr(Macro.__call__, _WANTED)


class FastContext(Context):
    """Jinja's, which asks three times what a function wants to be passed."""

    def call(
        self,
        called: Any,
        /,
        *args: Any,
        _loop_vars: Any = None,
        _block_vars: Any = None,
        **kwargs: Any,
    ) -> Any:
        wanted = getattr(called, _WANTED, None) or getattr(type(called).__call__, _WANTED, None)
        if wanted is None:
            return called(*args, **kwargs)
        if wanted is _EVALUATION:
            return called(self.eval_ctx, *args, **kwargs)
        return super().call(called, *args, _loop_vars=_loop_vars, _block_vars=_block_vars, **kwargs)


class Environment(templating.Environment):
    """Flask's, whose templates have all names in one dictionary, set up before the first page.

    Jinja's chain of dictionaries costs much with each import and each inclusion.
    """

    context_class = FastContext

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}
