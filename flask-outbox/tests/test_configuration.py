"""Every MAIL_ setting is read, from text as from a value; a wrong one names itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

import flask_outbox
from flask_outbox import FlaskOutbox
from flask_outbox.application import state_of
from flask_outbox.configuration import KEYS, imap_mailbox
from flask_outbox.feedback.imap import ImapMailbox
from flask_outbox.feedback.mailbox import POLL_MAILBOX
from flask_outbox.message.return_path import ReturnPath

ROOT = Path(__file__).resolve().parent.parent

DAY = timedelta(days=1).total_seconds()


def initialised(**config: Any) -> Flask:
    app = Flask("shop")
    app.config.update({"SECRET_KEY": "any", **config})
    FlaskOutbox(app, sessions=sessionmaker(create_engine("sqlite://")))
    return app


def server(app: Flask) -> Any:
    return app.extensions["mail"].smtp_server


def delivery(app: Flask) -> Any:
    return state_of(app).outbox.delivery


READ: dict[str, tuple[list[Any], Callable[[Flask], Any], Any]] = {
    "MAIL_SERVER": (["mail.example.com"], lambda app: server(app).host, "mail.example.com"),
    "MAIL_PORT": ([587, "587", " 587 "], lambda app: server(app).port, 587),
    "MAIL_USE_TLS": ([True, "true", "1", "on"], lambda app: server(app).use_tls, True),
    "MAIL_USE_SSL": ([False, "False", "0", "off"], lambda app: server(app).use_ssl, False),
    "MAIL_DEBUG": ([True, "yes"], lambda app: server(app).debug, True),
    "MAIL_USERNAME": (["susan"], lambda app: server(app).username, "susan"),
    "MAIL_PASSWORD": (["1234", 1234], lambda app: server(app).password, "1234"),
    "MAIL_MAX_EMAILS": ([9, "9"], lambda app: app.extensions["mail"].max_emails, 9),
    "MAIL_SUPPRESS_SEND": ([True, "true"], lambda app: app.extensions["mail"].suppress, True),
    "MAIL_ASCII_ATTACHMENTS": (
        [True, "t"], lambda app: app.extensions["mail"].ascii_attachments, True,
    ),
    "MAIL_TIMEOUT": ([1.5, "1.5"], lambda app: server(app).timeout, 1.5),
    "MAIL_CA_FILE": (["ca.pem"], lambda app: server(app).ca_file, "ca.pem"),
    "MAIL_EHLO_NAME": (["Web.Example.com"], lambda app: server(app).ehlo_name, "web.example.com"),
    "MAIL_DEFAULT_SENDER": (
        [
            "Ann Lee <ann@example.com>",
            ("Ann Lee", "ann@example.com"),
            ["Ann Lee", "ann@example.com"],
        ],
        lambda app: str(state_of(app).outbox.sender),
        "Ann Lee <ann@example.com>",
    ),
    "ADMINS": (
        [
            ["ann@example.com", "bob@example.com"],
            "ann@example.com,bob@example.com",
            "ann@example.com; bob@example.com",
            " ann@example.com  bob@example.com",
        ],
        lambda app: str(state_of(app).outbox.sender),
        "ann@example.com",
    ),
    "MAIL_CONNECTIONS": ([9, "9"], lambda app: state_of(app).options.connections, 9),
    "MAIL_RETENTION_DAYS": ([0.5, "0.5"], lambda app: state_of(app).options.retention, DAY / 2),
    "MAIL_MAX_BYTES": ([20_000, "20000"], lambda app: state_of(app).outbox.maximum_bytes, 20_000),
    "MAIL_RATE_LIMIT": (
        ["14/second, 500/day", ["14/second", "500/day"], ("14/second", "500/day")],
        lambda app: [(one.count, one.seconds) for one in delivery(app).rate_limits.overall],
        [(14, 1), (500, DAY)],
    ),
    "MAIL_RATE_LIMIT_BY_DOMAIN": (
        ["gmail.com=20/minute, *=5/second", {"gmail.com": "20/minute", "*": "5/second"}],
        lambda app: sorted(delivery(app).rate_limits.by_domain),
        ["*", "gmail.com"],
    ),
    "MAIL_GUARD_MESSAGES": ([7, "7"], lambda app: delivery(app).recipient_limit.messages, 7),
    "MAIL_GUARD_MINUTES": ([2, "2"], lambda app: delivery(app).recipient_limit.seconds, 120),
    "MAIL_GUARD_DAILY": ([7, "7"], lambda app: delivery(app).recipient_limit.daily, 7),
    "MAIL_REDIRECT_TO": (
        ["ann@example.com, bob@example.com", ["ann@example.com", "bob@example.com"]],
        lambda app: [one.mailbox for one in delivery(app).redirect_to],
        ["ann@example.com", "bob@example.com"],
    ),
    "MAIL_RETURN_PATH": (
        ["bounces@Example.com", "Bounces <bounces@example.com>"],
        lambda app: (path := delivery(app).return_path) and path.address.mailbox,
        "bounces@example.com",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, (values, _, _) in READ.items() for value in values]
)
def test_a_setting_is_read_from_text_as_from_a_value(key: str, value: Any) -> None:
    _, read, expected = READ[key]
    assert read(initialised(**{key: value})) == expected


@pytest.mark.parametrize("value", [None, ""])
def test_an_empty_setting_has_its_default(value: Any) -> None:
    app = initialised(**dict.fromkeys(READ, value))
    for key, (_, read, _) in READ.items():
        if key != "MAIL_EHLO_NAME":
            assert read(app) == read(initialised()), key


def test_an_admin_with_a_name_may_be_in_a_text() -> None:
    app = initialised(ADMINS="Ann Lee <ann@example.com>, bob@example.com")
    assert str(state_of(app).outbox.sender) == "Ann Lee <ann@example.com>"


IMAP = {
    "MAIL_IMAP_SERVER": "imap.example.com",
    "MAIL_IMAP_USERNAME": "bounces@example.com",
    "MAIL_IMAP_PASSWORD": "hunter2",
}


def test_the_mailbox_of_bounces_is_read_from_the_settings() -> None:
    assert imap_mailbox({}) is None
    assert imap_mailbox(IMAP) == ImapMailbox("imap.example.com", "bounces@example.com", "hunter2")
    given = {"MAIL_IMAP_PORT": "143", "MAIL_IMAP_FOLDER": "Bounces", "MAIL_TIMEOUT": "5"}
    found = imap_mailbox({**IMAP, **given, "MAIL_IMAP_DONE_FOLDER": "Old", "MAIL_CA_FILE": "a.pem"})
    assert found == ImapMailbox(
        "imap.example.com", "bounces@example.com", "hunter2", 143, "Bounces", "Old", "a.pem", 5.0
    )
    assert POLL_MAILBOX in state_of(initialised(**IMAP)).outbox.periodic_tasks
    assert POLL_MAILBOX not in state_of(initialised()).outbox.periodic_tasks


@pytest.mark.parametrize(
    "wrong",
    [
        {"MAIL_IMAP_USERNAME": None},
        {"MAIL_IMAP_PASSWORD": ""},
        {"MAIL_IMAP_PORT": 70_000},
        {"MAIL_IMAP_PORT": "imaps"},
        {"MAIL_IMAP_DONE_FOLDER": "INBOX"},
    ],
)
def test_a_wrong_mailbox_is_refused_by_its_setting(wrong: dict[str, Any]) -> None:
    (key,) = wrong
    with pytest.raises(ValueError, match=rf"^{key}\b"):
        initialised(**{**IMAP, **wrong})


NO_NUMBERS = ["many", "nan", "inf", "-1", -1, [], True, float("nan")]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(
            (key, value)
            for key in (
                "MAIL_PORT", "MAIL_MAX_EMAILS", "MAIL_TIMEOUT", "MAIL_CONNECTIONS",
                "MAIL_RETENTION_DAYS", "MAIL_MAX_BYTES", "MAIL_GUARD_MESSAGES",
                "MAIL_GUARD_MINUTES", "MAIL_GUARD_DAILY",
            )
            for value in NO_NUMBERS
        ),
        *((key, 1.5) for key in ("MAIL_PORT", "MAIL_CONNECTIONS", "MAIL_GUARD_DAILY")),
        ("MAIL_CONNECTIONS", 0),
        ("MAIL_GUARD_MESSAGES", "0"),
        ("MAIL_MAX_BYTES", 9_999),
        ("MAIL_PORT", 70_000),
        *(
            (key, "maybe")
            for key in (
                "MAIL_USE_TLS", "MAIL_USE_SSL", "MAIL_DEBUG", "MAIL_SUPPRESS_SEND",
                "MAIL_ASCII_ATTACHMENTS",
            )
        ),
        ("MAIL_DEFAULT_SENDER", "nobody"),
        ("MAIL_DEFAULT_SENDER", 3),
        ("ADMINS", ["nobody"]),
        ("ADMINS", "nobody"),
        ("MAIL_RATE_LIMIT", "many"),
        ("MAIL_RATE_LIMIT", ["14/second", "many"]),
        ("MAIL_RATE_LIMIT", 14),
        ("MAIL_RATE_LIMIT_BY_DOMAIN", "gmail.com"),
        ("MAIL_RATE_LIMIT_BY_DOMAIN", {"gmail.com": "many"}),
        ("MAIL_RATE_LIMIT_BY_DOMAIN", {"no domain": "1/second"}),
        ("MAIL_EHLO_NAME", "no domain"),
        ("MAIL_REDIRECT_TO", "nobody"),
        ("MAIL_REDIRECT_TO", " "),
        ("MAIL_RETURN_PATH", "nobody"),
        ("MAIL_RETURN_PATH", '"two words"@example.com'),
        ("MAIL_RETURN_PATH", "bo\u00fcnces@example.com"),
        ("MAIL_RETURN_PATH", f"{'b' * 32}@example.com"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_refused_by_its_name(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{key}\b"):
        initialised(**{key: value})


def test_the_return_path_signs_with_the_secret_key_and_reads_with_former_ones() -> None:
    with pytest.raises(ValueError, match=r"^SECRET_KEY is missing"):
        initialised(MAIL_RETURN_PATH="bounces@example.com", SECRET_KEY=None)
    former = _return_path(SECRET_KEY="old")
    token = former.token(7, "susan@example.com", 0.0)
    for fallbacks in (["older", "old"], "older, old", ("old",), b"old"):
        present = _return_path(SECRET_KEY=b"new", SECRET_KEY_FALLBACKS=fallbacks)
        assert present.read(token, ["susan@example.com"], 0.0)
        assert present.token(7, "susan@example.com", 0.0) != token
    assert not _return_path(SECRET_KEY="new").read(token, ["susan@example.com"], 0.0)
    assert "old" not in repr(former)


@pytest.mark.parametrize("delimiter", ["a", "++", "@", " ", "\u2013"])
def test_a_delimiter_is_one_character_that_an_address_can_have(delimiter: str) -> None:
    with pytest.raises(ValueError, match=r"^MAIL_RETURN_PATH_DELIMITER"):
        _return_path(MAIL_RETURN_PATH_DELIMITER=delimiter)
    sender = _return_path(MAIL_RETURN_PATH_DELIMITER="-").sender_for(1, "susan@example.com", 0.0)
    assert sender.startswith("bounces-")
    sender = _return_path(MAIL_RETURN_PATH_DELIMITER="none").sender_for(1, "susan@example.com", 0.0)
    assert sender == "bounces@example.com"


def _return_path(**config: Any) -> ReturnPath:
    given = {"MAIL_RETURN_PATH": "bounces@example.com", **config}
    made: ReturnPath = delivery(initialised(**given)).return_path
    return made


def test_tokens_are_read_from_the_settings() -> None:
    given = {
        "MAIL_OAUTH_TOKEN_URL": "https://login.example.com/token",
        "MAIL_OAUTH_CLIENT_ID": "shop",
        "MAIL_OAUTH_CLIENT_SECRET": 1234,
        "MAIL_OAUTH_REFRESH_TOKEN": "refresh",
        "MAIL_OAUTH_SCOPE": "mail.send",
    }
    client = server(initialised(**given)).tokens.client
    assert (client.token_url, client.client_id, client.scope) == (
        "https://login.example.com/token", "shop", "mail.send",
    )  # fmt: skip
    assert (client.client_secret, client.refresh_token) == ("1234", "refresh")
    with pytest.raises(ValueError, match=r"^MAIL_OAUTH_TOKEN_URL"):
        initialised(**{**given, "MAIL_OAUTH_TOKEN_URL": "http://login.example.com/token"})


UNSUBSCRIBE = {"MAIL_UNSUBSCRIBE_URL": "https://shop.example.com/unsubscribe"}


def test_links_are_signed_with_a_key_of_their_own_and_read_with_former_ones() -> None:
    def links(*secrets: Any) -> Any:
        keys = {"SECRET_KEY": secrets[0], "SECRET_KEY_FALLBACKS": list(secrets[1:])}
        return delivery(initialised(**keys, **UNSUBSCRIBE)).unsubscribe_links

    made = links("one").link("susan@example.com", "news")
    token = made.removeprefix("https://shop.example.com/unsubscribe/")
    assert links(b"one").read(token) == links("two", "one").read(token) is not None
    assert links("two").read(token) is None
    assert links("one").keys[0] not in {b"one", links("two").keys[0]}


def test_links_need_an_address_and_a_key() -> None:
    assert delivery(initialised(SECRET_KEY="one")).unsubscribe_links is None
    with pytest.raises(ValueError, match=r"^SECRET_KEY is missing, though MAIL_UNSUBSCRIBE_URL"):
        initialised(**UNSUBSCRIBE, SECRET_KEY=None)
    with pytest.raises(ValueError, match=r"^MAIL_UNSUBSCRIBE_URL: 'shop' isn't an address"):
        initialised(SECRET_KEY="one", MAIL_UNSUBSCRIBE_URL="shop")


def test_a_key_and_its_selector_need_each_other() -> None:
    with pytest.raises(ValueError, match=r"^MAIL_DKIM_KEY_FILE is missing"):
        initialised(MAIL_DKIM_SELECTOR="mail")
    with pytest.raises(ValueError, match=r"^MAIL_DKIM_SELECTOR is missing"):
        initialised(MAIL_DKIM_KEY_FILE="key.pem")


def test_a_key_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    given = {"MAIL_DKIM_SELECTOR": "mail", "MAIL_DKIM_KEY_FILE": str(tmp_path / "key.pem")}
    with pytest.raises(ValueError, match=r"^MAIL_DKIM_DOMAIN"):
        initialised(**given)
    with pytest.raises(ValueError, match=r"^MAIL_DKIM_KEY_FILE"):
        initialised(**given, MAIL_DEFAULT_SENDER="shop@example.com")


def test_no_message_tells_a_secret() -> None:
    secret = {"MAIL_PASSWORD": "s3cret", "MAIL_OAUTH_CLIENT_SECRET": "s3cret"}
    with pytest.raises(ValueError, match="MAIL_USE_TLS") as refused:
        initialised(MAIL_USE_TLS=True, MAIL_USE_SSL=True, **secret)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("MAIL_SEVER", "MAIL_SERVER"),
        ("MAIL_USER_TLS", "MAIL_USE_TLS"),
        ("MAIL_RATE_LIMITS", "MAIL_RATE_LIMIT"),
    ],
)
def test_a_misspelt_setting_is_named_in_the_log(
    caplog: pytest.LogCaptureFixture, key: str, meant: str
) -> None:
    initialised(**{key: "x"})
    assert f"{key} is not a setting: do you mean {meant}?" in caplog.text


def test_settings_of_others_are_none_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    initialised(MAIL_INBOX=True, MAIL_TEMPLATES="x", SERVER_NAME="x", MAIL_GUARD="x")
    assert "setting" not in caplog.text


# What stands in the documentation


def test_the_list_of_keys_and_the_readme_have_what_the_code_reads() -> None:
    sources = (ROOT / "src" / "flask_outbox").rglob("*.py")
    read = {
        key
        for path in sources
        if path.name != "configuration.py" or (path.parent.name != "flask_outbox")
        for key in re.findall(r'"(MAIL_[A-Z_]+)"', path.read_text())
    }
    assert read <= set(KEYS)
    readme = (ROOT / "README.md").read_text()
    named = set(re.findall(r"^\| (`MAIL_.*?) \|", readme, re.MULTILINE))
    told = set()
    for cell in named:
        names = re.findall(r"`(\S+?)`", cell)
        prefix = names[0].removesuffix("_TOKEN_URL")
        told |= {name.replace("…", prefix) for name in names}
    assert told == set(KEYS)


def test_each_public_name_says_what_it_is() -> None:
    package = str(flask_outbox.__doc__)
    for name in flask_outbox.__all__:
        found = getattr(flask_outbox, name)
        is_ours = getattr(found, "__module__", "").startswith("flask_outbox")
        if not is_ours:
            # help() shows no docstring of a value, or that of its class.
            assert re.search(rf"\b{name}\b", package) or name.startswith("message_"), name
            continue
        assert vars(found).get("__doc__") or getattr(found, "__doc__", None), name
        for method, value in vars(found).items():
            defined = value.fget if isinstance(value, property) else value
            is_field = inspect.ismemberdescriptor(defined)
            if (
                is_field
                or getattr(defined, "__name__", "_").startswith(("_", "<"))
                or method[0] == "_"
            ):
                continue
            assert defined.__doc__, f"{name}.{method}"
