"""Administrators read what was reported, and dismiss it or remove it."""

from __future__ import annotations

import re
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import delete, select

from flask_outbox import current_outbox
from microblog.accounts.models import SecurityEvent, User
from microblog.admin.accounts import Actor
from microblog.blog.models import Post
from microblog.blog.posts import edit_post, own_post
from microblog.blog.removals import removed_among
from microblog.database import db, transaction, utc_now
from microblog.messages.models import Participation, PrivateMessage
from microblog.moderation import decisions
from microblog.moderation.models import Removal, Report
from microblog.moderation.queue import PAGE_SIZE
from tests.admin.conftest import logged_in, make_admin
from tests.moderation.conftest import change, message, post, report
from tests.moderation.test_reports import at_once
from tests.outbox_rows import rows
from tests.scopes import scope_now
from tests.smtp_server import ScriptedServer
from tests.statements import recorded
from tests.visitor import (
    ON_SQLITE,
    Visitor,
    deliver_from,
    error_beside,
    make_user,
    words,
)

QUEUE, RESOLVED = "/admin/reports", "/admin/reports?show=resolved"
LATE = "Another administrator has already decided this."


@pytest.fixture
def bob(app: Flask, admin: Visitor) -> int:
    """Who writes what is reported."""
    return make_user(app, "bob")


@pytest.fixture
def susan(app: Flask, bob: int) -> Visitor:
    """Who reports it."""
    make_user(app, "susan")
    return logged_in(app, "susan")


def add_report(app: Flask, bob: int, reporter: int, **values: object) -> int:
    given = {"author_id": bob, "reporter_id": reporter, "body": "Old", "reason": "spam", **values}
    with app.app_context(), transaction() as writing:
        made = Report(**given)
        writing.add(made)
        writing.flush()
        return made.id


def events(app: Flask, user_id: int) -> list[tuple[str, object]]:
    with app.app_context():
        found = select(SecurityEvent.kind, SecurityEvent.details).where(
            SecurityEvent.user_id == user_id, SecurityEvent.kind.endswith("_removed")
        )
        return [(kind, details) for kind, details in db.session.execute(found)]


def outcomes(app: Flask) -> list[str | None]:
    with app.app_context():
        return list(db.session.scalars(select(Report.outcome).order_by(Report.id)))


# Reading


def test_reports_of_one_post_are_one_entry_with_who_reported_and_how_often(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob, "Terracotta pots, 80% off")
    post(app, bob, "Another one")
    carol = make_user(app, "carol")
    report(susan, "/report/post/1", comment="Third time today")
    report(susan, "/report/post/2", reason="abuse")
    report(logged_in(app, "carol"), "/report/post/1", reason="other")
    said = words(admin.get(QUEUE))
    first, second = said.partition("Something else · post · 2 reports")[2].split(
        "Hateful, threatening or unkind · post · 1 report ·"
    )
    assert "Terracotta pots, 80% off" in first
    assert first.index("carol ·") < first.index("susan ·")
    assert "“Third time today”" in first
    assert "2 reports in all" in first
    assert "1 report in all" in first
    assert "Another one" in second
    change(app, carol, display_name="Carol C")
    assert "Carol C" in words(admin.get(QUEUE))


def test_the_tab_says_how_much_waits(app: Flask, admin: Visitor, bob: int, susan: Visitor) -> None:
    def badge(path: str) -> str:
        found = re.search(r'Reports <span class="pill-count">(\d+)<', admin.get(path).text)
        return found[1] if found else ""

    assert badge("/admin/users") == ""
    post(app, bob)
    message(app, bob, 3)
    report(susan, "/report/post/1")
    report(susan, "/report/message/1")
    add_report(app, bob, bob, post_id=1)
    assert [badge(path) for path in ("/admin/users", "/admin/mail", QUEUE)] == ["2"] * 3
    admin.submit(f"{QUEUE}/3/dismiss", token=admin.csrf_token(QUEUE))
    assert badge(QUEUE) == "1"


