"""E-mails from sibling templates: `NAME.subject.txt`, `NAME.txt` and, where it exists, `NAME.html`.

The HTML sibling is what stands between the header and the footer of a shared layout, which also
gets the `subject`. Styles are put into the elements when a template is compiled, once, and not for
each message.
"""

from __future__ import annotations

from typing import Any, cast

import css_inline
from flask import current_app, render_template
from jinja2 import Environment, Template, TemplateNotFound

from flask_outbox.message.addresses import AddressLike, parse_address
from flask_outbox.message.email import Email

LAYOUT = "emails/layout.html"
CONTENT = "<!-- content -->"

_compiled: dict[tuple[int, str], Template] = {}


def email_from_templates(
    name: str, *, to: AddressLike, sender: AddressLike | None = None, **context: Any
) -> Email:
    """Render the templates `name` for one recipient. Needs an application context.

    The subject is one line whatever its template holds.
    """
    subject = " ".join(render_template(f"{name}.subject.txt", **context).split())
    return Email(
        subject=subject,
        text=render_template(f"{name}.txt", **context).strip() + "\n",
        html=_html(name, **context, subject=subject),
        to=(parse_address(to),),
        sender=parse_address(sender) if sender else None,
    )


def _html(name: str, **context: Any) -> str | None:
    environment = cast(Environment, current_app.jinja_env)
    key = (id(environment), name)
    if key not in _compiled or environment.auto_reload:
        content = _source(environment, f"{name}.html")
        if content is None:
            return None
        _compiled[key] = environment.from_string(_inlined(environment, content))
    current_app.update_template_context(context)
    return _compiled[key].render(context)


def _source(environment: Environment, name: str) -> str | None:
    assert environment.loader is not None  # noqa: S101 - Flask always sets one
    try:
        return environment.loader.get_source(environment, name)[0]
    except TemplateNotFound:
        return None


def _inlined(environment: Environment, content: str) -> str:
    layout = _source(environment, LAYOUT)
    if layout is None:
        raise TemplateNotFound(LAYOUT)
    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    return inliner.inline(layout.replace(CONTENT, content))
