"""Addresses of accounts: the quoted form of an old one works everywhere"""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from flask_outbox import AddressError, address_key, parse_address
from flask_outbox.outbox.suppressions import suppress, suppressions
from microblog.accounts.models import User
from microblog.database import db, transaction
from tests.smtp_server import ScriptedServer
from tests.visitor import ON_SQLITE, Visitor, deliver_from, mailed_link, words

DOTTED = '"old..times"@example.com'


@ON_SQLITE
def test_a_quoted_address_works_from_sign_up_to_log_in(
    app: Flask, visitor: Visitor, smtp: ScriptedServer
) -> None:
    visitor.register("susan", email=DOTTED)
    deliver_from(app)
    assert smtp.received[-1].recipients == [DOTTED]
    # The parser of the standard library would drop the quotes.
    assert f"\r\nTo: <{DOTTED}>\r\n".encode() in smtp.received[-1].content
    assert "Hi, susan!" in words(visitor.log_in(DOTTED))
    visitor = Visitor(app)
    visitor.ask_for_reset(DOTTED)
    deliver_from(app)
    visitor.choose_password(mailed_link(smtp), "a brand new password")
    assert "Hi, susan!" in words(visitor.log_in(DOTTED, password="a brand new password"))
    with app.app_context():
        assert db.session.scalar(select(User.email_key)) == DOTTED
        with transaction() as session:
            suppress(session, [(DOTTED, "550 5.1.1 Nobody")], now=0)
            assert [one.address_key for one in suppressions(session, address_key(DOTTED))] == [
                DOTTED
            ]


@pytest.mark.parametrize("value", ['"a..b"@example.com', '".a"@example.com', '"a."@example.com'])
def test_dots_between_quotes_are_an_address_for_people(value: str) -> None:
    assert parse_address(value, public=True).mailbox == value


@pytest.mark.parametrize("value", ['"a b"@example.com', '"a@b"@example.com', '"a,b"@example.com',
                                   '"<a>"@example.com', "a..b@example.com"])  # fmt: skip
def test_what_else_can_be_quoted_is_none_for_people(value: str) -> None:
    with pytest.raises(AddressError):
        parse_address(value, public=True)
