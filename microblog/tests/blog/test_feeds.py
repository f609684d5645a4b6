"""Feeds are XML that every reader can parse."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import update

from microblog.blog.models import Post
from microblog.blog.posts import write_post
from microblog.database import transaction, utc_now
from tests.visitor import ON_SQLITE, Visitor, make_user

pytestmark = ON_SQLITE


@pytest.mark.parametrize(
    "tag", ["%01", "%1Bx", "x%7F", "%C2%85", "%0A", "%09", "%EF%BF%BE", "%EF%BF%BF", "%E2%80%AE"]
)
def test_a_tag_cannot_hold_characters_that_cannot_be_shown(visitor: Visitor, tag: str) -> None:
    """A feed with its name would not be XML."""
    for path in (f"/tag/{tag}", f"/tag/{tag}.atom"):
        assert visitor.get(path).status_code == 404


def test_an_old_post_with_any_character_breaks_no_feed(app: Flask, visitor: Visitor) -> None:
    """Forms refuse these characters today, but old rows may hold them."""
    susan = make_user(app, "susan")
    with app.app_context(), transaction() as writing:
        write_post(writing, user_id=susan, body="#garden", now=utc_now())
        writing.execute(update(Post).values(body="a\x01b\x1b\x7f\ufffe\uffff\U0001f331 <&>\n\t]]>"))
    for path in ("/explore.atom", "/user/susan.atom", "/tag/garden.atom"):
        feed = ElementTree.fromstring(visitor.get(path).data)
        content = feed.find(".//{http://www.w3.org/2005/Atom}content")
        assert content is not None
        assert content.text == "a\ufffdb\ufffd\x7f\ufffd\ufffd\U0001f331 <&>\n\t]]>"
