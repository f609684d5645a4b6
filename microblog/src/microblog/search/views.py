"""The page of search: HTTP only."""

from __future__ import annotations

from functools import partial
from typing import Any

import regex
from flask import Blueprint, Flask, render_template, request, url_for
from flask_babel import lazy_gettext as _l

from microblog.accounts.pages.forms import EmptyForm
from microblog.accounts.pages.reader import reader_id
from microblog.blog.models import Post
from microblog.blog.rendering import post_context
from microblog.blog.timeline import LATEST
from microblog.database import db
from microblog.search import index
from microblog.search.engines import word_forms
from microblog.search.folding import terms
from microblog.search.marking import marked
from microblog.search.queries import (
    COUNT_MAXIMUM,
    PAGE_SIZE,
    PAGES_MAXIMUM,
    PostsPage,
    find_people,
    find_posts,
    find_tags,
    recent_tags,
)
from microblog.web.links import parse_id
from microblog.web.ratelimits import limit_reading

TYPED_MAXIMUM = 200
"""Characters of what is typed; the rest does not count."""

KINDS = {"all": _l("All"), "posts": _l("Posts"), "people": _l("People"), "tags": _l("Tags")}

FEW_PEOPLE = 3
FEW_TAGS = 5
"""What the page of everything shows of them, before the posts."""

RECENT_TAGS = 15

_NOT_TYPED = regex.compile(r"[\p{Cc}\p{Cs}]+")

blueprint = Blueprint("search", __name__)


def init_app(app: Flask) -> None:
    """Add the page to the site, and keep the index."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals["search_url"] = search_url
    index.connect()


@blueprint.get("/search")
@limit_reading
def search() -> str:
    typed = _NOT_TYPED.sub(" ", request.args.get("q", ""))[:TYPED_MAXIMUM]
    kind = request.args.get("kind", "all")
    kind = kind if kind in KINDS else "all"
    found = _find(typed, kind) if typed.strip() else _nothing_asked()
    return render_template(
        "search/search.html",
        typed=typed,
        kind=kind,
        kinds=KINDS,
        is_complete=index.is_complete(db.session),
        form=EmptyForm(),
        typed_maximum=TYPED_MAXIMUM,
        count_maximum=COUNT_MAXIMUM,
        **found,
    )


def search_url(typed: str, kind: str, **page: int | None) -> str:
    """The address of what is found for this; what is usual is left out of it."""
    values: dict[str, Any] = {**page, "kind": None if kind == "all" else kind}
    return url_for("search.search", q=typed or None, **values)


def _nothing_asked() -> dict[str, Any]:
    return {"recent": recent_tags(db.session, reader_id(), size=RECENT_TAGS)}


def _find(typed: str, kind: str) -> dict[str, Any]:
    number = min(max(parse_id(request.args.get("page")) or 1, 1), PAGES_MAXIMUM)
    found: dict[str, Any] = {"number": number, "is_last": number >= PAGES_MAXIMUM}
    # Of everything, people and tags stand before the first page of posts alone.
    is_first = kind != "all" or number == 1
    if kind in ("all", "people") and is_first:
        found |= _find_people(typed, kind, number)
    if kind in ("all", "tags") and is_first:
        tags = find_tags(db.session, typed, reader_id())
        found["tags"] = tags[:FEW_TAGS] if kind == "all" else tags
    if kind in ("all", "posts"):
        found |= _find_posts(typed, number)
    return found


def _find_people(typed: str, kind: str, number: int) -> dict[str, Any]:
    size, skip = (FEW_PEOPLE, 0) if kind == "all" else (PAGE_SIZE, (number - 1) * PAGE_SIZE)
    people = find_people(db.session, typed, reader_id(), size=size + 1, skip=skip)
    return {"people": people[:size], "has_more_people": len(people) > size}


def _find_posts(typed: str, number: int) -> dict[str, Any]:
    until = parse_id(request.args.get("until"))
    below = LATEST if until is None else until + 1
    page = find_posts(db.session, typed, reader_id(), number=number, below=below)
    show = partial(marked, found=_to_mark(page))
    return {"page": page, **post_context(page.posts, show)}


def _to_mark(page: PostsPage) -> frozenset[str]:
    """The terms that were asked for, and other forms of these words in the posts of the page."""
    beginnings = {term[:2] for term in page.forms}
    others = {term for post in page.posts for term in _terms_of(post, beginnings)}
    forms = word_forms(db.session, others) if page.forms else {}
    asked = set(page.forms.values())
    return frozenset((*page.wanted, *(term for term, form in forms.items() if form in asked)))


def _terms_of(post: Post, beginnings: set[str]) -> set[str]:
    return {term for term in terms(post.body) if term[:2] in beginnings} if beginnings else set()
