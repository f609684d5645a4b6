"""`microblog user invite`: links with which people can join."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from microblog.database import db
from microblog.moderation.models import Invitation
from tests.cli.conftest import Command
from tests.visitor import ON_SQLITE, Visitor, words

INVITE = ("user", "invite")


def test_a_link_is_printed_and_works(app: Flask, microblog: Command) -> None:
    made = microblog(*INVITE, "--uses", "3", "--hours", "2", "--note", "The choir")
    assert made.exit_code == 0, made.output
    link = re.fullmatch(r"https?://[^/]+(/join/[\w-]{43})\n", made.stdout)
    assert link
    with app.app_context():
        stored = db.session.scalars(select(Invitation)).one()
        assert (stored.uses_maximum, stored.note) == (3, "The choir")
        assert stored.ends_at - stored.created_at == timedelta(hours=2)
    assert "Join Microblog" in words(Visitor(app).get(link[1]))


@ON_SQLITE
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--uses", "0"), "0 is not in the range 1<=x<=1000"),
        (("--uses", "1001"), "1001 is not in the range 1<=x<=1000"),
        (("--hours", "0"), "0 is not in the range 1<=x<=8760"),
        (("--hours", "8761"), "8761 is not in the range 1<=x<=8760"),
        (("--note", "x" * 81), "A note has at most 80 characters, all of them visible."),
        (("--note", "a\u202eb"), "A note has at most 80 characters, all of them visible."),
    ],
)
def test_what_cannot_be_is_said(
    app: Flask, microblog: Command, options: tuple[str, ...], said: str
) -> None:
    refused = microblog(*INVITE, *options)
    assert refused.exit_code != 0
    assert said in refused.output
    with app.app_context():
        assert db.session.scalars(select(Invitation)).all() == []


@ON_SQLITE
def test_it_says_that_a_closed_site_lets_nobody_in(microblog: Command) -> None:
    made = microblog(*INVITE, REGISTRATION="closed")
    assert made.exit_code == 0
    assert "REGISTRATION is closed" in made.output
