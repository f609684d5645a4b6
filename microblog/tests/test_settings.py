"""All settings, from the environment and from a file, and the messages about wrong ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from flask_outbox import Message
from microblog.app import create_app
from microblog.settings import (
    ServingSettings,
    Settings,
    SettingsError,
    as_environment,
    load_settings,
)

TOPIC = "arn:aws:sns:eu-west-1:123456789012:mail"

KEY = "k3y-for-tests-only_abcdefghijklmnopqrstuvwxyz"

GIVEN: dict[str, tuple[str, Any]] = {
    "SECRET_KEY": (KEY, KEY),
    "SECRET_KEY_FALLBACKS": ("former-key-1, former-key-2", ("former-key-1", "former-key-2")),
    "DATABASE_URL": (
        "postgres://site:pw@db.example/site",
        "postgresql+psycopg://site:pw@db.example/site",
    ),
    "INSTANCE_PATH": ("somewhere/else", Path("somewhere/else")),
    "PUBLIC_URL": ("https://blog.example.com/", "https://blog.example.com"),
    "ADMINS": ("one@example.com; two@example.com", ("one@example.com", "two@example.com")),
    "MAIL_SERVER": ("smtp.example.com", "smtp.example.com"),
    "MAIL_PORT": ("587", 587),
    "MAIL_USE_TLS": ("1", True),
    "MAIL_USE_SSL": ("0", False),
    "MAIL_DEBUG": ("yes", True),
    "MAIL_USERNAME": ("mailer", "mailer"),
    "MAIL_OAUTH_TOKEN_URL": (
        "https://login.example.com/tenant/token",
        "https://login.example.com/tenant/token",
    ),
    "MAIL_OAUTH_CLIENT_ID": ("client-1", "client-1"),
    "MAIL_OAUTH_CLIENT_SECRET": ("cl~ie#nt", "cl~ie#nt"),
    "MAIL_OAUTH_REFRESH_TOKEN": ("1//0re-fresh", "1//0re-fresh"),
    "MAIL_OAUTH_SCOPE": ("https://example.com/a offline", "https://example.com/a offline"),
    "MAIL_PASSWORD": ("pa ss#wo=rd", "pa ss#wo=rd"),
    "MAIL_DEFAULT_SENDER": ("site@example.com", "site@example.com"),
    "MAIL_MAX_EMAILS": ("50", 50),
    "MAIL_SUPPRESS_SEND": ("on", True),
    "MAIL_REDIRECT_TO": ("qa@example.com, dev@example.com", ("qa@example.com", "dev@example.com")),
    "MAIL_ASCII_ATTACHMENTS": ("true", True),
    "MAIL_TIMEOUT": ("2.5", 2.5),
    "MAIL_EHLO_NAME": ("WWW.exämple.com", "www.xn--exmple-cua.com"),
    "MAIL_CA_FILE": (__file__, Path(__file__)),
    "MAIL_DKIM_KEY_FILE": ("keys/site.pem", Path("keys/site.pem")),
    "MAIL_DKIM_SELECTOR": ("s2026.mail", "s2026.mail"),
    "MAIL_DKIM_DOMAIN": ("Exämple.com", "xn--exmple-cua.com"),
    "MAIL_RETURN_PATH": ("bounces@example.com", "bounces@example.com"),
    "MAIL_RETURN_PATH_DELIMITER": ("-", "-"),
    "MAIL_IMAP_SERVER": ("imap.example.com", "imap.example.com"),
    "MAIL_IMAP_PORT": ("143", 143),
    "MAIL_IMAP_USERNAME": ("bounces@example.com", "bounces@example.com"),
    "MAIL_IMAP_PASSWORD": ("pa ss#wo=rd", "pa ss#wo=rd"),
    "MAIL_IMAP_FOLDER": ("Bounces", "Bounces"),
    "MAIL_IMAP_DONE_FOLDER": ("Old", "Old"),
    "MAIL_WEBHOOK_SES_TOPICS": (f"{TOPIC}, {TOPIC}-2", (TOPIC, f"{TOPIC}-2")),
    "MAIL_WEBHOOK_POSTMARK_LOGIN": ("postmark:pa ss#wo=rd-pa ss",) * 2,
    "MAIL_WEBHOOK_MAILGUN_KEY": ("key-0123456789abcdef",) * 2,
    "MAIL_CONNECTIONS": ("7", 7),
    "MAIL_MAX_BYTES": ("50000", 50000),
    "MAIL_GUARD_MESSAGES": ("5", 5),
    "MAIL_GUARD_MINUTES": ("0.5", 0.5),
    "MAIL_GUARD_DAILY": ("20", 20),
    "MAIL_RATE_LIMIT": ("30/minute, 10000/day", "30/minute, 10000/day"),
    "MAIL_RATE_LIMIT_BY_DOMAIN": ("gmail.com=20/minute,*=5/second",) * 2,
    "MAIL_RETENTION_DAYS": ("90", 90.0),
    "RESET_LINK_SECONDS": ("900", 900),
    "RATELIMIT_ENABLED": ("off", False),
    "RATELIMIT_STORAGE_URI": ("redis://counts.example:6379", "redis://counts.example:6379"),
    "CELERY_BROKER_URL": ("amqps://site:pw@broker.example//", "amqps://site:pw@broker.example//"),
    "CELERY_QUEUE_PREFIX": ("blog.one", "blog.one"),
    "WEB_CONCURRENCY": ("4", 4),
    "TRUSTED_PROXIES": ("2", 2),
    "GRAVATAR": ("yes", True),
    "REGISTRATION": ("closed", "closed"),
    "METRICS_TOKEN": ("monitoring-1", "monitoring-1"),
    "LOG_FILE": ("logs/site.log", Path("logs/site.log")),
    "LOG_FORMAT": ("json", "json"),
    "LOG_MAX_BYTES": ("0", 0),
    "LOG_BACKUP_COUNT": ("30", 30),
    "DEBUG": ("1", True),
    "TESTING": ("t", True),
}

DEFAULTS: dict[str, Any] = {
    "MAIL_SERVER": "localhost",
    "MAIL_PORT": 25,
    "MAIL_USE_TLS": False,
    "MAIL_USE_SSL": False,
    "MAIL_DEBUG": False,
    "MAIL_USERNAME": None,
    "MAIL_PASSWORD": None,
    "MAIL_DEFAULT_SENDER": None,
    "MAIL_MAX_EMAILS": None,
    "MAIL_SUPPRESS_SEND": False,
    "MAIL_ASCII_ATTACHMENTS": False,
    "MAIL_TIMEOUT": 30.0,
    "TRUSTED_PROXIES": 0,
    "RESET_LINK_SECONDS": 600,
    "RATELIMIT_ENABLED": True,
}

BOOLEANS = [name for name, (_, value) in GIVEN.items() if isinstance(value, bool)]


def plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return tuple(plain(one) for one in value) if isinstance(value, tuple) else value


def set_all(monkeypatch: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)


def problems(*, serving: bool = False) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(serving=serving)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def about(name: str, *, serving: bool = False) -> str:
    """The only message about this setting."""
    (sentence,) = [one for one in problems(serving=serving) if one.startswith(name)]
    return sentence


def test_this_module_knows_every_setting() -> None:
    assert set(GIVEN) == set(Settings.model_fields)


@pytest.mark.parametrize("name", GIVEN)
def test_a_setting_is_read_from_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, expected = GIVEN[name]
    monkeypatch.setenv(name, text)
    assert plain(getattr(load_settings(), name)) == expected


@pytest.mark.parametrize("name", GIVEN)
def test_a_setting_is_read_from_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, expected = GIVEN[name]
    file = tmp_path / "site.env"
    file.write_text(f'# a comment\n{name}="{text}"\n')
    monkeypatch.setenv("MICROBLOG_ENV_FILE", str(file))
    assert plain(getattr(load_settings(), name)) == expected


def test_the_file_of_this_folder_is_read_and_the_environment_wins_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("MAIL_SERVER=from.file\nMAIL_PORT=2525\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICROBLOG_ENV_FILE")
    monkeypatch.setenv("MAIL_SERVER", "from.environment")
    settings = load_settings()
    assert (settings.MAIL_SERVER, settings.MAIL_PORT) == ("from.environment", 2525)


def test_an_empty_name_of_the_file_means_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("MAIL_PORT=2525\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings().MAIL_PORT == 25


@pytest.mark.parametrize("name", GIVEN)
def test_an_empty_setting_counts_as_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "")
    assert load_settings() == Settings(_env_file=None)


def test_the_defaults_are_those_of_flask_mail() -> None:
    config = load_settings().as_flask_config()
    assert {name: config[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("MAIL_PORT", "x", "MAIL_PORT must be a whole number, not 'x'"),
        ("MAIL_PORT", "0", "MAIL_PORT must be at least 1, not '0'"),
        ("MAIL_PORT", "70000", "MAIL_PORT must be at most 65535, not '70000'"),
        ("MAIL_TIMEOUT", "x", "MAIL_TIMEOUT must be a number, not 'x'"),
        ("MAIL_TIMEOUT", "0", "MAIL_TIMEOUT must be more than 0.0, not '0'"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT must be one of these: 'text' or 'json'; it is 'xml'"),
        (
            "CELERY_QUEUE_PREFIX",
            "a b",
            "CELERY_QUEUE_PREFIX may hold letters from A to Z, digits, and . _ - alone, at most 64;"
            " it is 'a b'",
        ),
    ],
)
def test_a_wrong_value_has_a_message_of_ours(
    name: str, value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert problems() == [sentence]


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        (
            {"MAIL_DEFAULT_SENDER": "site@example.com", "ADMINS": "a@example.com"},
            "site@example.com",
        ),
        ({"ADMINS": "a@example.com,b@example.com"}, "a@example.com"),
        ({"PUBLIC_URL": "https://blog.example.com:8443/x"}, "no-reply@blog.example.com"),
        ({}, "no-reply@localhost"),
    ],
)
def test_there_is_always_a_sender(
    given: dict[str, str], sender: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, given)
    settings = load_settings()
    assert settings.sender == sender
    assert settings.as_flask_config()["MAIL_DEFAULT_SENDER"] == given.get("MAIL_DEFAULT_SENDER")
    with create_app(settings.model_copy(update={"INSTANCE_PATH": tmp_path})).app_context():
        assert Message("Hello").sender == sender


@pytest.mark.parametrize(
    ("name", "follows"), [("MAIL_DEBUG", "DEBUG"), ("MAIL_SUPPRESS_SEND", "TESTING")]
)
def test_two_settings_of_mail_default_to_those_of_the_application(
    name: str, follows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(follows, "1")
    assert load_settings().as_flask_config()[name] is True
    monkeypatch.setenv(name, "0")
    assert load_settings().as_flask_config()[name] is False


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("text", ["0", "false", "off", "False", "FALSE", "no", "n"])
def test_words_for_off_are_off(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(load_settings(), name) is False


@pytest.mark.parametrize("name", BOOLEANS)
@pytest.mark.parametrize("text", ["2", "none", "flase", "si"])
def test_nonsense_for_on_or_off_is_refused_by_name(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    sentence = about(name)
    assert "must be on or off" in sentence
    assert repr(text) in sentence


def test_both_kinds_of_encryption_at_once_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"MAIL_USE_TLS": "1", "MAIL_USE_SSL": "1"})
    (sentence,) = problems()
    assert "MAIL_USE_TLS" in sentence
    assert "MAIL_USE_SSL" in sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "mysql://site@db.example/site"),
        ("DATABASE_URL", "not an address"),
        ("DATABASE_URL", "postgresql://site@db.example:port/site"),
        ("PUBLIC_URL", "blog.example.com"),
        ("PUBLIC_URL", "ftp://blog.example.com"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://blog.example.com/?a=b"),
        ("PUBLIC_URL", "https://blog.example.com/#part"),
        ("PUBLIC_URL", "https://me@blog.example.com"),
        ("PUBLIC_URL", "https://blog.example.com:port"),
        ("PUBLIC_URL", "https://blog.example.com:99999"),
        ("PUBLIC_URL", "https://blog example.com"),
        ("PUBLIC_URL", "https://[blog"),
        ("ADMINS", "admin"),
        ("ADMINS", "good@example.com,bad@"),
        ("MAIL_DEFAULT_SENDER", "nobody"),
        ("MAIL_REDIRECT_TO", "qa"),
        ("MAIL_REDIRECT_TO", "qa@example.com, dev@"),
        ("MAIL_RETURN_PATH", "bounces@"),
        ("MAIL_RETURN_PATH", f"{'b' * 32}@example.com"),
        ("MAIL_RETURN_PATH_DELIMITER", "plus"),
        ("MAIL_WEBHOOK_SES_TOPICS", "mail"),
        ("MAIL_WEBHOOK_POSTMARK_LOGIN", "postmark:short"),
        ("MAIL_WEBHOOK_POSTMARK_LOGIN", "a long password without a user"),
        ("MAIL_WEBHOOK_MAILGUN_KEY", "short"),
        ("MAIL_PORT", "0"),
        ("MAIL_PORT", "65536"),
        ("MAIL_PORT", "smtp"),
        ("MAIL_TIMEOUT", "0"),
        ("MAIL_TIMEOUT", "nan"),
        ("MAIL_TIMEOUT", "soon"),
        ("MAIL_MAX_EMAILS", "0"),
        ("MAIL_CA_FILE", "/no/such/file"),
        ("MAIL_CONNECTIONS", "0"),
        ("MAIL_CONNECTIONS", "1000"),
        ("MAIL_MAX_BYTES", "10"),
        ("MAIL_GUARD_MESSAGES", "0"),
        ("MAIL_GUARD_MINUTES", "nan"),
        ("MAIL_GUARD_DAILY", "0"),
        ("MAIL_RETENTION_DAYS", "-1"),
        ("RESET_LINK_SECONDS", "59"),
        ("RESET_LINK_SECONDS", "ten minutes"),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "all"),
    ],
)
def test_a_wrong_value_is_refused_by_name_in_one_line(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    (sentence,) = problems()
    assert sentence.startswith(name)
    assert "\n" not in sentence
    assert len(sentence) > len(name) + 10


@pytest.mark.parametrize("uri", ["memory", "nowhere://counts.example"])
def test_a_store_for_the_counts_that_does_not_exist_is_refused_by_name(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATELIMIT_STORAGE_URI", uri)
    assert "RATELIMIT_STORAGE_URI" in about("RATELIMIT_STORAGE_URI")


def test_a_file_of_settings_that_does_not_exist_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = str(tmp_path / "sight.env")
    monkeypatch.setenv("MICROBLOG_ENV_FILE", missing)
    assert missing in about("MICROBLOG_ENV_FILE")


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "MAIL_PORT": "none",
        "MAIL_USE_TLS": "maybe",
        "ADMINS": "nobody",
        "PUBLIC_URL": "here",
        "DATABASE_URL": "there",
        "TRUSTED_PROXIES": "some",
    }
    set_all(monkeypatch, wrong)
    named = [one.replace(":", " ").split()[0] for one in problems()]
    assert sorted(named) == sorted(wrong)


def test_serving_needs_a_key_and_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = problems(serving=True)
    assert [one.split()[0] for one in sentences] == ["SECRET_KEY", "PUBLIC_URL"]
    assert all("is missing" in one for one in sentences)
    assert "secrets.token_urlsafe" in sentences[0]
    load_settings()


@pytest.mark.parametrize("key", ["dev", "you-will-never-guess", "x" * 31, "ab" * 32])
def test_serving_refuses_a_weak_key(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, {"SECRET_KEY": key, "PUBLIC_URL": "https://blog.example.com"})
    (sentence,) = problems(serving=True)
    assert sentence.startswith("SECRET_KEY")
    assert key not in sentence


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"MAIL_USERNAME": "mailer"}, "is missing, though MAIL_USERNAME is set"),
        ({"MAIL_PASSWORD": "s3cret"}, "is set, though MAIL_USERNAME is missing"),
        (
            {"MAIL_USERNAME": "u", "MAIL_PASSWORD": "s3cret", "MAIL_SERVER": "smtp.example.com"},
            "would cross the network to smtp.example.com unencrypted",
        ),
    ],
)
def test_serving_refuses_half_a_login_and_an_open_one(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com", **given})
    (sentence,) = problems(serving=True)
    assert sentence.startswith("MAIL_PASSWORD")
    assert said in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"MAIL_USERNAME": "u", "MAIL_PASSWORD": "p", "MAIL_SERVER": "127.0.0.1"},
        {"MAIL_USERNAME": "u", "MAIL_PASSWORD": "p", "MAIL_SERVER": "m.ex", "MAIL_USE_TLS": "1"},
        {"MAIL_USERNAME": "u", "MAIL_PASSWORD": "p", "MAIL_SERVER": "m.ex", "MAIL_USE_SSL": "1"},
    ],
)
def test_serving_accepts_a_whole_login(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com", **given})
    assert isinstance(load_settings(serving=True), ServingSettings)


OAUTH = {
    "MAIL_USERNAME": "site@example.com",
    "MAIL_OAUTH_TOKEN_URL": "https://login.example.com/token",
    "MAIL_OAUTH_CLIENT_ID": "client",
    "MAIL_OAUTH_CLIENT_SECRET": "s3cret",
}


@pytest.mark.parametrize(
    ("changed", "name", "said"),
    [
        ({"MAIL_PASSWORD": "s3cret"}, "MAIL_PASSWORD", "one or the other"),
        ({"MAIL_USERNAME": ""}, "MAIL_OAUTH_TOKEN_URL", "MAIL_USERNAME is missing"),
        ({"MAIL_OAUTH_CLIENT_ID": ""}, "MAIL_OAUTH_CLIENT_ID", "is missing"),
        ({"MAIL_OAUTH_CLIENT_SECRET": ""}, "MAIL_OAUTH_REFRESH_TOKEN", "are both missing"),
        ({"MAIL_SERVER": "m.ex"}, "MAIL_OAUTH_TOKEN_URL", "cross the network to m.ex unencrypted"),
        ({"MAIL_OAUTH_TOKEN_URL": "http://m.ex/t"}, "MAIL_OAUTH_TOKEN_URL", "begin with https://"),
        ({"MAIL_OAUTH_TOKEN_URL": "login"}, "MAIL_OAUTH_TOKEN_URL", "a full URL"),
        (
            {"MAIL_OAUTH_TOKEN_URL": "https://a:b@m.ex/"},
            "MAIL_OAUTH_TOKEN_URL",
            "a username",
        ),
        ({"MAIL_OAUTH_TOKEN_URL": "https://[m.ex/"}, "MAIL_OAUTH_TOKEN_URL", "a full URL"),
    ],
)
def test_serving_refuses_half_an_oauth_login_and_an_open_one(
    changed: dict[str, str], name: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com"}
    set_all(monkeypatch, {**site, **OAUTH, **changed})
    (sentence,) = problems(serving=True)
    assert sentence.startswith(name)
    assert said in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET", "REFRESH_TOKEN"])
def test_serving_refuses_an_oauth_login_without_a_token_server(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com"}
    set_all(monkeypatch, {**site, f"MAIL_OAUTH_{name}": "s3cret"})
    (sentence,) = problems(serving=True)
    assert sentence.startswith(f"MAIL_OAUTH_{name} is set, though MAIL_OAUTH_TOKEN_URL is missing")


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"MAIL_OAUTH_REFRESH_TOKEN": "r"},
        {"MAIL_OAUTH_REFRESH_TOKEN": "r", "MAIL_OAUTH_CLIENT_SECRET": ""},
        {"MAIL_OAUTH_TOKEN_URL": "http://127.0.0.1:8080/token"},
        {"MAIL_SERVER": "m.ex", "MAIL_USE_TLS": "1"},
    ],
)
def test_serving_accepts_a_whole_oauth_login(
    changed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com"}
    set_all(monkeypatch, {**site, **OAUTH, **changed})
    assert isinstance(load_settings(serving=True), ServingSettings)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"KEY_FILE": "key.pem", "SELECTOR": "s 1"}, "SELECTOR holds 's 1', which cannot be"),
        ({"KEY_FILE": "key.pem"}, "SELECTOR is missing, though MAIL_DKIM_KEY_FILE is set"),
        ({"SELECTOR": "s1"}, "SELECTOR is set, though MAIL_DKIM_KEY_FILE is missing"),
        ({"DOMAIN": "exa mple"}, "DOMAIN holds 'exa mple', which isn't a domain"),
    ],
)
def test_serving_refuses_half_a_signature_and_names_that_are_none(
    given: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_all(monkeypatch, {"SECRET_KEY": KEY, "PUBLIC_URL": "https://blog.example.com"})
    set_all(monkeypatch, {f"MAIL_DKIM_{name}": value for name, value in given.items()})
    (sentence,) = [one for one in problems(serving=True) if "which can't be read" not in one]
    assert sentence.startswith(f"MAIL_DKIM_{said}")


SECRET_WORDS = ["hunter2", "hunter3", "hunter4", "hunter5"]


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://site:hunter2@db.example:port/site",
        "mysql://site:hunter2@db.example/site",
        "hunter2",
    ],
)
def test_no_message_holds_a_secret(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(
        monkeypatch,
        {
            "SECRET_KEY": "hunter3",
            "SECRET_KEY_FALLBACKS": "hunter4",
            "MAIL_PASSWORD": "hunter5",
            "DATABASE_URL": database,
            "MAIL_PORT": "wrong",
            "ADMINS": "wrong",
        },
    )
    for serving in (False, True):
        message = "\n".join(problems(serving=serving))
        assert "DATABASE_URL" in message
        assert "MAIL_PORT" in message
        assert [word for word in SECRET_WORDS if word in message] == []


@pytest.mark.parametrize("whole", [True, False], ids=["everything set", "nothing set"])
def test_settings_pass_through_an_environment_unchanged(
    whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if whole:
        set_all(monkeypatch, {name: text for name, (text, _) in GIVEN.items()})
    settings = load_settings()
    environment = as_environment(settings)
    for name in Settings.model_fields:
        monkeypatch.setenv(name, environment[name])
    monkeypatch.setenv("MICROBLOG_ENV_FILE", environment["MICROBLOG_ENV_FILE"])
    assert load_settings() == settings


def run_site(folder: Path, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "microblog", "run"],
        env={**os.environ, **given},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_site_does_not_start_with_wrong_settings_and_says_why(tmp_path: Path) -> None:
    ended = run_site(
        tmp_path,
        {"SECRET_KEY": "hunter3", "MAIL_PORT": "x", "MAIL_USE_TLS": "1", "MAIL_USE_SSL": "1"},
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    lines = ended.stderr.splitlines()
    sentences = [line.removeprefix("  - ") for line in lines if line.startswith("  - ")]
    assert {one.replace(":", " ").split()[0] for one in sentences} == {
        "SECRET_KEY",
        "PUBLIC_URL",
        "MAIL_PORT",
        "MAIL_USE_SSL",
    }
    assert "Traceback" not in ended.stderr
    assert "hunter3" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_site_does_not_start_without_its_database_and_says_why(tmp_path: Path) -> None:
    ended = run_site(
        tmp_path,
        {
            "SECRET_KEY": KEY,
            "PUBLIC_URL": "https://blog.example.com",
            "DATABASE_URL": "postgresql://site:hunter2@127.0.0.1:1/site",
        },
    )
    assert ended.returncode == 1
    assert "The database cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter2" not in ended.stderr
