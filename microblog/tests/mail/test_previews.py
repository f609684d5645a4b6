"""Every email in every language looks as it did when somebody last reviewed it.

After an intended change, review the difference that this makes:
UPDATE_PREVIEWS=1 pytest microblog/tests/mail/test_previews.py
"""

from __future__ import annotations

import email
import email.policy
import os
import re
from collections.abc import Callable
from email.message import EmailMessage
from html import escape, unescape
from pathlib import Path
from unicodedata import east_asian_width

import pytest
from flask import Flask
from sqlalchemy import func, select

from flask_outbox import current_outbox
from flask_outbox.dev import previews
from flask_outbox.message.mime import render
from flask_outbox.outbox.models import OutboxMessage
from flask_outbox.outbox.prerendered import PRERENDERED
from microblog.accounts.emails import EMAILS
from microblog.accounts.models import User
from microblog.accounts.typed_codes import ALPHABET
from microblog.database import db
from microblog.moderation.decisions import REMOVED_KIND
from microblog.notifications.at_once import AT_ONCE_KIND
from microblog.notifications.bundles import DIGEST_KIND, SILENCE_KIND
from microblog.web.error_reports import FAILURE_KIND
from microblog.web.supported_languages import LANGUAGES
from microblog.web.trouble_reports import DISK_FULL, DISK_HAS_ROOM, MAIL_LEAVES, MAIL_WAITS
from tests.visitor import Visitor, words

STORED = Path(__file__).parent / "previews"


TROUBLE = [MAIL_WAITS, MAIL_LEAVES, DISK_FULL, DISK_HAS_ROOM]

CHOSEN = [AT_ONCE_KIND, DIGEST_KIND, SILENCE_KIND]

KINDS = [*(email.kind for email in EMAILS), REMOVED_KIND, *CHOSEN, FAILURE_KIND, *TROUBLE]


def test_every_email_type_has_previews(app: Flask) -> None:
    with app.app_context():
        assert sorted(set(current_outbox().email_types) - {PRERENDERED}) == sorted(KINDS)


