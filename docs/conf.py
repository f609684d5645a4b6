"""One site of all documentation. The pages stay where they are: its source is the repository."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from docutils.nodes import Element, TextElement
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import flask_outbox

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "microblog" / "src" / "microblog" / "static"


def _colours(*, dark: bool) -> dict[str, str]:
    """The colours of the site's style sheet, which has each twice: light first, then dark."""
    values = re.findall(r"--([a-z-]+): (#[0-9a-f]+);", (STATIC / "site.css").read_text())
    value = dict(values if dark else reversed(values))
    return {
        "color-background-primary": value["paper"],
        "color-background-secondary": value["sunken"],
        "color-background-hover": value["line"],
        "color-background-border": value["line"],
        "color-foreground-primary": value["ink"],
        "color-foreground-secondary": value["muted"],
        "color-foreground-muted": value["muted"],
        "color-brand-primary": value["accent"],
        "color-brand-content": value["accent"],
        "color-brand-visited": value["visited"],
        "color-api-name": value["accent"],
        "color-api-pre-name": value["muted"],
    }


project = "Flask-Outbox and Microblog"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = [
    "*.md",
    "flask-outbox/*.md",
    "flask-outbox/docs/*.md",
    "microblog/*.md",
    "docs/**.md",
]
exclude_patterns = [".*", "build"]
highlight_language = "none"

myst_heading_anchors = 4

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_type_aliases = {"AddressLike": "flask_outbox.AddressLike"}
python_maximum_signature_line_length = 80
# No other project's reference is fetched: names of Python, Flask and SQLAlchemy are no links.
nitpick_ignore_regex = [
    ("py:.*", r"(?!flask_outbox\b).*"),
    ("py:class", r"flask_outbox\.(smtp\.oauth\.TokenSource|delivery\.dispatcher\.Dispatcher)"),
    ("py:class", r"flask_outbox\.(message\.return_path\.ReturnToken|webhook_settings\.Web.*)"),
]

html_theme = "furo"
html_title = project
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_favicon = str(STATIC / "favicon.svg")
html_theme_options = {
    "light_css_variables": _colours(dark=False),
    "dark_css_variables": _colours(dark=True),
}
templates_path = ["_templates"]
html_additional_pages = {"index": "to_front_page.html"}
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False


def add_navigation(_app: Sphinx, page: str, source: list[str]) -> None:
    """The lists of the front page are the navigation, and a page lists the decisions."""
    if page == root_doc:
        for door, text in re.findall(r"(?ms)^## (.+?)\n(.*?)(?=^## |\Z)", source[0]):
            links = re.findall(r"^- \[(.+?)\]\((.+?)\.md\)", text, re.MULTILINE)
            source[0] += _toctree([f"{title} <{path}>" for title, path in links], caption=door)
    elif page == "docs/architecture":
        source[0] += _toctree(["decisions/*"], glob="")


def _toctree(entries: list[str], **options: str) -> str:
    lines = [":hidden:", *(f":{name}: {value}" for name, value in options.items()), "", *entries]
    return "\n".join(["", "```{toctree}", *lines, "```", ""])


def as_restructured_text(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Docstrings are written to be read in a terminal: mark their code for reStructuredText."""
    marked: list[str] = []
    for part in "\n".join(lines).split("\n\n"):
        if part.startswith("    "):
            marked += ["::", part]
        else:
            pieces = re.split(r"`([^`]+)`", part)
            pieces[::2] = [re.sub(r"(\*|_(?!\w))", r"\\\1", words) for words in pieces[::2]]
            marked.append("``".join(pieces))
    lines[:] = "\n\n".join(marked).split("\n")


def tidy_signature(
    _app: Sphinx,
    _what: str,
    _name: str,
    _object: object,
    _options: object,
    signature: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    """Name an alias as it is imported, and a default that is a function by three dots."""
    if signature is not None:
        signature = re.sub(r"TypeAliasForwardRef\('[\w.]+?(\w+)'\)", r"\1", signature)
        signature = re.sub(r"<factory>|<function .*?>>?(?=[,)])", "...", signature)
    return signature, returned


def find_public_name(
    app: Sphinx, environment: BuildEnvironment, node: Element, content: TextElement
) -> Element | None:
    """Signatures name a class by the inner module that defines it: link to its public name."""
    name = str(node.get("reftarget", "")).rpartition(".")[2]
    if node.get("refdomain") != "py" or name not in flask_outbox.__all__:
        return None
    return environment.domains.python_domain.resolve_xref(
        environment, node["refdoc"], app.builder, "obj", f"flask_outbox.{name}", node, content
    )


def let_keyboards_reach_it(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Code and tables that are wider than a phone scroll, so they take the focus; captions are
    headings, which have a level."""
    body = context.get("body", "").replace("<pre>", '<pre tabindex="0">')
    context["body"] = body.replace('<div class="table-', '<div tabindex="0" class="table-')
    context["furo_navigation_tree"] = context["furo_navigation_tree"].replace(
        'role="heading"', 'role="heading" aria-level="2"'
    )


def copy_pictures(app: Sphinx, error: Exception | None) -> None:
    """Pages show them in HTML of their own, one for light and one for dark."""
    if error is None and app.builder.format == "html":
        shutil.copytree(
            ROOT / "docs" / "images", app.outdir / "docs" / "images", dirs_exist_ok=True
        )


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", add_navigation)
    app.connect("autodoc-process-docstring", as_restructured_text)
    app.connect("autodoc-process-signature", tidy_signature)
    app.connect("missing-reference", find_public_name)
    app.connect("html-page-context", let_keyboards_reach_it, priority=900)  # after the theme's
    app.connect("build-finished", copy_pictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
