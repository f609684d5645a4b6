"""Atom feeds (RFC 4287) of the public timelines."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from flask import Response

from microblog.blog.models import Post
from microblog.blog.timeline import Page
from microblog.web.links import public_link

NAMESPACE = "http://www.w3.org/2005/Atom"
TITLE_LENGTH = 80
NOTHING_YET = datetime(2026, 1, 1, tzinfo=UTC)

# Not a Char (XML 1.0, 2.2): a single one makes the whole feed unreadable.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def response(title: str, endpoint: str, page: Page, **values: object) -> Response:
    """Return the feed of a timeline's newest posts; `endpoint` and `values` lead to its page."""
    link = public_link(endpoint, **values)
    feed = Element("feed", xmlns=NAMESPACE)
    _text(feed, "title", f"{title} - Microblog")
    _text(feed, "id", link)
    SubElement(feed, "link", rel="alternate", href=link)
    SubElement(feed, "link", rel="self", href=public_link(f"{endpoint}_feed", **values))
    changed = [post.edited_at or post.created_at for post in page.posts]
    _text(feed, "updated", max(changed, default=NOTHING_YET).isoformat())
    for post in page.posts:
        feed.append(_entry(post))
    content = tostring(feed, encoding="utf-8", xml_declaration=True)
    answer = Response(content, content_type="application/atom+xml; charset=utf-8")
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def _entry(post: Post) -> Element:
    link = public_link("posts.show", post_id=post.id)
    entry = Element("entry")
    first_line = post.body.split("\n", 1)[0]
    short = first_line[:TITLE_LENGTH]
    _text(entry, "title", short if short == post.body else f"{short}…")
    _text(entry, "id", link)
    SubElement(entry, "link", rel="alternate", href=link)
    _text(entry, "published", post.created_at.isoformat())
    _text(entry, "updated", (post.edited_at or post.created_at).isoformat())
    _text(SubElement(entry, "author"), "name", post.author.username)
    _text(entry, "content", post.body)
    return entry


def _text(parent: Element, name: str, text: str) -> None:
    """Add an element; a character that XML cannot hold becomes U+FFFD."""
    SubElement(parent, name).text = _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