@pytest.mark.parametrize(
    ("change_it", "said"),
    [
        ({"body": "New"}, "Its author has since changed it. It now says: New"),
        ({"deleted_at": utc_now()}, "Its author has since deleted it."),
        (None, "It doesn't exist any more."),
    ],
    ids=["edited", "deleted", "gone"],
)
def test_it_is_shown_as_it_was_and_as_it_is(
    app: Flask,
    admin: Visitor,
    bob: int,
    susan: Visitor,
    change_it: dict[str, object] | None,
    said: str,
) -> None:
    post(app, bob, "Old")
    report(susan, "/report/post/1")
    with app.app_context(), transaction() as writing:
        if change_it is None:
            writing.execute(delete(Post))
        else:
            for name, value in change_it.items():
                setattr(writing.get_one(Post, 1), name, value)
    page = admin.get(QUEUE)
    assert f"Old {said}" in words(page)
    assert ("Remove post…" in words(page)) is (change_it is not None)


@ON_SQLITE
def test_texts_of_earlier_reports_are_shown_where_they_differ(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob, "Now")
    add_report(app, bob, 3, post_id=1, body="Before")
    add_report(app, bob, bob, post_id=1, body="Now")
    said = words(admin.get(QUEUE))
    assert "It said then: Before" in said
    assert "It said then: Now" not in said


@ON_SQLITE
def test_text_of_others_is_no_markup(app: Flask, admin: Visitor, bob: int, susan: Visitor) -> None:
    post(app, bob, "<b>bold</b>")
    report(susan, "/report/post/1", comment="<script>1</script>")
    html = admin.get(QUEUE).text
    assert "&lt;b&gt;bold&lt;/b&gt;" in html
    assert "&lt;script&gt;1&lt;/script&gt;" in html


