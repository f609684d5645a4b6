"""Common mistakes in settings, and the hints that the messages give."""

from __future__ import annotations

from pathlib import Path

import pytest

from flask_outbox import parse_address
from microblog.settings import SettingsError, load_settings

KEY = "k3y-for-tests-only_abcdefghijklmnopqrstuvwxyz"


def problem(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> str:
    given = {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com", name: value}
    for one, text in given.items():
        monkeypatch.setenv(one, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(serving=True)
    (sentence,) = caught.value.problems
    return sentence


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("ADMINS", "Admin <a@blog.org>", "write the address alone, like a@blog.org"),
        ("ADMINS", '"Site, The" <a@blog.org>, b@blog.org', "the address alone, like a@blog.org"),
        ("MAIL_SERVER", "smtp://mail.blog.org", "write the name alone, like mail.blog.org"),
        ("MAIL_SERVER", "https://mail.blog.org:587/", "write the name alone, like mail.blog.org"),
        ("MAIL_SERVER", "127.0.0.1:25", "write 127.0.0.1, and MAIL_PORT=25"),
        ("MAIL_SERVER", "mail.blog.org:587", "write mail.blog.org, and MAIL_PORT=587"),
        ("MAIL_SERVER", "[::1]:25", "write [::1], and MAIL_PORT=25"),
        ("MAIL_SERVER", "me@mail.blog.org", "neither a name nor an address of a machine"),
        ("MAIL_SERVER", "mail blog", "neither a name nor an address of a machine"),
        ("MAIL_SERVER", '"mail.blog.org"', "stands in quotation marks"),
        ("PUBLIC_URL", "'https://blog.org'", "stands in quotation marks"),
        ("PUBLIC_URL", "https://<script>", "must be a whole address"),
        ("DATABASE_URL", "postgresql://me:p@hunter2@db/site", "write %40 for @"),
        ("DATABASE_URL", "postgresql://me:p@hunter2/x@db/site", "write %40 for @"),
        ("DATABASE_URL", "postgresql://me:p@hunter2:x@db/site", "is not a database address"),
        ("DATABASE_URL", "postgresql+psycopg2://me@db/site", "begin with postgresql://"),
        ("DATABASE_URL", "postgresql+asyncpg://me@db/site", "begin with postgresql://"),
        ("DATABASE_URL", "sqlite+aiosqlite:///site.db", "begin with sqlite://"),
        ("DATABASE_URL", "sqlite:///site.db?timeout=soon", "behind the question mark"),
        ("DATABASE_URL", "sqlite:///site.db?sslmode=require", "behind the question mark"),
        ("DATABASE_URL", "sqlite:///file::memory:?uri=true", "names no file"),
        ("CELERY_BROKER_URL", "amqp://me:p/hunter2@broker//", "write %40 for @"),
        ("RATELIMIT_STORAGE_URI", "redis://me:p/hunter2@counts:6379", "write %40 for @"),
        ("RATELIMIT_STORAGE_URI", "redis://counts?socket_timeout=soon", "no host, port or"),
    ],
)
def test_the_message_hints_at_the_mistake_and_holds_no_secret(
    name: str, value: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = problem(monkeypatch, name, value)
    assert sentence.startswith(name)
    assert hint in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    "value",
    [
        "mail",
        "mail_server",
        "mail.blog.org.",
        "192.0.2.1",
        "2001:db8::1",
        "[::1]",
        " mail.blog.org ",
    ],
)
def test_names_and_addresses_of_mail_servers_are_accepted(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_SERVER", value)
    assert value.strip(" []") == load_settings().MAIL_SERVER


@pytest.mark.parametrize(
    "key",
    [
        "changeme changeme changeme changeme",
        "change-this-to-a-long-random-secret-key",
        "please-change-me-please-change-me",
        "django-insecure-changeme-changeme-changeme",
        "replace-me-with-a-real-secret-key-please",
        "0123456789abcdef0123456789abcdef",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "qwertyuiopasdfghjklzxcvbnm123456789",
        "Tr0ub4dor&3-x!Tr0ub4dor&3-x!Tr0ub4dor&3-x!",
        "abababababababababababababababababab",
    ],
)
def test_a_key_of_examples_and_repetitions_is_refused(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = problem(monkeypatch, "SECRET_KEY", key)
    assert sentence.startswith("SECRET_KEY is easily guessed.")
    assert key not in sentence


@pytest.mark.parametrize(
    "key",
    [
        "KC-b6AqvH6lKmQZzc2XW5zZ1JgqkWv6b",
        "8e384d88437f108e85a4d4f4d1288038",
        "x9!{|}~@#$%^&*()_+-=[];',./<>?:`",
        "Здравствуй, мир: это тайна сайта",
    ],
)
def test_a_random_key_is_accepted(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", key)
    monkeypatch.setenv("PUBLIC_URL", "https://blog.example.com")
    assert load_settings(serving=True).SECRET_KEY


@pytest.mark.parametrize(
    ("written", "password"),
    [
        ("ab#cd$HOME${USER}x", "ab#cd$HOME${USER}x"),
        ("'ab #cd\\n $HOME'", "ab #cd\\n $HOME"),
        ('"ab #cd \\"x\\" ${USER}"', 'ab #cd "x" ${USER}'),
        ("it's", "it's"),
        ("ab cd  # a comment", "ab cd"),
        ("#ab", "#ab"),
        ("a=b", "a=b"),
    ],
)
def test_a_password_in_the_file_is_taken_literally(
    written: str, password: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables are not expanded, and a # begins a comment only after a blank."""
    file = tmp_path / "site.env"
    file.write_text(f"\ufeffexport MAIL_PASSWORD={written}\r\nMAIL_PORT=2525\r\n")
    monkeypatch.setenv("MICROBLOG_ENV_FILE", str(file))
    settings = load_settings()
    assert settings.MAIL_PASSWORD
    assert settings.MAIL_PASSWORD.get_secret_value() == password
    assert settings.MAIL_PORT == 2525


def test_a_blank_setting_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "site.env"
    file.write_text("MAIL_PORT=2525\nMAIL_SERVER='  '\n")
    monkeypatch.setenv("MICROBLOG_ENV_FILE", str(file))
    monkeypatch.setenv("MAIL_PORT", "  ")
    assert (load_settings().MAIL_PORT, load_settings().MAIL_SERVER) == (2525, "localhost")


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://[::1]:5000", "no-reply@localhost"),
        ("http://my_app:5000", "no-reply@localhost"),
        ("http://example.org.:5000", "no-reply@example.org"),
        ("http://bücher.example.org", "no-reply@xn--bcher-kva.example.org"),
    ],
)
def test_a_site_at_any_host_has_a_valid_sender(
    url: str, sender: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ADMINS and MAIL_DEFAULT_SENDER."""
    monkeypatch.setenv("PUBLIC_URL", url)
    assert load_settings().sender == sender
    assert str(parse_address(sender)) == sender


@pytest.mark.parametrize("text", ["False", "false", "0", "off"])
def test_a_word_for_off_is_off_wherever_it_comes_from(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "site.env"
    file.write_text(f'MAIL_SUPPRESS_SEND="{text}"\nMAIL_USE_TLS={text}\nMAIL_DEBUG="{text}"\n')
    monkeypatch.setenv("MICROBLOG_ENV_FILE", str(file))
    config = load_settings().as_flask_config()
    assert [config[name] for name in ("MAIL_SUPPRESS_SEND", "MAIL_USE_TLS", "MAIL_DEBUG")] == [
        False,
        False,
        False,
    ]
