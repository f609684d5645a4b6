"""Emails from sibling templates: `NAME.subject.txt`, `NAME.txt` and, if they exist, `NAME.html` and
`NAME.preheader.txt`, the line that lists of mail show beside the subject.

The HTML is inserted into a layout, unless it is a whole page of its own. Styles are put into the
elements once, when a template is compiled, and not for each message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, Template, TemplateNotFound

from flask_outbox.extras import needs_extra
from flask_outbox.message.addresses import AddressLike
from flask_outbox.message.email import AttachmentLike, Email

LAYOUT = "emails/layout.html"
"""The application's own layout; without one, the package's is used."""

CONTENT = "<!-- content -->"

_DEFAULT_LAYOUT = Path(__file__).with_name("layout.html")

# The attribute of an environment that keeps its HTML templates, with styles put in.
_INLINED = "flask_outbox_inlined_templates"

# Comments may stand before it.
_WHOLE_PAGE = re.compile(
    r"(?is)(?>\s+|\{#.*?#\}|<!--.*?-->)*+(?:<!doctype|<html|\{%-?\s*extends\b)"
)
_STYLES = re.compile(r"""(?i)<style(?![^>]*data-css-inline\s*=\s*["']?ignore)""")
_IGNORED = re.compile(r"""(?is)<style[^>]*data-css-inline\s*=\s*["']?ignore.*?</style>""")


class MissingExtraError(RuntimeError):
    """A package is missing; the message names the extra that has it."""


def render_email(
    environment: Environment,
    name: str,
    context: Mapping[str, Any],
    *,
    subject: str | None = None,
    to: AddressLike | Sequence[AddressLike] | None = None,
    sender: AddressLike | None = None,
    cc: AddressLike | Sequence[AddressLike] | None = None,
    bcc: AddressLike | Sequence[AddressLike] | None = None,
    reply_to: AddressLike | Sequence[AddressLike] | None = None,
    attachments: Sequence[AttachmentLike] = (),
    headers: Mapping[str, str] | None = None,
) -> Email:
    """Render the templates `name` of a Jinja environment; see `email_from_templates`."""
    if subject is None:
        subject = environment.get_template(f"{name}.subject.txt").render(context)
    subject = _one_line(subject)
    template = _html_template(environment, name)
    return Email(
        subject=subject,
        text=environment.get_template(f"{name}.txt").render(context).strip() + "\n",
        html=template.render(_html_variables(environment, name, context, subject))
        if template
        else None,
        to=to or (),
        sender=sender,
        cc=cc or (),
        bcc=bcc or (),
        reply_to=reply_to,
        attachments=attachments,
        headers=headers or {},
    )


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _html_variables(
    environment: Environment, name: str, context: Mapping[str, Any], subject: str
) -> dict[str, Any]:
    variables = {"preheader": "", **context, "subject": subject}
    try:
        preheader = environment.get_template(f"{name}.preheader.txt")
    except TemplateNotFound:
        return variables
    return {**variables, "preheader": _one_line(preheader.render(context))}


def _html_template(environment: Environment, name: str) -> Template | None:
    inlined: dict[str, Template] = vars(environment).setdefault(_INLINED, {})
    if name not in inlined or environment.auto_reload:
        content = _source(environment, f"{name}.html")
        if content is None:
            return None
        inlined[name] = environment.from_string(_inline(_page(environment, content)))
    return inlined[name]


def _source(environment: Environment, name: str) -> str | None:
    if environment.loader is None:
        raise TypeError("The environment has no loader of templates.")
    try:
        return environment.loader.get_source(environment, name)[0]
    except TemplateNotFound:
        return None


def _page(environment: Environment, content: str) -> str:
    """The content in its layout, or as it is where it brings its own."""
    if _WHOLE_PAGE.match(content):
        return content
    layout = _source(environment, LAYOUT) or _DEFAULT_LAYOUT.read_text(encoding="utf-8")
    if CONTENT not in layout:
        raise ValueError(f"{LAYOUT} has no line {CONTENT}, where the content goes.")
    return layout.replace(CONTENT, content)


def _inline(page: str) -> str:
    """The page with its styles in the elements, where mail programs that ignore others look."""
    if not _STYLES.search(page):
        return page
    if find_spec("css_inline") is None:
        raise MissingExtraError(
            "HTML mail with a <style> element " + needs_extra("css-inline", "html")
        )
    import css_inline  # noqa: PLC0415 - an optional package

    inliner = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
    # It would remove the styles that it is told to ignore.
    ignored = _IGNORED.findall(page)
    for number, style in enumerate(ignored):
        page = page.replace(style, f"<!-- style {number} -->", 1)
    page = inliner.inline(page)
    for number, style in enumerate(ignored):
        page = page.replace(f"<!-- style {number} -->", style, 1)
    return page