def test_pages_continue_without_gap_or_repetition(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    many = 2 * PAGE_SIZE + 3
    for number in range(many):
        add_report(app, bob, 3, post_id=post(app, bob), body=f"text{number}")
    for path in (QUEUE, RESOLVED):
        seen: list[str] = []
        address: str | None = path
        while address:
            page = admin.get(address)
            seen += re.findall(r'<p class="reported-text" dir="auto">(text\d+)</p>', page.text)
            older = re.search(r'rel="next" href="([^"]+)"', page.text)
            address = older[1].replace("&amp;", "&") if older else None
        assert seen == [f"text{number}" for number in reversed(range(many))]
        with app.app_context(), transaction() as writing:
            for one in writing.scalars(select(Report)):
                one.resolved_at, one.outcome, one.resolved_by_id = utc_now(), "dismissed", 1


@ON_SQLITE
@pytest.mark.parametrize("arguments", ["before=x", "before=-1", f"before={2**40}", "show=%00"])
def test_nonsense_in_the_address_means_the_first_page(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, arguments: str
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    assert "Buy my pots" in words(admin.get(f"{QUEUE}?{arguments}"))


@ON_SQLITE
def test_a_page_takes_the_same_statements_however_much_is_on_it(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    def statements() -> int:
        with app.app_context():
            engine = db.engine
        with recorded(engine) as found:
            assert admin.get(QUEUE).status_code == 200
        return len([one for one in found if one.startswith("SELECT")])

    message(app, bob, 3)
    report(susan, "/report/message/1")
    add_report(app, bob, 3, post_id=post(app, bob))
    few = statements()
    for _number in range(10):
        number = post(app, bob)
        for reporter in (bob, 3):
            add_report(app, bob, reporter, post_id=number)
    assert statements() == few


# Deciding


def test_dismissing_changes_nothing_else_and_leaves_later_reports(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    add_report(app, bob, bob, post_id=1)
    add_report(app, bob, 1, post_id=1)
    caplog.set_level("INFO", "microblog.admin")
    page = admin.submit(f"{QUEUE}/2/dismiss", token=admin.csrf_token("/"))
    assert "The report was dismissed." in words(page)
    assert outcomes(app) == ["dismissed", "dismissed", None]
    assert "The administrator alice dismissed the report 2" in caplog.text
    assert "Dismissed" in words(admin.get(RESOLVED))
    assert "by alice" in words(admin.get(RESOLVED))
    assert susan.get("/post/1").status_code == 200
    assert events(app, bob) == []


def test_a_removed_post_is_gone_for_all_and_its_author_cannot_restore_it(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    post(app, bob, "Buy #pots")
    report(susan, "/report/post/1")
    add_report(app, bob, bob, post_id=1)
    author = logged_in(app, "bob")
    token = author.csrf_token("/")
    caplog.set_level("INFO", "microblog.admin")
    page = admin.submit(f"{QUEUE}/1/remove", {"reason": " No ads. "})
    assert "The post was removed. Its author gets an email." in words(page)
    assert outcomes(app) == ["removed", "removed"]
    for reader in (susan, author, Visitor(app)):
        assert reader.get("/post/1").status_code == 404
        assert "#pots" not in words(reader.get("/explore"))
    answer = author.submit("/post/1/restore", token=token)
    assert "This post can't be brought back." in words(answer)
    assert author.get("/post/1").status_code == 404
    with app.app_context():
        removal = db.session.get_one(Removal, 1)
        assert (removal.body, removal.reason) == ("Buy #pots", "No ads.")
        assert removal.removed_by_id == 1
        assert removed_among(db.session, [1, 2]) == {1}
        assert removed_among(db.session, []) == set()
    assert events(app, bob) == [("post_removed", {"by": "alice"})]
    assert "The administrator alice removed the post 1" in caplog.text
    assert "by alice" in words(admin.get(f"/admin/users/{bob}"))
    log = words(author.get("/settings/security"))
    assert "The site's admins removed a post." in log
    assert "alice" not in log
    assert "because: No ads." in words(admin.get(RESOLVED))


def test_a_thread_says_who_took_a_post_away(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    number = post(app, bob)
    susan.submit(f"/post/{number}", {"post": "I answer"})
    report(susan, f"/report/post/{number}")
    assert "Buy my pots" in words(susan.get("/post/2"))
    admin.submit(f"{QUEUE}/1/remove", {"reason": "No ads"})
    for reader in (susan, Visitor(app)):
        said = words(reader.get("/post/2"))
        assert "Removed by the site's admins. " in said
        assert "deleted this post" not in said
        assert "No ads" not in said
        assert "I answer" in said


def test_a_thread_tells_what_its_author_deleted_from_what_was_removed(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    for _number in range(2):
        susan.submit(f"/post/{post(app, bob)}", {"post": "I answer"})
    author = logged_in(app, "bob")
    author.submit("/post/1/delete", token=author.csrf_token("/"))
    assert "bob deleted this post." in words(susan.get("/post/2"))
    assert "Removed by" not in words(susan.get("/post/2"))


def test_a_post_that_its_author_deleted_can_be_removed_for_good(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    author = logged_in(app, "bob")
    token = author.csrf_token("/")
    author.submit("/post/1/delete", token=token)
    assert "The post was removed" in words(admin.submit(f"{QUEUE}/1/remove", {"reason": "No"}))
    assert "can't be brought back" in words(author.submit("/post/1/restore", token=token))


def test_the_author_is_told_why(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, smtp: ScriptedServer
) -> None:
    post(app, bob, "Terracotta pots,\n80% off <now>")
    report(susan, "/report/post/1")
    admin.submit(f"{QUEUE}/1/remove", {"reason": "Advertising isn't allowed."})
    deliver_from(app)
    (mail,) = smtp.received
    assert mail.message["Subject"] == "Your post was removed"
    assert mail.message["To"] == "bob@example.com"
    for expected in ("Advertising isn't allowed.", "Terracotta pots,", "80% off <now>"):
        assert expected in mail.text()
    assert "alice" not in mail.text()
    assert "susan" not in mail.text()


def test_nobody_else_is_told_once_the_author_has_another_address(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, smtp: ScriptedServer
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    admin.submit(f"{QUEUE}/1/remove", {"reason": "No"})
    change(app, bob, email="new@example.com", email_key="new@example.com")
    deliver_from(app)
    assert smtp.received == []


def test_the_mail_is_in_the_authors_language(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    change(app, bob, locale="ru")
    post(app, bob)
    report(susan, "/report/post/1")
    admin.submit(f"{QUEUE}/1/remove", {"reason": "No"})
    assert [(row.kind, row.locale) for row in rows(app)] == [("moderation.post_removed", "ru")]


@ON_SQLITE
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("", "Say why it's removed."),
        (" \u200b ", "Say why it's removed."),
        ("x" * 501, "1 character too long."),
        ("a\u202eb", "Remove the characters that can't be shown."),
        ("a\0b", "Remove the characters that can't be shown."),
    ],
)
def test_a_removal_needs_a_reason(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, reason: str, said: str
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    page = admin.submit(f"{QUEUE}/1/remove", {"reason": reason})
    assert error_beside(page, "reason") == said
    assert outcomes(app) == [None]
    assert susan.get("/post/1").status_code == 200


def test_a_removed_message_has_no_text_any_more(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    message(app, bob, 3, "Meet me")
    with app.app_context(), transaction() as writing:
        writing.get_one(Participation, (3, 1)).unread = 1
    report(susan, "/report/message/1", reason="abuse")
    assert "private message" in words(admin.get(QUEUE))
    assert "Remove this message?" in words(admin.get(f"{QUEUE}/1/remove"))
    assert "The message was removed." in words(admin.submit(f"{QUEUE}/1/remove"))
    assert "Message deleted" in words(susan.get("/messages/bob"))
    with app.app_context():
        assert db.session.scalars(select(Participation.unread)).all() == [0, 0]
        removed = db.session.get_one(PrivateMessage, 1)
        assert (removed.body, removed.deleted_at is None) == ("", False)
    assert events(app, bob) == [("message_removed", {"by": "alice"})]
    resolved = words(admin.get(RESOLVED))
    assert "Meet me" in resolved
    assert "The message has since been deleted." in resolved


@pytest.mark.parametrize("number", ["7", "0", str(2**31), "9" * 40])
def test_a_report_that_is_not_there_or_resolved(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, number: str
) -> None:
    token = admin.csrf_token("/")
    assert admin.get(f"{QUEUE}/{number}/remove").status_code == 404
    for action in ("dismiss", "remove"):
        answer = admin.submit(f"{QUEUE}/{number}/{action}", {"reason": "No"}, token=token)
        assert LATE in words(answer)


def test_what_does_not_exist_any_more_can_only_be_dismissed(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob)
    message(app, bob, 3)
    for path in ("/report/post/1", "/report/message/1"):
        report(susan, path)
    with app.app_context(), transaction() as writing:
        writing.execute(delete(Post))
        writing.execute(delete(PrivateMessage))
    token = admin.csrf_token("/")
    for number in (1, 2):
        answer = admin.submit(f"{QUEUE}/{number}/remove", {"reason": "No"}, token=token)
        assert "It doesn't exist any more. You can dismiss the report." in words(answer)
    admin.submit(f"{QUEUE}/1/dismiss", token=token)
    assert outcomes(app) == ["dismissed", None]


def test_a_report_is_deleted_with_its_author_and_outlives_its_reporter(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob)
    report(susan, "/report/post/1", comment="Third time")
    with app.app_context(), transaction() as writing:
        writing.execute(delete(User).where(User.username == "susan"))
    assert "A deleted account · Advertising or spam" in words(admin.get(QUEUE))
    admin.submit(f"{QUEUE}/1/remove", {"reason": "No"})
    with app.app_context(), transaction() as writing:
        writing.execute(delete(User).where(User.id == bob))
    assert outcomes(app) == []
    with app.app_context():
        assert db.session.scalars(select(Removal)).all() == []


# At the same time


@pytest.mark.parametrize("second", ["remove", "dismiss"])
def test_of_two_administrators_one_decides(
    app: Flask, admin: Visitor, bob: int, susan: Visitor, second: str
) -> None:
    make_admin(app, "carol")
    for number in range(1, 4):
        post(app, bob)
        report(susan, f"/report/post/{number}")

    for number in range(1, 4):
        other = dismiss if second == "dismiss" else remove
        said = at_once(app, partial(remove, number), partial(other, number))
        assert sorted(said) == ["", "ResolvedBeforeError"]
    with app.app_context():
        removed = db.session.scalars(select(Removal.post_id)).all()
        hidden = db.session.scalars(select(Post.id).where(Post.deleted_at.is_not(None))).all()
    assert removed == hidden
    assert len(events(app, bob)) == len(removed)
    assert outcomes(app).count("removed") == len(removed)


def test_a_post_can_be_removed_while_its_author_edits_it(
    app: Flask, admin: Visitor, bob: int, susan: Visitor
) -> None:
    post(app, bob)
    report(susan, "/report/post/1")
    assert at_once(app, partial(remove, 1), partial(edit, bob)) == ["", ""]
    with app.app_context():
        removed = db.session.get_one(Post, 1)
        assert (removed.body, removed.deleted_at is None) == ("", False)
        assert db.session.get_one(Removal, 1).body in {"Buy my pots", "Changed"}


def remove(report_id: int) -> None:
    with transaction() as writing:
        decisions.remove_post(
            writing, current_outbox(), report_id, Actor("alice", 1), scope_now(), reason="No"
        )


def dismiss(report_id: int) -> None:
    with transaction() as writing:
        decisions.dismiss(writing, report_id, Actor("carol", 4), now=utc_now())


def edit(author_id: int) -> None:
    with transaction() as writing:
        own = own_post(writing, 1, author_id)
        if own is not None:
            edit_post(writing, own, "Changed", now=utc_now())
