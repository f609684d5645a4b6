"""Mail of lists leaves with links, and not to those who have unsubscribed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import dkim
import pytest
from flask import Flask
from nacl.signing import SigningKey

from flask_outbox import (
    ComposeContext,
    Discard,
    Email,
    EmailType,
    MessageEvent,
    Outbox,
    OutboxError,
    Status,
    current_outbox,
    message_discarded,
    message_suppressed,
    parse_address,
)
from flask_outbox.application import make_dispatcher
from flask_outbox.dev.previews import preview
from flask_outbox.message.dkim import DkimSigner
from flask_outbox.message.unsubscribe_links import Subscription, UnsubscribeLinks
from flask_outbox.outbox.opt_outs import ALL_LISTS, OptOutReason, opt_in, opt_out
from tests.application import db, transaction
from tests.databases import ON_SQLITE
from tests.outbox_rows import rows
from tests.smtp_server import ScriptedServer
from tests.statements import recorded

SUSAN = "susan@example.com"
LINKS = UnsubscribeLinks("https://shop.example.com/unsubscribe", (b"k" * 32,))


def compose(_session: Any, context: ComposeContext) -> Email | Discard:
    return Email("News", f"News. End them: {context.unsubscribe_url}\n")


@pytest.fixture
def outbox(app: Flask) -> Iterator[Outbox]:
    with app.app_context():
        made = current_outbox()
        made.delivery = replace(made.delivery, unsubscribe_links=LINKS)
        made.register(EmailType("shop.news", compose, list="news"))
        made.register(EmailType("shop.receipt", compose))
        yield made


def send(app: Flask, *kinds: str, to: str = SUSAN) -> None:
    outbox = current_outbox()
    with transaction() as writing:
        for kind in kinds:
            outbox.enqueue(writing, kind, to)
    make_dispatcher(app).drain()


def end(list_name: str, **options: Any) -> None:
    with transaction() as writing:
        opt_out(writing, SUSAN, list_name, now=current_outbox().clock(), **options)


def outcomes(app: Flask) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.status, one.answer) for one in rows(app)]


def test_mail_of_a_list_has_links_in_its_headers_and_its_text(
    app: Flask, outbox: Outbox, smtp: ScriptedServer
) -> None:
    send(app, "shop.news", to="Susan@Example.com")
    (received,) = smtp.wait_for(1)
    link = LINKS.link(SUSAN, "news")
    assert received.message["List-Unsubscribe"] == f"<{link}>"
    assert received.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert received.message["List-Id"] == "<news.example.com>"
    assert link in received.text()
    assert LINKS.read(link.rpartition("/")[2]) == Subscription(SUSAN, "news")
    assert outbox.lists == ("news",)


@pytest.mark.usefixtures("outbox")
def test_mail_without_a_list_has_none(app: Flask, smtp: ScriptedServer) -> None:
    send(app, "shop.receipt")
    (received,) = smtp.wait_for(1)
    assert not [name for name in received.message if name.lower().startswith("list-")]
    assert received.text() == "News. End them: \n"


@pytest.mark.usefixtures("outbox")
@pytest.mark.parametrize(
    ("list_name", "reason", "words"),
    [
        ("news", OptOutReason.UNSUBSCRIBED, "Its recipient unsubscribed from the list 'news'."),
        (ALL_LISTS, OptOutReason.COMPLAINT, "Its recipient called mail spam"),
        (ALL_LISTS, OptOutReason.BOUNCES, "Mail to the address bounced for days"),
        ("news", OptOutReason.OPERATOR, "An operator ended mail of the list 'news'"),
    ],
)
def test_mail_of_an_ended_list_is_discarded_and_all_other_leaves(
    app: Flask, smtp: ScriptedServer, list_name: str, reason: OptOutReason, words: str
) -> None:
    end(list_name, reason=reason)
    heard: list[tuple[str, str]] = []

    def suppressed(_sender: object, event: MessageEvent) -> None:
        heard.append(("suppressed", event.type))

    def discarded(_sender: object, event: MessageEvent) -> None:
        heard.append(("discarded", event.type))

    with (
        message_suppressed.connected_to(suppressed, app),
        message_discarded.connected_to(discarded, app),
    ):
        send(app, "shop.news", "shop.receipt")
    (received,) = smtp.wait_for(1)
    assert received.recipients == [SUSAN]
    (news, receipt) = outcomes(app)
    assert news[:2] == ("shop.news", Status.DISCARDED)
    assert (news[2] or "").startswith(words)
    assert receipt[:2] == ("shop.receipt", Status.SENT)
    assert heard == [("suppressed", "shop.news")]


@ON_SQLITE
def test_who_unsubscribes_while_a_message_is_composed_does_not_get_it(
    app: Flask, outbox: Outbox, smtp: ScriptedServer
) -> None:
    def slow(_session: Any, context: ComposeContext) -> Email:
        end("slow")
        return Email("News", context.unsubscribe_url)

    outbox.register(EmailType("shop.slow", slow, list="slow"))
    send(app, "shop.slow")
    assert [one[1] for one in outcomes(app)] == [Status.DISCARDED]
    assert not smtp.received


@pytest.mark.usefixtures("outbox")
def test_who_unsubscribes_while_a_message_waits_for_its_next_attempt_does_not_get_it(
    app: Flask, smtp: ScriptedServer
) -> None:
    smtp.script["rcpt"] = ["450 4.2.0 later"]
    send(app, "shop.news")
    assert [one[1] for one in outcomes(app)] == [Status.DEFERRED]
    end("news")
    with transaction() as writing:
        for row in rows(app):
            writing.merge(row).due_at = 0.0
    make_dispatcher(app).drain()
    assert [one[1] for one in outcomes(app)] == [Status.DISCARDED]
    assert not smtp.received


@pytest.mark.usefixtures("outbox")
def test_who_comes_back_gets_mail_again(app: Flask, smtp: ScriptedServer) -> None:
    end("news")
    with transaction() as writing:
        opt_in(writing, SUSAN, "news")
    send(app, "shop.news")
    smtp.wait_for(1)


@ON_SQLITE
@pytest.mark.parametrize(
    "composed",
    [
        Email("News", "News.", to=[SUSAN, "bob@example.com"]),
        Email("News", "News.", to=SUSAN, bcc="bob@example.com"),
        Email("News", "News.", to="bob@example.com"),
        Email("News", "News.", headers={"list-unsubscribe": "<https://x.example/>"}),
    ],
)
def test_mail_that_its_links_do_not_fit_never_leaves(
    app: Flask, outbox: Outbox, smtp: ScriptedServer, composed: Email
) -> None:
    outbox.register(EmailType("shop.wrong", lambda _session, _context: composed, list="wrong"))
    send(app, "shop.wrong")
    ((_, status, answer),) = outcomes(app)
    assert status == Status.DEAD
    assert (answer or "").startswith("It could not be composed: ")
    assert not smtp.received


@ON_SQLITE
def test_without_a_page_for_unsubscribing_nobody_begins_to_deliver(
    app: Flask, outbox: Outbox
) -> None:
    outbox.delivery = replace(outbox.delivery, unsubscribe_links=None)
    with pytest.raises(OutboxError, match=r"'news' needs a page.*MAIL_UNSUBSCRIBE_URL"):
        make_dispatcher(app)


@pytest.mark.usefixtures("outbox")
def test_mail_without_a_list_costs_no_statement_more(app: Flask) -> None:
    def statements(kind: str) -> int:
        with recorded(db.engine) as made:
            send(app, kind)
        return len([one for one in made if "mail_opt_outs" in one])

    assert statements("shop.receipt") == 0
    assert statements("shop.news") == 1


@ON_SQLITE
def test_a_signature_covers_the_headers_of_lists(
    app: Flask, outbox: Outbox, smtp: ScriptedServer
) -> None:
    key = SigningKey.generate()
    public = base64.b64encode(bytes(key.verify_key))
    sign = DkimSigner(base64.b64encode(bytes(key)), "mail", "example.com")
    outbox.delivery = replace(outbox.delivery, sign=sign)
    send(app, "shop.news")
    (received,) = smtp.wait_for(1)

    def is_genuine(content: bytes) -> bool:
        return bool(dkim.verify(content, dnsfunc=lambda _name, **_: b"k=ed25519; p=" + public))

    assert is_genuine(received.content)
    for name in (b"List-Id", b"List-Unsubscribe", b"List-Unsubscribe-Post"):
        assert not is_genuine(received.content.replace(name + b": ", name + b": x", 1))
        assert not is_genuine(name + b": <https://evil.example>\r\n" + received.content)


@ON_SQLITE
def test_a_preview_shows_the_link(app: Flask, outbox: Outbox) -> None:
    def sample(_session: Any, locale: str) -> ComposeContext:
        return ComposeContext(parse_address(SUSAN), locale, {}, 0.0, 1)

    outbox.register(EmailType("shop.shown", compose, list="shown", sample=sample))
    shown = preview(outbox, "shop.shown", "en")
    assert shown is not None
    assert LINKS.link(SUSAN, "shown") in shown.email.text


@pytest.mark.parametrize("name", ["", "News", "a b", "a_b", ".a", "a..b", "é", "a" * 65, "a\n"])
def test_what_cannot_name_a_list_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a list"):
        EmailType("any", compose, list=name)


@pytest.mark.parametrize("name", ["a", "news", "shop.news-2", "a" * 64])
def test_what_can_name_a_list(name: str) -> None:
    assert EmailType("any", compose, list=name).list == name


def test_a_list_has_links_of_its_own_and_no_way_back() -> None:
    with pytest.raises(ValueError, match="leave unsubscribe= out"):
        EmailType("any", compose, list="news", unsubscribe=lambda _to, _arguments: "https://x/")
    with pytest.raises(ValueError, match="leave list= out"):
        EmailType("any", compose, list="news", way_back=True)
