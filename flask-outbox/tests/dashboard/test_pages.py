"""The pages about the outbox: search, history, retry, cancel, and lifting suppressions."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from html import unescape
from urllib.parse import quote, urlencode

import pytest
from flask import Flask
from flask_babel import Babel
from werkzeug.test import TestResponse

from flask_outbox import current_outbox, send_email
from flask_outbox.outbox import suppressions
from flask_outbox.outbox.email_types import DAY, HOUR
from flask_outbox.outbox.models import Status
from tests.application import db, transaction
from tests.dashboard.conftest import (
    NOW,
    Operator,
    enqueue,
    error_beside,
    numbers_in,
    words,
    write,
)
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.statements import recorded

REFUSAL = "550 5.7.1 Your domain is on <our> list"


@pytest.fixture
def three_messages(app: Flask, smtp: ScriptedServer, deliver: Callable[[], int]) -> None:
    """1 was sent, 2 was refused for good, 3 waits."""
    smtp.script["rcpt:bob@example.com"] = REFUSAL
    for name in ("susan", "bob"):
        enqueue(app, f"{name}@example.com")
    deliver()
    enqueue(app)


# The list


@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("", [3, 2, 1]),
        ("address=SUSAN%40example.com", [3, 1]),
        ("address=+ob%40exam+", [2]),
        ("address=%25", []),
        ("address=_____%40example.com", []),
        ("address=2", [2]),
        ("address=%233", [3]),
        ("address=999999999999999999", []),
        ("address=" + "9" * 40, []),
        ("status=waiting", [3]),
        ("status=dead", [2]),
        ("status=queued", [3]),
        ("kind=shop.reset", [3, 2, 1]),
        ("kind=shop.news", []),
        ("since=2020-01-01", [3, 2, 1]),
        ("until=2020-01-01T10%3A30", []),
        ("since=2020-01-01+10%3A30&until=2100-01-01&status=sent&address=susan", [1]),
        ("before=nonsense", [3, 2, 1]),
        ("before=1.0-1", []),
        ("since=&until=&address=&status=&kind=", [3, 2, 1]),
    ],
)
def test_messages_are_found(operator: Operator, asked: str, found: list[int]) -> None:
    assert listed(operator, f"/mail?{asked}") == found


@ON_SQLITE
@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("since", "yesterday", "Enter a date and time like 2026-02-28 13:30."),
        ("since", "2026-02-30", "Enter a date and time like 2026-02-28 13:30."),
        ("until", "13:30", "Enter a date and time like 2026-02-28 13:30."),
        ("until", "2019-12-31", "Choose an end after the start."),
        ("address", "a\0b", "Remove the characters that can't be shown."),
        ("address", "x" * 321, "Use at most 320 characters."),
        ("status", "nonsense", "Choose one from the list."),
        ("kind", "nonsense", "Choose one from the list."),
    ],
)
def test_bad_input_is_explained_beside_the_field_and_kept(
    operator: Operator, field: str, typed: str, said: str
) -> None:
    values = {"since": "2020-01-01T00:00", "address": "susan", field: typed}
    page = operator.get("/mail?" + urlencode(values))
    assert page.status_code == 200
    assert error_beside(page, field) == said
    assert "<title>Error: Mail</title>" in page.text
    assert re.findall(r'name="(\w+)"[^>]* autofocus>', page.text) == [field], "it takes the focus"
    shown = values.keys() & {"since", "until", "address"}
    assert {name: value_in(page, name) for name in shown} == {name: values[name] for name in shown}
    assert numbers_in(page.text) == []


@ON_SQLITE
@pytest.mark.usefixtures("three_messages")
def test_moments_are_in_the_readers_time_zone(app: Flask, operator: Operator) -> None:
    posted = rows(app)[0].created_at
    tokyo = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(posted + 9 * HOUR - 120))
    assert listed(operator, f"/mail?since={quote(tokyo)}") == []
    Babel(app, timezone_selector=lambda: "Asia/Tokyo")
    assert listed(operator, f"/mail?since={quote(tokyo)}") == [3, 2, 1]
    assert value_in(operator.get(f"/mail?since={quote(tokyo)}"), "since") == tokyo


@ON_SQLITE
@pytest.mark.usefixtures("three_messages")
def test_a_message_is_found_by_its_message_id(app: Flask, operator: Operator) -> None:
    message_id = rows(app)[1].message_id
    assert message_id.startswith("<")
    assert listed(operator, f"/mail?address={quote(message_id)}") == [2]


def test_pages_continue_without_gap_or_repetition(app: Flask, operator: Operator) -> None:
    write(app, *[{"created_at": NOW + number // 7} for number in range(120)])
    seen: list[int] = []
    page = operator.get("/mail?address=susan")
    for _ in range(3):
        seen += numbers_in(page.text)
        older = re.search(r'rel="next" href="([^"]+)"', page.text)
        if not older:
            break
        assert "address=susan" in older[1]
        page = operator.get(older[1].replace("&amp;", "&"))
    assert not older
    assert seen == list(range(120, 0, -1))
    assert "Newest" in words(page)


@ON_SQLITE
def test_the_address_of_the_next_page_holds_the_forms_fields_alone(
    app: Flask, operator: Operator
) -> None:
    write(app, *[{}] * 60)
    page = operator.get("/mail?_external=1&_scheme=javascript&status=sent&x=y")
    older = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert older
    assert re.fullmatch(r"/mail\?status=sent&amp;before=[\d.]+-\d+", older[1])


@ON_SQLITE
def test_an_empty_outbox_has_a_page_that_says_so(operator: Operator) -> None:
    assert "No messages are waiting." in words(operator.get("/mail"))
    assert "Nothing yet." in words(operator.get("/mail"))
    assert "No messages found." in words(operator.get("/mail?status=dead"))


@pytest.mark.parametrize("asked", ["", "?status=sent"])
def test_a_page_takes_a_fixed_number_of_statements(
    app: Flask, operator: Operator, asked: str
) -> None:
    write(app, {})
    few = statements(app, operator, f"/mail{asked}")
    write(app, *[{"status": status} for status in Status for _ in range(10)])
    many = statements(app, operator, f"/mail{asked}")
    assert len(many) == len(few)
    assert len(few) <= 7


# The figures of the outbox


@pytest.mark.usefixtures("three_messages")
def test_the_statistics_of_the_outbox_are_shown(operator: Operator) -> None:
    said = words(operator.get("/mail"))
    assert re.search(r"1 message has been waiting for \d+ seconds?\.", said)
    assert re.search(r"1 waiting \(urgent\), oldest: \d+ seconds?", said)
    assert "1 Sent" in said
    assert "1 Failed" in said


def test_outcomes_are_shown_as_a_chart_and_a_table(app: Flask, operator: Operator) -> None:
    now = time.time()
    write(
        app,
        *[{"settled_at": now - 2 * HOUR}] * 30,
        {"settled_at": now - 2 * HOUR, "status": Status.DEAD},
        {"settled_at": now - 46.5 * HOUR, "status": Status.EXPIRED},
        {"settled_at": now - 60 * HOUR, "status": Status.CANCELLED},
    )
    page = operator.get("/mail")
    bars = re.findall(r'<rect class="outbox-fill-(\w+)" x="(\d+)" y="([\d.]+)"', page.text)
    assert [(status, int(x) // 10) for status, x, _ in bars][1:] == [("sent", 45), ("dead", 45)]
    assert bars[0][0] == "expired"
    assert float(bars[2][2]) >= 0, "it sticks out"
    assert 'aria-label="At most 31 in one hour.' in page.text
    table = re.search(r"(?s)<tbody>(.*?)</tbody>", page.text)
    assert table
    assert len(re.findall("<tr>", table[1])) == 2
    assert re.search(r"30\s*</td>\s*<td[^>]*>\s*0\s*</td>\s*<td[^>]*>\s*1", table[1])
    assert "style=" not in page.text


# One message


@pytest.mark.usefixtures("three_messages")
def test_the_history_of_a_message_has_the_servers_words(app: Flask, operator: Operator) -> None:
    page = operator.get("/mail/2")
    assert "Failed It was refused for good" in words(page)
    assert "bob@example.com" in words(page)
    assert "5.7.1 Your domain is on <our> list" in words(page)
    assert "<our>" not in page.text
    moments = re.findall(r'<time datetime="([^"]+)">', page.text)
    assert len(moments) == 2, "created, and its one attempt"
    assert "Send again…" in words(page)
    assert "Cancel message…" not in words(page)


@pytest.mark.usefixtures("three_messages")
def test_a_waiting_message_shows_its_next_attempt(operator: Operator) -> None:
    said = words(operator.get("/mail/3"))
    assert "Not tried yet." in said
    assert "Next attempt" in said
    assert "Expires" in said
    assert "Cancel message…" in said


@ON_SQLITE
def test_the_timeline_ends_with_what_no_attempt_did(app: Flask, operator: Operator) -> None:
    failed = {"attempt": 1, "at": NOW - 60, "status": "deferred", "answer": "connect: nobody"}
    cancelled = {"status": Status.CANCELLED, "answer": "An operator cancelled it."}
    write(app, {**cancelled, "history": [failed]})
    moments = re.findall(r'<time datetime="([^"]+)">', operator.get("/mail/1").text)
    times = [datetime.fromisoformat(one).timestamp() for one in moments]
    assert times == [NOW, NOW - 60, NOW - DAY], "cancelled, tried, created"


@ON_SQLITE
def test_our_own_answers_are_in_the_readers_language(app: Flask, operator: Operator) -> None:
    own = "The process died during an attempt."
    failed = {"attempt": 1, "at": NOW, "status": "dead", "answer": own}
    write(app, {"status": Status.DEAD, "answer": own, "history": [failed]})
    assert "The process stopped during an attempt." in words(operator.get("/mail/1"))
    Babel(app, locale_selector=lambda: "ru")
    assert "Процесс остановился во время попытки." in words(operator.get("/mail/1"))


@ON_SQLITE
def test_the_text_of_a_message_is_never_shown(app: Flask, operator: Operator) -> None:
    with app.app_context():
        send_email("the secret subject", None, ["bob@example.com"], "the secret text")
    for address in ("/mail", "/mail/1", "/mail/1/cancel"):
        page = operator.get(address)
        assert page.status_code == 200
        assert "bob@example.com" in page.text
        assert "secret" not in page.text


@ON_SQLITE
@pytest.mark.parametrize("number", ["7", "0", str(2**63), "9" * 40])
@pytest.mark.parametrize("action", ["", "/retry", "/cancel"])
def test_a_message_that_does_not_exist_is_not_found(
    operator: Operator, number: str, action: str
) -> None:
    assert operator.get(f"/mail/{number}{action}").status_code == 404


def test_an_old_message_shows_no_address(app: Flask, operator: Operator) -> None:
    write(app, {"recipient": "sha256:abc", "reduced": True, "status": Status.DEAD})
    page = operator.get("/mail/1")
    assert "Address deleted" in words(page)
    assert "sha256" not in page.text
    assert "Send again…" not in words(page)
    refused = operator.get("/mail/1/retry")
    assert "This message is too old: its address was deleted." in words(refused)


# Again, and not at all


@pytest.mark.usefixtures("three_messages")
def test_a_message_is_sent_again_after_a_confirmation(
    app: Flask,
    operator: Operator,
    smtp: ScriptedServer,
    deliver: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken: list[Sequence[int]] = []
    with app.app_context():
        monkeypatch.setattr(current_outbox().wakeup, "wake", woken.append)
    smtp.script.clear()
    page = operator.get("/mail/2/retry")
    assert "Send this message again? To bob@example.com" in words(page)
    assert rows(app)[1].status == Status.DEAD, "looking changes nothing"
    with caplog.at_level(logging.INFO, "flask_outbox.dashboard"):
        said = words(operator.submit("/mail/2/retry"))
    assert "Message queued again." in said
    assert woken == [[2]]
    assert [
        record.getMessage() for record in caplog.records if record.name == "flask_outbox.dashboard"
    ] == ["queued message 2 (shop.reset) again"]
    deliver()
    assert rows(app)[1].status == Status.SENT


@pytest.mark.usefixtures("three_messages")
def test_a_message_is_cancelled_after_a_confirmation(
    app: Flask,
    operator: Operator,
    smtp: ScriptedServer,
    deliver: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "Cancel this message?" in words(operator.get("/mail/3/cancel"))
    assert rows(app)[2].status == Status.QUEUED, "looking changes nothing"
    with caplog.at_level(logging.INFO, "flask_outbox.dashboard"):
        said = words(operator.submit("/mail/3/cancel"))
    assert "Message cancelled." in said
    assert "Cancelled An administrator cancelled it." in said
    assert "cancelled message 3 (shop.reset)" in caplog.text
    before = len(smtp.received)
    assert deliver() == 0
    assert len(smtp.received) == before


@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/mail/1/retry", "This message is already waiting or sent."),
        ("/mail/3/retry", "This message is already waiting or sent."),
        ("/mail/1/cancel", "This message is no longer waiting."),
        ("/mail/2/cancel", "This message is no longer waiting."),
    ],
)
def test_an_impossible_action_is_explained_and_changes_nothing(
    app: Flask, operator: Operator, caplog: pytest.LogCaptureFixture, address: str, said: str
) -> None:
    before = states(app)
    token = operator.csrf_token("/mail/3/cancel")
    assert said in words(operator.get(address))
    assert said in words(operator.submit(address, token=token))
    assert states(app) == before
    assert "flask_outbox.dashboard" not in {record.name for record in caplog.records}


def test_an_action_on_a_message_that_changed_meanwhile_is_explained(
    app: Flask, operator: Operator, deliver: Callable[[], int]
) -> None:
    enqueue(app)
    token = operator.csrf_token("/mail/1/cancel")
    deliver()
    assert "no longer waiting" in words(operator.submit("/mail/1/cancel", token=token))
    assert rows(app)[0].status == Status.SENT


# Suppressed addresses


def test_a_suppressed_address_is_allowed_again(
    app: Flask,
    operator: Operator,
    smtp: ScriptedServer,
    deliver: Callable[[], int],
    caplog: pytest.LogCaptureFixture,
) -> None:
    smtp.script["rcpt"] = ["550 5.1.1 Nobody of that name lives here"]
    enqueue(app)
    deliver()
    assert "Nothing is sent to this address" in words(operator.get("/mail/1"))
    assert "allow the address first" in words(operator.get("/mail/1/retry"))
    listed_ones = operator.get("/mail/suppressed")
    assert "susan@example.com" in words(listed_ones)
    assert "5.1.1 Nobody of that name lives here" in words(listed_ones)
    lift = "/mail/suppressed/lift?address=susan@example.com"
    assert f'href="{lift}"' in listed_ones.text
    assert "Allow this address?" in words(operator.get(lift))
    with caplog.at_level(logging.INFO, "flask_outbox.dashboard"):
        said = words(operator.submit(lift, {"address": "susan@example.com"}))
    assert "Mail to susan@example.com is allowed again." in said
    assert "allowed mail to susan@example.com again" in caplog.text
    operator.submit("/mail/1/retry")
    deliver()
    assert rows(app)[0].status == Status.SENT


def test_suppressed_addresses_are_found_and_come_in_pages(app: Flask, operator: Operator) -> None:
    with app.app_context(), transaction() as writing:
        condemned = [(f"user{number:03}@example.com", "550 5.1.1") for number in range(60)]
        suppressions.suppress(writing, condemned, now=NOW)
    page = operator.get("/mail/suppressed?address=USER0")
    first = shown_addresses(page)
    more = re.search(r'rel="next" href="([^"]+)"', page.text)
    assert more
    page = operator.get(more[1].replace("&amp;", "&"))
    assert "address=USER0" in more[1]
    second = shown_addresses(page)
    assert first + second == [f"user{number:03}@example.com" for number in range(60)]
    assert 'rel="next"' not in page.text
    found = operator.get("/mail/suppressed?address=059")
    assert shown_addresses(found) == ["user059@example.com"]
    assert "No addresses found." in words(operator.get("/mail/suppressed?address=nobody"))


@ON_SQLITE
def test_an_empty_list_of_suppressed_addresses_says_what_would_be_in_it(operator: Operator) -> None:
    said = words(operator.get("/mail/suppressed"))
    assert "No addresses yet. An address appears here once" in said


@pytest.mark.parametrize("address", ["nobody%40example.com", "", "%00", "a%00b", "%ff"])
def test_an_address_that_is_not_suppressed_is_explained(operator: Operator, address: str) -> None:
    page = operator.get(f"/mail/suppressed/lift?address={address}")
    assert "This address isn't suppressed." in words(page)
    assert operator.get(f"/mail/suppressed?after={address}").status_code == 200


# Helpers


def listed(operator: Operator, address: str) -> list[int]:
    page = operator.get(address)
    assert page.status_code == 200
    return numbers_in(page.text)


def shown_addresses(page: TestResponse) -> list[str]:
    """The suppressed addresses that the page lists."""
    return re.findall(r'<bdi class="outbox-to">([^<]+)</bdi>', page.text)


def value_in(page: TestResponse, field: str) -> str:
    """The value in this field of the form."""
    found = re.search(rf'name="{field}" type="[a-z-]+" value="([^"]*)"', page.text)
    assert found, f"the page has no field {field}"
    return unescape(found[1])


def states(app: Flask) -> list[tuple[int, str, int]]:
    return [(row.id, row.status, row.attempts) for row in rows(app)]


def statements(app: Flask, operator: Operator, address: str) -> list[str]:
    with app.app_context():
        engine = db.engine
    with recorded(engine) as found:
        assert operator.get(address).status_code == 200
    return [statement for statement in found if statement.startswith("SELECT")]
