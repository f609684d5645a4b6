"""`microblog user` and `microblog check` on second factors: removing them, and changing keys."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, update

from microblog.accounts.encryption import key_name
from microblog.accounts.models import Authenticator, RecoveryCode, SecurityEvent, User
from microblog.database import db, transaction
from tests.accounts.authenticator_app import set_up_app
from tests.cli.conftest import Command
from tests.constants import Make
from tests.smtp_server import ScriptedServer
from tests.visitor import Visitor, deliver_from, make_user, words

LOST = ("user", "reset-second-factor", "susan")
REENCRYPT = ("user", "reencrypt")
OLD, NEW, NEWEST = "o" * 40, "n" * 40, "m" * 40


@pytest.fixture
def app(make_app: Make) -> Flask:
    site: Flask = make_app(PUBLIC_URL="http://localhost", SECRET_KEY=OLD)
    return site


@pytest.fixture
def site_environment(site_environment: dict[str, str]) -> dict[str, str]:
    return {**site_environment, "SECRET_KEY": OLD}


def with_app(app: Flask, name: str = "susan") -> Visitor:
    """Somebody who set up an authenticator app, still signed in."""
    make_user(app, name)
    visitor = Visitor(app)
    visitor.log_in(name)
    assert len(set_up_app(visitor).recovery_codes) == 10
    return visitor


def sealed(app: Flask) -> list[bytes]:
    with app.app_context():
        return list(
            db.session.scalars(select(Authenticator.secret).order_by(Authenticator.user_id))
        )


def seal_names(app: Flask) -> list[bytes]:
    """The name of the key that each secret was sealed with."""
    return [secret[: len(key_name(NEW))] for secret in sealed(app)]


def test_a_lost_second_factor_is_removed_and_its_owner_told(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    with_app(app)
    with app.app_context(), transaction() as writing:
        writing.execute(update(User).values(locale="ru"))
    deliver_from(app)
    smtp.received.clear()
    done = microblog("user", "reset-second-factor", "SUSAN")
    assert (done.exit_code, done.stdout, done.stderr) == (
        0,
        "Two-step sign-in is off for susan, and the owner was told.\n",
        "",
    )
    assert sealed(app) == []
    with app.app_context():
        assert db.session.scalars(select(RecoveryCode)).all() == []
        last = db.session.scalars(select(SecurityEvent).order_by(SecurityEvent.id.desc())).first()
        assert last is not None
        assert (last.kind, last.details) == ("second_factor_removed", {"by": "(command line)"})
    deliver_from(app)
    (told,) = smtp.received
    assert told.recipients == ["susan@example.com"]
    assert told.message["Subject"] == "Двухэтапный вход отключён"
    assert "Здравствуйте, susan!" in words(Visitor(app).log_in("susan"))


def test_who_has_no_second_factor_is_not_told_of_one(
    app: Flask, microblog: Command, smtp: ScriptedServer
) -> None:
    make_user(app, "susan")
    done = microblog(*LOST)
    assert (done.exit_code, done.stdout) == (0, "susan has no second factor.\n")
    assert deliver_from(app) == 0
    assert smtp.received == []


def test_a_name_that_nobody_has_loses_nothing(app: Flask, microblog: Command) -> None:
    with_app(app)
    refused = microblog("user", "reset-second-factor", "nobody")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr.startswith("Error: No account has the name 'nobody'.")
    assert len(sealed(app)) == 1


def test_secrets_move_to_the_current_key(app: Flask, microblog: Command) -> None:
    with_app(app)
    with_app(app, "bob")
    before = sealed(app)
    assert seal_names(app) == [key_name(OLD)] * 2
    settings = {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": OLD}
    done = microblog(*REENCRYPT, **settings)
    assert (done.exit_code, done.stdout) == (0, "2 secrets were encrypted with the current key.\n")
    assert seal_names(app) == [key_name(NEW)] * 2
    after = sealed(app)
    assert not set(before) & set(after)
    # What a second run need not touch stays byte for byte, and needs no former key.
    again = microblog(*REENCRYPT, SECRET_KEY=NEW)
    assert (again.exit_code, again.stdout) == (
        0,
        "0 secrets were encrypted with the current key.\n",
    )
    assert sealed(app) == after
    assert not any(key in done.output + again.output for key in (OLD, NEW))


def test_an_app_still_signs_in_after_its_secret_moved(
    app: Flask, microblog: Command, make_app: Make
) -> None:
    make_user(app, "susan")
    owner = Visitor(app)
    owner.log_in("susan")
    phone = set_up_app(owner)
    assert microblog(*REENCRYPT, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=OLD).exit_code == 0
    later = Visitor(make_app(PUBLIC_URL="http://localhost", SECRET_KEY=NEW))
    assert "One more step" in words(later.log_in("susan"))
    page = later.submit("/login/second_step", {"code": phone.unused_code()})
    assert "Hi, susan!" in words(page)


def test_a_secret_that_no_key_opens_is_counted_and_kept(app: Flask, microblog: Command) -> None:
    with_app(app)
    with_app(app, "bob")
    assert microblog(*REENCRYPT, SECRET_KEY=NEW, SECRET_KEY_FALLBACKS=OLD).exit_code == 0
    with app.app_context(), transaction() as writing:
        lost, *_others = writing.scalars(select(Authenticator).order_by(Authenticator.user_id))
        lost.secret = b"\0" * len(lost.secret)
    for moved in (1, 0):
        done = microblog(*REENCRYPT, SECRET_KEY=NEWEST, SECRET_KEY_FALLBACKS=NEW)
        assert done.exit_code == 1
        secrets = "1 secret was" if moved == 1 else "0 secrets were"
        assert done.stdout == f"{secrets} encrypted with the current key.\n"
        assert done.stderr.endswith(
            "Error: 1 secret can't be read: put its key into SECRET_KEY_FALLBACKS.\n"
        )
    assert set(sealed(app)[0]) == {0}
    assert seal_names(app)[1] == key_name(NEWEST)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, []),
        (
            {"SECRET_KEY": NEW, "SECRET_KEY_FALLBACKS": OLD},
            [
                "WARNING: second factors: 1 authenticator app still needs a key in"
                " SECRET_KEY_FALLBACKS. Before you remove it, run: microblog user reencrypt"
            ],
        ),
        (
            {"SECRET_KEY": NEW},
            [
                "WRONG: second factors: 1 authenticator app can't be used: its secret was"
                " encrypted with another key. Put the former SECRET_KEY into SECRET_KEY_FALLBACKS."
            ],
        ),
    ],
    ids=["the same key", "a former key", "no key"],
)
def test_a_check_says_which_keys_are_still_needed(
    app: Flask,
    microblog: Command,
    settings: dict[str, str],
    said: list[str],
) -> None:
    with_app(app)
    checked = microblog("check", **settings)
    lines = checked.stdout.splitlines()
    assert [line for line in lines if ": second factors: " in line] == said
    assert not any(key in checked.output for key in (OLD, NEW))
