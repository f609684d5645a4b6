"""People report what others wrote: whoever can see it, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest
from flask import Flask
from sqlalchemy import delete, select

from microblog.blog.models import Post
from microblog.database import db, transaction, utc_now
from microblog.messages.models import Participation, PrivateMessage
from microblog.moderation import reports as rules
from microblog.moderation.models import Report
from microblog.people.models import Block, Mute
from tests.admin.conftest import logged_in, make_admin
from tests.moderation.conftest import change, message, post, report
from tests.visitor import ON_SQLITE, Visitor, error_beside, make_user, words

POST, MESSAGE = "/report/post/1", "/report/message/1"
REPORTED = "Reported. The site's admins will look at it."
BEFORE = "You've already reported this."
OWN = "You can't report what you wrote yourself."
CONFIRM = "Confirm your email before reporting anything."


@pytest.fixture
def bob(app: Flask) -> int:
    return make_user(app, "bob")


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


def reported(app: Flask) -> list[Report]:
    with app.app_context():
        return list(db.session.scalars(select(Report).order_by(Report.id)))


# What is reported


def test_the_text_is_kept_as_it_was(app: Flask, bob: int, susan: int) -> None:
    post(app, bob, "Buy #pots from @susan")
    visitor = logged_in(app, "susan")
    page = visitor.get(POST)
    assert "Report this post" in words(page)
    assert "Buy #pots from @susan" in words(page)
    answer = report(visitor, POST, reason="abuse", comment="  Third time\r\ntoday ")
    assert REPORTED in words(answer)
    assert answer.request.path == "/post/1"
    logged_in(app, "bob").submit("/post/1/edit", {"post": "Nothing to see"})
    (found,) = reported(app)
    assert (found.reporter_id, found.author_id, found.post_id) == (susan, bob, 1)
    assert (found.body, found.reason) == ("Buy #pots from @susan", "abuse")
    assert found.comment == "Third time\ntoday"
    assert found.resolved_at is None


def test_a_message_is_reported_by_whom_it_was_sent_to(app: Flask, bob: int, susan: int) -> None:
    message(app, bob, susan, "Meet me")
    visitor = logged_in(app, "susan")
    page = visitor.get(MESSAGE)
    assert "Report this message" in words(page)
    assert "Meet me" in words(page)
    assert REPORTED in words(report(visitor, MESSAGE))
    (found,) = reported(app)
    assert (found.author_id, found.message_id, found.post_id) == (bob, 1, None)
    assert found.body == "Meet me"


@pytest.mark.parametrize("path", [POST, MESSAGE])
def test_a_second_report_gets_friendly_words(app: Flask, bob: int, susan: int, path: str) -> None:
    post(app, bob)
    message(app, bob, susan)
    visitor = logged_in(app, "susan")
    assert REPORTED in words(report(visitor, path))
    assert BEFORE in words(report(visitor, path, reason="other"))
    assert [one.reason for one in reported(app)] == ["spam"]


@ON_SQLITE
def test_one_person_reports_so_many_things_a_day(
    app: Flask, bob: int, susan: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "DAILY_MAXIMUM", 2)
    for _number in range(3):
        post(app, bob)
    visitor = logged_in(app, "susan")
    said = [words(report(visitor, f"/report/post/{number}")) for number in (1, 2, 3)]
    assert "You've reported 2 things today. Try again tomorrow." in said[-1]
    with app.app_context(), transaction() as writing:
        for one in writing.scalars(select(Report)):
            one.created_at = utc_now() - rules.DAY
    assert REPORTED in words(report(visitor, "/report/post/3"))


@ON_SQLITE
def test_the_menu_of_posts_by_others_leads_there(app: Flask, bob: int, susan: int) -> None:
    post(app, bob)
    link = 'href="/report/post/1"'
    for path in ("/explore", "/post/1", "/user/bob"):
        assert logged_in(app, "susan").get(path).text.count(link) == 1
        assert link in Visitor(app).get(path).text
        assert link not in logged_in(app, "bob").get(path).text


@ON_SQLITE
def test_the_menu_of_messages_by_the_other_leads_there(app: Flask, bob: int, susan: int) -> None:
    message(app, bob, susan)
    link = 'href="/report/message/1?next=/messages/bob"'
    visitor = logged_in(app, "susan")
    assert visitor.get("/messages/bob").text.count(link) == 1
    assert "/report/" not in logged_in(app, "bob").get("/messages/susan").text
    answer = visitor.submit("/report/message/1?next=/messages/bob", {"reason": "spam"})
    assert answer.request.path == "/messages/bob"


# Who can report

WHO = (
    "a member",
    "an administrator",
    "who muted the author",
    "whom the author muted",
    "who blocked the author",
    "whom the author blocked",
    "of a disabled author",
    "of an author who leaves",
    "an unconfirmed member",
)


def become(app: Flask, who: str, bob: int, susan: int) -> None:
    """Let susan be who reports what bob wrote."""
    relations = {
        "who muted the author": Mute(muter_id=susan, muted_id=bob),
        "whom the author muted": Mute(muter_id=bob, muted_id=susan),
        "who blocked the author": Block(blocker_id=susan, blocked_id=bob),
        "whom the author blocked": Block(blocker_id=bob, blocked_id=susan),
    }
    states: dict[str, tuple[int, dict[str, object]]] = {
        "an administrator": (susan, {"is_admin": True}),
        "of a disabled author": (bob, {"disabled_at": utc_now()}),
        "of an author who leaves": (bob, {"deletes_at": utc_now()}),
        "an unconfirmed member": (susan, {"email_verified_at": None}),
    }
    if who in relations:
        with app.app_context(), transaction() as writing:
            writing.add(relations[who])
    if who in states:
        person, values = states[who]
        change(app, person, **values)


SEES = {"a member", "an administrator", "who muted the author", "whom the author muted"}
SEES_MESSAGES = SEES | {"who blocked the author", "whom the author blocked"}


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(("path", "allowed"), [(POST, SEES), (MESSAGE, SEES_MESSAGES)])
def test_whoever_sees_it_reports_it(
    app: Flask, bob: int, susan: int, who: str, path: str, allowed: set[str]
) -> None:
    post(app, bob)
    message(app, bob, susan)
    visitor = logged_in(app, "susan")
    become(app, who, bob, susan)
    page, answer = visitor.get(path), report(visitor, path)
    if who in allowed:
        assert page.status_code == 200
        assert REPORTED in words(answer)
    elif who == "an unconfirmed member":
        assert page.status_code == 200
        assert error_beside(answer, "comment") == CONFIRM
    else:
        assert (page.status_code, answer.status_code) == (404, 404)
    assert len(reported(app)) == (who in allowed)


@ON_SQLITE
@pytest.mark.parametrize("path", [POST, MESSAGE])
def test_strangers_sign_in_first(app: Flask, bob: int, susan: int, path: str) -> None:
    post(app, bob)
    message(app, bob, susan)
    stranger = Visitor(app)
    token = stranger.csrf_token("/login")
    for answer in (stranger.get(path), stranger.submit(path, {"reason": "spam"}, token=token)):
        assert answer.request.path == "/login"
    assert reported(app) == []


@ON_SQLITE
@pytest.mark.parametrize("path", [POST, MESSAGE])
def test_nobody_reports_themselves(app: Flask, bob: int, susan: int, path: str) -> None:
    post(app, bob)
    message(app, bob, susan)
    visitor = logged_in(app, "bob")
    assert OWN in words(visitor.get(path))
    assert OWN in words(report(visitor, path))
    assert reported(app) == []


@ON_SQLITE
def test_nobody_reports_a_message_between_others(app: Flask, bob: int, susan: int) -> None:
    message(app, bob, susan)
    make_admin(app)
    visitor = logged_in(app, "alice")
    assert visitor.get(MESSAGE).status_code == 404
    assert report(visitor, MESSAGE).status_code == 404


@ON_SQLITE
def test_what_was_deleted_cannot_be_reported(app: Flask, bob: int, susan: int) -> None:
    post(app, bob)
    message(app, bob, susan)
    with app.app_context(), transaction() as writing:
        writing.get_one(Post, 1).deleted_at = utc_now()
        writing.get_one(PrivateMessage, 1).deleted_at = utc_now()
    visitor = logged_in(app, "susan")
    for path in (POST, MESSAGE):
        assert visitor.get(path).status_code == report(visitor, path).status_code == 404


@ON_SQLITE
def test_a_message_that_its_receiver_deleted_cannot_be_reported(
    app: Flask, bob: int, susan: int
) -> None:
    message(app, bob, susan)
    with app.app_context(), transaction() as writing:
        writing.get_one(Participation, (susan, 1)).deleted_through_id = 1
    assert report(logged_in(app, "susan"), MESSAGE).status_code == 404


# Bad input


@ON_SQLITE
@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("reason", "", "Choose what's wrong with it."),
        ("reason", "nonsense", "Choose what's wrong with it."),
        ("reason", "spam\0", "Choose what's wrong with it."),
        ("comment", "x" * 501, "1 character too long."),
        ("comment", "x" * 10_000, "9500 characters too long."),
        ("comment", "a\0b", "Remove the characters that can't be shown."),
        ("comment", "a\u202eb", "Remove the characters that can't be shown."),
        ("comment", "e" + "\u0301" * 100, "One character has too many accent marks."),
    ],
)
def test_bad_input_is_explained_beside_the_field_and_kept(
    app: Flask, bob: int, susan: int, field: str, value: str, said: str
) -> None:
    post(app, bob)
    page = report(logged_in(app, "susan"), POST, **{field: value})
    assert page.status_code == 200
    assert error_beside(page, field) == said
    assert reported(app) == []


@ON_SQLITE
def test_what_was_chosen_and_typed_is_kept(app: Flask, bob: int, susan: int) -> None:
    post(app, bob)
    page = report(logged_in(app, "susan"), POST, reason="illegal", comment="x" * 501).text
    assert "x" * 501 in page
    assert 'checked class="form-check-input" id="reason-2"' in page


@ON_SQLITE
@pytest.mark.parametrize("kind", ["post", "message"])
@pytest.mark.parametrize("number", ["2", "0", str(2**31 - 1), str(2**31), "9" * 40, "x", "%00"])
def test_other_addresses_are_not_found(
    app: Flask, bob: int, susan: int, kind: str, number: str
) -> None:
    post(app, bob)
    visitor = logged_in(app, "susan")
    path = f"/report/{kind}/{number}"
    assert visitor.get(path).status_code == report(visitor, path).status_code == 404


@ON_SQLITE
@pytest.mark.parametrize(
    ("origin", "then"),
    [
        ("", "/post/1"),
        ("?next=/explore?before%3D9", "/explore?before=9"),
        ("?next=https://evil.example", "/"),
    ],
)
def test_who_reports_goes_back_to_where_they_were(
    app: Flask, bob: int, susan: int, origin: str, then: str
) -> None:
    post(app, bob)
    visitor = logged_in(app, "susan")
    assert f'href="{then}"' in visitor.get(POST + origin).text
    answer = visitor.submit(POST + origin, {"reason": "spam"}, follow=False)
    assert answer.headers["Location"] == then


# At the same time


def test_a_report_that_is_sent_many_times_at_once_counts_once(
    app: Flask, bob: int, susan: int
) -> None:
    post(app, bob)
    outcomes = at_once(app, *[partial(send, susan)] * 4)
    assert sorted(outcomes) == ["", *["ReportedBeforeError"] * 3]
    assert len(reported(app)) == 1


def test_a_post_can_be_reported_while_its_row_is_deleted(app: Flask, bob: int, susan: int) -> None:
    for _try in range(5):
        number = post(app, bob)
        result = at_once(app, partial(send, susan, number), partial(delete_row, number))
        assert set(result) <= {"", "NotReportableError"}
    assert all(one.post_id is None for one in reported(app))


def delete_row(post_id: int) -> None:
    with transaction() as writing:
        writing.execute(delete(Post).where(Post.id == post_id))


def send(reporter_id: int, post_id: int = 1) -> None:
    with transaction() as writing:
        rules.report_post(
            writing, reporter_id, post_id, reason=rules.Reason.SPAM, comment="", now=utc_now()
        )


def at_once(app: Flask, *actions: Callable[[], None]) -> list[str]:
    """Run all of them concurrently; the names of the errors that they raised, empty for none."""
    barrier, outcomes = threading.Barrier(len(actions)), list[str]()

    def run(action: Callable[[], None]) -> None:
        with app.app_context():
            barrier.wait(30)
            try:
                action()
            except Exception as error:  # noqa: BLE001 - the test looks at each
                outcomes.append(type(error).__name__)
            else:
                outcomes.append("")

    threads = [threading.Thread(target=run, args=[action]) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes
