"""Emails from sibling templates: `NAME.subject.txt`, `NAME.txt` and, if it exists, `NAME.html`.

The HTML template is inserted into a shared layout, which also gets the `subject`. Styles are put
into the elements once, when a template is compiled, and not for each message.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from jinja2 import Environment, Template, TemplateNotFound

from flask_outbox.extras import needs_extra
from flask_outbox.message.addresses import AddressLike, parse_address
from flask_outbox.message.email import Email

LAYOUT = "emails/layout.html"
CONTENT = "<!-- content -->"

# The attribute of an environment that keeps its HTML templates, with styles put in.
_INLINED = "flask_outbox_inlined_templates"


class MissingExtraError(RuntimeError):
    """A package is missing; the message names the extra that has it."""


def render_email(
    environment: Environment,
    name: str,
    context: Mapping[str, Any],
    *,
    to: AddressLike,
    sender: AddressLike | None = None,
) -> Email:
    """Render the templates `name` of a Jinja environment for one recipient.

    The subject is one line, whatever its template contains. Raises TemplateNotFound, AddressError,
    and MissingExtraError if there is an HTML template and the extra `html` is not installed.
    """
    subject = " ".join(environment.get_template(f"{name}.subject.txt").render(context).split())
    template = _html_template(environment, name)
    return Email(
        subject=subject,
        text=environment.get_template(f"{name}.txt").render(context).strip() + "\n",
        html=template.render({**context, "subject": subject}) if template else None,
        to=(parse_address(to),),
        sender=parse_address(sender) if sender else None,
    )


def _html_template(environment: Environment, name: str) -> Template | None:
    inlined: dict[str, Template] = vars(environment).setdefault(_INLINED, {})
    if name not in inlined or environment.auto_reload:
        content = _source(environment, f"{name}.html")
        if content is None:
            return None
        inlined[name] = environment.from_string(_inline(environment, content))
    return inlined[name]


def _source(environment: Environment, name: str) -> str | None:
    if environment.loader is None:
        raise TypeError("The environment has no loader of templates.")
    try:
        return environment.loader.get_source(environment, name)[0]
    except TemplateNotFound:
        return None


def _inline(environment: Environment, content: str) -> str:
    layout = _source(environment, LAYOUT)
    if layout is None:
        raise TemplateNotFound(LAYOUT)
    if find_spec("css_inline") is None:
        raise MissingExtraError("HTML mail " + needs_extra("css-inline", "html"))
    import css_inline  # noqa: PLC0415 - an optional package

    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    return inliner.inline(layout.replace(CONTENT, content))
