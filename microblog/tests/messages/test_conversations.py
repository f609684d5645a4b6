"""Conversations as two people see them: writing, reading, listing, deleting."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from microblog.database import db, transaction, utc_now
from microblog.messages import conversations
from microblog.messages.models import Conversation, Participation, PrivateMessage
from microblog.people.models import Block, Follow, Mute
from tests.messages.talking import People
from tests.statements import recorded
from tests.visitor import ON_SQLITE, error_beside, words

REFUSED = "You can't write to this person."


def bodies(html: str) -> list[str]:
    """The texts of the messages on a page, in order."""
    found = re.findall(r'(?s)<p class="bubble[^"]*"[^>]*>(.*?)</p>', html)
    return [re.sub(r"<[^>]+>", "", one) for one in found]


def shown(people: People, reader: str, path: str) -> list[str]:
    return bodies(people.open(reader, path).get_data(as_text=True))


def stored(people: People, table: type) -> int:
    with people.app.app_context():
        return db.session.scalar(select(func.count()).select_from(table)) or 0


def test_both_see_what_they_write_to_each_other_in_its_order(people: People) -> None:
    people.send("susan", "bob", "Could I borrow your baskets?")
    answer = people.send("bob", "susan", "Of course.")
    assert answer.request.path == "/messages/susan"
    expected = ["Could I borrow your baskets?", "Of course."]
    for reader, other in (("susan", "bob"), ("bob", "susan")):
        assert shown(people, reader, f"/messages/{other}") == expected
    assert (stored(people, Conversation), stored(people, Participation)) == (1, 2)


def test_the_list_has_the_newest_conversation_first_and_marks_what_is_new(people: People) -> None:
    for name in ("carol", "dora"):
        people.add(name)
        people.write(name, "susan", f"I am {name}")
    people.write("susan", "bob", "My own words")
    people.open("susan", "/messages/dora")
    page = people.open("susan", "/messages").get_data(as_text=True)
    listed = re.findall(r'(?s)<li( class="new")?>\s*<span class="avatar.*?<bdi>(\w+)</bdi>', page)
    assert listed == [("", "bob"), ("", "dora"), (' class="new"', "carol")]
    for excerpt in ("You: My own words", "I am carol"):
        assert excerpt in page


def test_who_reads_sees_when_it_was_seen(people: People) -> None:
    people.send("susan", "bob")
    assert "seen" not in words(people.open("susan", "/messages/bob"))
    people.open("bob", "/messages/susan")
    assert "· seen" in words(people.open("susan", "/messages/bob"))
    assert "seen" not in words(people.open("bob", "/messages/susan"))


def test_unread_is_counted_by_conversations_and_ends_with_reading(people: People) -> None:
    people.add("carol")
    for sender in ("bob", "bob", "carol"):
        people.write(sender, "susan")
    assert people.unread("susan") == 2
    assert people.participation("susan", "bob").unread == 2
    assert people.unread("bob") == 0
    page = people.open("susan", "/messages")
    assert "Messages 2 new" in words(page)
    assert "2 new notifications" in words(page)
    assert "1 new notification" in words(people.open("susan", "/messages/bob"))
    people.open("susan", "/messages/bob")
    assert (people.unread("susan"), people.participation("susan", "bob").unread) == (1, 0)
    assert people.participation("bob", "susan").read_through_id == 0


def test_counting_what_is_new_ends(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "COUNTED_MAXIMUM", 1)
    people.add("carol")
    for sender in ("bob", "carol"):
        people.write(sender, "susan")
    assert people.unread("susan") == 1


def test_reading_ends_at_what_was_shown(people: People) -> None:
    first, *_between, last = (people.write("bob", "susan", f"Number {one}") for one in range(4))
    own = people.participation("susan", "bob")
    with people.app.app_context(), transaction() as writing:
        conversations.mark_read(
            writing, people.ids["susan"], own.conversation_id, through_id=first + 1
        )
    own = people.participation("susan", "bob")
    assert (own.read_through_id, own.unread) == (first + 1, 2)
    for through in (first, last + 1000):
        with people.app.app_context(), transaction() as writing:
            conversations.mark_read(
                writing, people.ids["susan"], own.conversation_id, through_id=through
            )
    own = people.participation("susan", "bob")
    assert (own.read_through_id, own.unread) == (last, 0)


def test_an_earlier_page_marks_nothing_as_read(people: People) -> None:
    last = [people.write("bob", "susan", f"Number {one}") for one in range(3)][-1]
    assert shown(people, "susan", f"/messages/bob?before={last}") == ["Number 0", "Number 1"]
    assert people.participation("susan", "bob").unread == 3


def test_pages_of_messages_and_of_conversations(
    people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversations, "PAGE_SIZE", 2)
    for number in range(5):
        people.write("bob", "susan", f"Number {number}")
    path, seen = "/messages/bob", []
    while path:
        page = people.open("susan", path).get_data(as_text=True)
        seen.append(bodies(page))
        found = re.search(r'rel="prev" href="([^"]+)"', page)
        path = found[1] if found else ""
    assert seen == [["Number 3", "Number 4"], ["Number 1", "Number 2"], ["Number 0"]]
    for name in ("carol", "dora", "erin"):
        people.add(name)
        people.write(name, "susan")
    first = people.open("susan", "/messages").get_data(as_text=True)
    assert re.findall("<bdi>(.*?)</bdi>", first) == ["erin", "dora"]
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following
    second = people.open("susan", following[1]).get_data(as_text=True)
    assert re.findall("<bdi>(.*?)</bdi>", second) == ["carol", "bob"]
    assert 'rel="next"' not in second


def test_newer_messages_come_as_a_part_of_the_page_and_are_read(people: People) -> None:
    first = people.write("bob", "susan", "Number 0")
    people.open("susan", "/messages/bob")
    for number in (1, 2):
        people.write("bob", "susan", f"Number {number}")
    part = people.open("susan", f"/messages/bob/newer?after={first}")
    html = part.get_data(as_text=True)
    assert bodies(html) == ["Number 1", "Number 2"]
    assert "<html" not in html
    assert "Today" not in html, "the day stands above the first message already"
    assert part.headers["Cache-Control"] == "no-store"
    assert people.participation("susan", "bob").unread == 0
    assert shown(people, "susan", f"/messages/bob/newer?after={first + 2}") == []


def test_days_are_headings_and_one_time_stands_below_a_group(people: People) -> None:
    ids = [people.write("susan", "bob", f"Number {one}") for one in range(4)]
    moments = [timedelta(days=400), timedelta(days=1), timedelta(0), timedelta(0)]
    with people.app.app_context(), transaction() as writing:
        for number, ago in zip(ids, moments, strict=True):
            writing.execute(
                update(PrivateMessage)
                .where(PrivateMessage.id == number)
                .values(created_at=utc_now() - ago)
            )
    page = people.open("susan", "/messages/bob").get_data(as_text=True)
    days = re.findall(r'<h2 class="day">(.*?)</h2>', page)
    assert days[1:] == ["Yesterday", "Today"]
    year = (utc_now() - moments[0]).year
    assert str(year) in days[0]
    assert page.count('<p class="stamp') == 3


# Deleting


def test_a_deleted_message_leaves_a_line_and_no_text(people: People) -> None:
    number = people.write("susan", "bob", "A secret")
    assert people.unread("bob") == 1
    answer = people.browsers["susan"].submit(f"/messages/bob/delete/{number}", token=token(people))
    assert "Your message was deleted." in words(answer)
    for reader, other in (("susan", "bob"), ("bob", "susan")):
        assert shown(people, reader, f"/messages/{other}") == ["Message deleted"]
        assert "Message deleted" in words(people.open(reader, "/messages"))
    assert people.unread("bob") == 0
    with people.app.app_context():
        assert db.session.scalars(select(PrivateMessage.body)).all() == [""]


def token(people: People, name: str = "susan") -> str:
    return people.browsers[name].csrf_token("/")


def test_nobody_deletes_what_somebody_else_wrote(people: People) -> None:
    number = people.write("bob", "susan", "Mine")
    people.add("carol")
    for name in ("susan", "carol"):
        answer = people.browsers[name].submit(
            f"/messages/bob/delete/{number}", token=token(people, name)
        )
        assert answer.status_code == 404
    assert shown(people, "susan", "/messages/bob") == ["Mine"]


def test_a_deleted_conversation_is_gone_for_one_and_begins_anew(people: People) -> None:
    people.write("susan", "bob", "Old")
    people.write("bob", "susan", "Old answer")
    page = people.browsers["susan"].submit("/messages/bob/delete", {"through": newest(people)})
    assert "The conversation was deleted." in words(page)
    assert "No messages yet" in words(page)
    assert shown(people, "susan", "/messages/bob") == []
    assert shown(people, "bob", "/messages/susan") == ["Old", "Old answer"]
    people.write("bob", "susan", "New")
    assert shown(people, "susan", "/messages/bob") == ["New"]
    assert shown(people, "bob", "/messages/susan") == ["Old", "Old answer", "New"]


def newest(people: People) -> int:
    with people.app.app_context():
        return db.session.scalar(select(func.max(PrivateMessage.id))) or 0


def test_what_came_after_the_question_is_not_deleted(people: People) -> None:
    through = people.write("bob", "susan", "Old")
    people.write("bob", "susan", "New")
    people.browsers["susan"].submit("/messages/bob/delete", {"through": through})
    assert people.participation("susan", "bob").unread == 1
    assert shown(people, "susan", "/messages/bob") == ["New"]


def test_what_both_deleted_is_removed(people: People) -> None:
    through = [people.write("bob", "susan", f"Number {one}") for one in range(3)][-1]
    people.browsers["susan"].submit("/messages/bob/delete", {"through": through - 1})
    people.browsers["bob"].submit("/messages/susan/delete", {"through": through})
    assert stored(people, PrivateMessage) == 1
    people.browsers["susan"].submit("/messages/bob/delete", {"through": through})
    assert (stored(people, PrivateMessage), stored(people, Conversation)) == (0, 0)
    people.write("susan", "bob", "Again")
    assert shown(people, "bob", "/messages/susan") == ["Again"]


# Statements


@ON_SQLITE
def test_the_number_of_statements_does_not_grow(people: People) -> None:
    def statements(path: str) -> int:
        people.open("susan", path)
        with people.app.app_context(), recorded(db.engine) as found:
            people.open("susan", path)
        return len(found)

    people.add("carol")
    for name in ("bob", "carol"):
        people.write(name, "susan")
    paths = ("/messages", "/messages/bob", "/messages/bob/newer?after=1")
    few = [statements(path) for path in paths]
    for name in ("dora", "erin", "frida"):
        people.add(name)
        people.write(name, "susan")
        people.write("bob", "susan", "https://www.example.com/ #garden @carol")
        people.write("susan", "bob")
    assert [statements(path) for path in paths] == few


# Who may write


@pytest.mark.parametrize(
    ("senders", "before", "accepted"),
    [
        ("everybody", "", True),
        ("following", "", False),
        ("following", "writer follows", False),
        ("following", "receiver follows", True),
        ("following", "receiver wrote", True),
        ("following", "writer wrote", False),
        ("following", "receiver wrote and deleted", False),
        ("nobody", "", False),
        ("nobody", "receiver follows", False),
        ("nobody", "receiver wrote", False),
    ],
)
def test_people_choose_who_writes_to_them(
    people: People, senders: str, before: str, accepted: bool
) -> None:
    susan, bob = people.ids["susan"], people.ids["bob"]
    if before == "receiver follows":
        people.add_row(Follow(follower_id=bob, followed_id=susan))
    elif before == "writer follows":
        people.add_row(Follow(follower_id=susan, followed_id=bob))
    elif before == "writer wrote":
        people.write("susan", "bob", "Earlier")
    elif before:
        through = people.write("bob", "susan", "Earlier")
        if before.endswith("deleted"):
            people.browsers["bob"].submit("/messages/susan/delete", {"through": through})
    people.choose("bob", senders)
    assert ('name="message"' in people.open("susan", "/messages/bob").get_data(as_text=True)) is (
        accepted
    )
    assert ("/messages/bob" in people.open("susan", "/user/bob").get_data(as_text=True)) is accepted
    answer = people.send("susan", "bob", "What I typed")
    assert (REFUSED in words(answer)) is not accepted
    assert "What I typed" in words(answer)
    assert ("What I typed" in shown(people, "bob", "/messages/susan")) is accepted


def test_who_gets_no_messages_is_told_that_nobody_can_answer(people: People) -> None:
    people.choose("susan", "nobody")
    page = people.open("susan", "/messages/bob")
    assert "You don't get messages, so bob can't reply." in words(page)
    people.send("susan", "bob", "An announcement")
    assert REFUSED in words(people.open("bob", "/messages/susan"))


# The matrix: who reads the list and the conversation, and who writes

MATRIX = {
    # the other's relation: (is listed, status of the page, texts shown, is written, has a badge)
    "member": (True, 200, True, True, True),
    "muted": (True, 200, True, True, False),
    "muting": (True, 200, True, True, True),
    "blocked": (False, 200, False, False, False),
    "blocking": (False, 404, False, False, False),
    "disabled": (False, 404, False, False, False),
    "being deleted": (False, 404, False, False, False),
    "unconfirmed": (True, 200, True, True, True),
}


@pytest.mark.parametrize("relation", MATRIX)
def test_what_a_reader_sees_and_does_by_what_the_other_is(people: People, relation: str) -> None:
    people.write("susan", "bob", "Hello bob")
    people.write("bob", "susan", "Hello susan")
    susan, bob = people.ids["susan"], people.ids["bob"]
    rows = {
        "muted": Mute(muter_id=susan, muted_id=bob),
        "muting": Mute(muter_id=bob, muted_id=susan),
        "blocked": Block(blocker_id=susan, blocked_id=bob),
        "blocking": Block(blocker_id=bob, blocked_id=susan),
    }
    changes: dict[str, dict[str, Any]] = {
        "disabled": {"disabled_at": utc_now()},
        "being deleted": {"deletes_at": utc_now() + timedelta(days=7)},
        "unconfirmed": {"email_verified_at": None},
    }
    if relation in rows:
        people.add_row(rows[relation])
    if relation in changes:
        people.change("bob", changes[relation])
    is_listed, status, is_shown, is_written, has_badge = MATRIX[relation]
    assert (people.unread("susan") == 1) is has_badge
    assert ("<bdi>bob</bdi>" in people.open("susan", "/messages").get_data(as_text=True)) is (
        is_listed
    )
    page = people.open("susan", "/messages/bob")
    assert page.status_code == status
    assert ("Hello susan" in words(page)) is is_shown
    part = people.open("susan", "/messages/bob/newer?after=0")
    assert ("Hello susan" in words(part)) is is_shown
    answer = people.send("susan", "bob", "What I typed")
    assert (REFUSED in words(answer)) is not is_written
    assert "What I typed" in words(answer)
    assert stored(people, PrivateMessage) == 2 + is_written
    may = "/messages/bob" in people.open("susan", "/user/bob").get_data(as_text=True)
    assert may is is_written


def test_whoever_comes_back_finds_the_conversation_as_it_was(people: People) -> None:
    people.write("bob", "susan", "Hello susan")
    people.change("bob", {"disabled_at": utc_now()})
    assert shown(people, "susan", "/messages/bob") == []
    people.change("bob", {"disabled_at": None})
    assert people.unread("susan") == 1
    assert shown(people, "susan", "/messages/bob") == ["Hello susan"]


def test_the_unconfirmed_read_and_do_not_write(people: People) -> None:
    carol = people.add("carol", verified=False)
    people.write("susan", "carol", "Hello carol")
    assert shown(people, "carol", "/messages/susan") == ["Hello carol"]
    answer = people.send("carol", "susan", "What I typed")
    assert "Confirm your email before writing messages." in error_beside(answer, "message")
    assert "What I typed" in words(answer)
    assert "/messages/susan" not in carol.get("/user/susan").get_data(as_text=True)
    with pytest.raises(conversations.CannotWriteError):
        people.write("carol", "susan")


@pytest.mark.parametrize(
    "path", ["/messages", "/messages/bob", "/messages/bob/delete", "/settings/messages"]
)
def test_strangers_are_sent_to_sign_in(people: People, path: str) -> None:
    stranger = people.app.test_client()
    assert stranger.get(path).location.startswith("/login")


def test_others_see_nothing_of_a_conversation(people: People) -> None:
    number = people.write("susan", "bob", "A secret")
    people.add("carol")
    for path in ("/messages", "/messages/bob", "/messages/bob/newer?after=0", "/messages/susan"):
        assert "A secret" not in people.open("carol", path).get_data(as_text=True)
    assert people.open("carol", "/messages/bob/delete").status_code == 404
    assert number


# Settings


def test_the_setting_is_kept_and_can_be_chosen_again(people: People) -> None:
    for choice in ("nobody", "following", "everybody"):
        page = people.browsers["bob"].submit("/settings/messages", {"senders": choice})
        assert "Your changes have been saved." in words(page)
        assert f'<option selected value="{choice}">' in page.get_data(as_text=True)
    page = people.browsers["bob"].submit("/settings/messages", {"senders": "friends"})
    assert error_beside(page, "senders")
    assert "aren't end-to-end encrypted" in words(page)


# Bad input


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("", "Write something first."),
        (" \n ", "Write something first."),
        ("\u200b\u2060", "Write something first."),
        ("x" * 2001, "1 character too long."),
        ("x" * 10_000, "8000 characters too long."),
        ("x" * 100_000, "98000 characters too long."),
        ("a\0b", "Remove the characters that can't be shown."),
        ("abc \u202egnp.exe", "Remove the characters that can't be shown."),
        ("a\ud800b".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), ""),
        ("e" + "\u0301" * 30, "One character has too many accent marks."),
        ("x" * 2000, ""),
        ("👩‍👩‍👧‍👦" * 2000, ""),
    ],
)
@ON_SQLITE
def test_texts_that_are_not_accepted(people: People, body: str, error: str) -> None:
    answer = people.send("susan", "bob", body)
    assert answer.status_code == 200
    assert error_beside(answer, "message") == error
    assert stored(people, PrivateMessage) == (not error)


NAMES = ["nobody", "susan", "SUSAN", "%00", "bob%00", "%ED%A0%80", "x" * 10_000, "%E2%80%AEbob"]


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_found_under_such_a_name(people: People, name: str) -> None:
    for path in (f"/messages/{name}", f"/messages/{name}/newer", f"/messages/{name}/delete"):
        assert people.open("susan", path).status_code == 404
    answer = people.send("susan", name, "What I typed")
    assert answer.status_code == 404
    for sentence in (REFUSED, "What I typed"):
        assert sentence in words(answer)
    assert stored(people, PrivateMessage) == 0


@pytest.mark.parametrize(
    "number", ["0", "999999999", "2147483648", "9" * 30, "-1", "x", "", "%00", "1e3"]
)
def test_ids_that_are_none(people: People, number: str) -> None:
    people.write("bob", "susan", "Hello susan")
    for path in (
        f"/messages?before={number}",
        f"/messages/bob?before={number}",
        f"/messages/bob/newer?after={number}",
    ):
        assert people.open("susan", path).status_code == 200
    if number:
        answer = people.browsers["susan"].submit(
            f"/messages/bob/delete/{number}", token=token(people)
        )
        assert answer.status_code == 404
    page = people.browsers["susan"].submit("/messages/bob/delete", {"through": number})
    assert page.status_code == 200


@ON_SQLITE
def test_no_form_is_taken_without_its_token(people: People) -> None:
    number = people.write("susan", "bob", "Hello")
    for path in (
        "/messages/bob",
        "/messages/bob/delete",
        f"/messages/bob/delete/{number}",
        "/settings/messages",
    ):
        answer = people.browsers["susan"].submit(
            path, {"message": "Hi", "senders": "nobody", "through": number}, token="wrong"
        )
        assert answer.status_code == 400
    assert stored(people, PrivateMessage) == 1
    assert people.participation("susan", "bob").deleted_through_id == 0
    assert people.open("susan", f"/messages/bob/delete/{number}").status_code == 405