def test_no_preview_is_of_a_removed_email_type() -> None:
    """Rows hold the names of email types, so these stay."""
    stored = {path.name for path in STORED.iterdir()}
    assert stored <= {f"{kind}.{language}.txt" for kind in KINDS for language in LANGUAGES}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_email_is_as_it_was_reviewed(app: Flask, kind: str, language: str) -> None:
    with app.app_context():
        found = previews.preview(current_outbox(), kind, language)
    assert found is not None, f"{kind} has no sample to preview"
    composed = found.email
    whole = f"Subject: {composed.subject}\n\n{composed.text}\n----------\n{composed.html}\n"
    stored = STORED / f"{kind}.{language}.txt"
    if os.environ.get("UPDATE_PREVIEWS"):
        STORED.mkdir(exist_ok=True)
        stored.write_text(steady(whole))
    assert steady(whole) == stored.read_text()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_email_reads_well_everywhere(app: Flask, kind: str, language: str) -> None:
    with app.app_context():
        found = previews.preview(current_outbox(), kind, language)
        assert found is not None
        known = current_outbox().email_types[kind]
        source = render(
            found.email,
            message_id="<1@example.com>",
            date=0.0,
            sender=current_outbox().author(known),
            headers=known.headers(str(found.email.to[0]), {}),
        )
    message = email.message_from_bytes(source, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert message["Auto-Submitted"] == "auto-generated"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert max(map(len, source.split(b"\r\n"))) <= 998
    assert str(message["From"]).startswith("Microblog <")
    if language == "en":
        assert b"base64" not in source
    text, html = found.email.text, found.email.html or ""
    # It is the same without images, in HTML and as text.
    loaded = r"<(?:img|link|script|iframe|object|video|audio)\b|\bsrc=|url\(|@import"
    assert re.findall(loaded, html) == []
    links = {unescape(link) for link in re.findall(r'href="([^"]*)"', html)}
    assert links <= set(re.findall(r"https?://\S+", text))
    assert f"<title>{escape(found.email.subject, quote=False)}</title>" in html
    assert_parts(html)
    assert_lines(text)
    assert f'<html lang="{language.replace("_", "-")}"' in html
    assert not re.search(r"[{}]{2}|%\(|\n{3}", text)
    assert not re.search(r"\{\{|\{%|%\(", html)


def assert_parts(html: str) -> None:
    """It has what every email has, in elements that mail programs understand."""
    # Gmail cuts off what is longer.
    assert len(html.encode()) < 102 * 1024
    assert html.count("<h1 ") == 1
    assert re.search(r'<div class="preheader" style="display: none;[^>]*>[^<\s]', html)
    assert re.search(r'<td class="mark" [^>]*background: #1b664b;[^>]*>m\.</td>', html)
    assert re.search(
        r'(?s)<p class="footer why"[^>]*>.+?</p>.*Microblog · <a [^>]*>localhost</a>', html
    )
    for condition in ("prefers-color-scheme: dark", "max-width: 479px", "[data-ogsc]"):
        assert condition in html
    # A table says how it is laid out, and is not read out as one.
    assert html.count("<table ") == html.count('<table class="') + html.count("<table role=")
    assert html.count("<table ") == html.count('role="presentation"')
    # Outlook knows no greatest width.
    assert '<!--[if mso]><table role="presentation" width="600"' in html
    shown = re.sub(r"(?s)<!--.*?-->", "", html.partition("<body")[2])
    assert not re.search(r"<(?:h1|p|a|pre|td)(?![^>]* style=)[ >]", shown)
    buttons = re.findall(r'<table class="button".*?<td ([^>]*)><a href="([^"]+)"', shown)
    assert len(buttons) <= 1, "one button says what to do"
    for cell, link in buttons:
        assert 'bgcolor="#1b664b"' in cell, "the button's white words need their ground"
        assert f">{link}</a></p>" in shown, "the link of a button stands below it"
    assert_survives(shown)


DROPPED = {"display", "position", "float", "background-image", "opacity", "transform"}
"""What Gmail, Outlook or both take out of an element's style. The preheader alone needs it."""


def assert_survives(shown: str) -> None:
    """What mail programs drop carries no meaning: it is laid out by tables, and each text has its
    colour and its size in its own element.
    """
    styled = shown.partition("</div>")[2]
    for element, style in re.findall(r'<(\w+) [^>]*?style="([^"]*)"', styled):
        names = {one.partition(":")[0].strip() for one in style.split(";")}
        # The whole button is a link, or its words alone.
        assert names & DROPPED <= ({"display"} if element == "a" else set())
        if element in {"h1", "p", "pre", "a"}:
            assert "color" in names
        if element in {"h1", "p", "pre"}:
            assert names >= {"font-size", "line-height", "margin"}
    assert re.search(r'<table class="page" [^>]*bgcolor="#fbf9f4"', shown)


def assert_lines(text: str) -> None:
    """Its lines fit into 72 columns, but for links, which have lines of their own."""
    columns = {
        line: sum(1 + (east_asian_width(one) in "WF") for one in line) for line in text.split("\n")
    }
    long = [line for line, width in columns.items() if width > 72]
    assert [line for line in long if not re.fullmatch(r"https?://\S+", line)] == []
    assert "\n\n-- \n" in text


def test_a_preview_leaves_nothing_behind(app: Flask) -> None:
    with app.app_context():
        for kind in previews.kinds_with_samples(current_outbox()):
            previews.preview(current_outbox(), kind, "en")
        for model in (User, OutboxMessage):
            assert db.session.scalar(select(func.count()).select_from(model)) == 0


def test_the_pages_show_every_email(make_app: Callable[..., Flask]) -> None:
    visitor = Visitor(make_app(demo=True))
    listed = visitor.get("/dev/emails")
    assert "accounts.reset_password" in words(listed)
    assert "[Microblog] Reset Your Password" in words(listed)
    assert 'href="/dev/inbox/"' in listed.text
    page = visitor.get("/dev/emails/accounts.reset_password/en")
    assert "[Microblog] Reset Your Password" in words(page)
    frame = visitor.get("/dev/emails/accounts.reset_password/en/html")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert "click here" in words(frame)
    for nothing in ("accounts.reset_password/xx", "nothing/en", f"{PRERENDERED}/en"):
        assert visitor.get(f"/dev/emails/{nothing}").status_code == 404


def test_a_public_site_has_no_previews(app: Flask) -> None:
    assert Visitor(app).get("/dev/emails").status_code == 404


def steady(text: str) -> str:
    """A text without the parts that differ each time."""
    text = re.sub(r"preview-[0-9a-f]{8}", "susan", text)
    text = re.sub(r"eyJ[\w.-]+|(?<=/unsubscribe/)[\w.-]+", "TOKEN", text)
    return re.sub(rf"(?<![\w ])[{ALPHABET}]{{4}} [{ALPHABET}]{{4}}(?![\w ])", "CODE", text)
