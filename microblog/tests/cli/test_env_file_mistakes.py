"""What people get wrong in `.env` is told, each in one sentence, before anything is changed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from microblog.cli import main
from microblog.settings import load_settings
from tests.cli.running import clean_environment

GOOD = {
    "SECRET_KEY": "k3y-for-tests-only_abcdefghijklmnopqrstuvwxyz",
    "PUBLIC_URL": "https://blog.example.com",
    "ADMINS": "admin@blog.example.com",
    "DATABASE_URL": "sqlite:///site.db",
    "INSTANCE_PATH": "instance",
    "MAIL_SERVER": "mail.example.com",
}

# Lines of the file, and what is said of them; {here} is the folder with the file.
VALUES = [
    # Numbers and units
    ("MAIL_PORT=587# port", "MAIL_PORT must be a whole number, not '587# port'"),
    ("MAIL_PORT=25,587", "MAIL_PORT must be a whole number, not '25,587'"),
    ("MAIL_PORT=smtp", "MAIL_PORT must be a whole number, not 'smtp'"),
    ("MAIL_PORT=５８７", "MAIL_PORT must be a whole number, not '５８７'"),
    ("MAIL_PORT=0", "MAIL_PORT must be at least 1, not '0'"),
    ("MAIL_PORT=58700000", "MAIL_PORT must be at most 65535, not '58700000'"),
    ("MAIL_TIMEOUT=10s", "MAIL_TIMEOUT must be a number, not '10s'"),
    ("MAIL_TIMEOUT=1,5", "MAIL_TIMEOUT must be a number, not '1,5'"),
    ("MAIL_TIMEOUT=-1", "MAIL_TIMEOUT must be more than 0.0, not '-1'"),
    ("MAIL_MAX_BYTES=25MB", "MAIL_MAX_BYTES must be a whole number, not '25MB'"),
    (f"MAIL_MAX_BYTES={10**20}", f"MAIL_MAX_BYTES must be at most 2147483647, not '{10**20}'"),
    ("RESET_LINK_SECONDS=10 minutes", "must be a whole number, not '10 minutes'"),
    ("MAIL_RETENTION_DAYS=forever", "MAIL_RETENTION_DAYS must be a number, not 'forever'"),
    ("MAIL_RATE_LIMIT=14 per second", "write 14/second, 30/minute, 500/day or 1/5seconds"),
    ("MAIL_RATE_LIMIT_BY_DOMAIN=gmail.com:20/minute", "isn't like gmail.com=20/minute"),
    ("LOG_MAX_BYTES=1M", "LOG_MAX_BYTES must be a whole number, not '1M'"),
    ("WEB_CONCURRENCY=auto", "WEB_CONCURRENCY must be a whole number, not 'auto'"),
    ("TRUSTED_PROXIES=true", "TRUSTED_PROXIES must be a whole number, not 'true'"),
    ("TRUSTED_PROXIES=10.0.0.1", "TRUSTED_PROXIES must be a whole number, not '10.0.0.1'"),
    # On and off, and choices
    ("MAIL_USE_TLS=yes please", "MAIL_USE_TLS must be on or off (1, true, yes / 0, false, no)"),
    ("MAIL_USE_TLS=STARTTLS", "MAIL_USE_TLS must be on or off"),
    ("GRAVATAR=да", "GRAVATAR must be on or off (1, true, yes / 0, false, no), not 'да'"),
    ("DEBUG=development", "DEBUG must be on or off"),
    ("LOG_FORMAT=JSON", "LOG_FORMAT must be one of these: 'text' or 'json'; it is 'JSON'"),
    (
        "REGISTRATION=Closed",
        "REGISTRATION must be one of these: 'open', 'invitation' or 'closed'; it is 'Closed'",
    ),
    ("REGISTRATION=0", "REGISTRATION must be one of these: 'open', 'invitation' or 'closed'"),
    ("REGISTRATION=invite", "REGISTRATION must be one of these"),
    ("REGISTRATIONS=closed", "REGISTRATIONS is no setting. Did you mean REGISTRATION?"),
    ("CELERY_QUEUE_PREFIX=my blog", "may hold letters from A to Z, digits, and . _ - alone"),
    # Names and addresses of machines
    ("MAIL_SERVER=“mail.example.com”", "MAIL_SERVER stands in typographic quotation marks"),
    ("MAIL_SERVER=mail.example.com:587", "write mail.example.com, and MAIL_PORT=587"),
    ("MAIL_SERVER=smtps://mail.example.com", "write the name alone, like mail.example.com"),
    ("MAIL_SERVER=mail.example.com;", "which is neither a name nor an address of a machine"),
    ("MAIL_SERVER=$MAIL_HOST", "which is neither a name nor an address of a machine"),
    ("MAIL_EHLO_NAME=http://blog.example.com", "which isn't a domain like example.com"),
    ("PUBLIC_URL=blog.example.com", "must be a whole address, like https://microblog.example.com"),
    ("PUBLIC_URL=https:/blog.example.com", "must be a whole address"),
    ("PUBLIC_URL=https://https://blog.example.com", "must be a whole address"),
    ("PUBLIC_URL=https://a.example.com,https://b.example.com", "must be a whole address"),
    ("PUBLIC_URL=https://*.example.com", "must be a whole address"),
    ("PUBLIC_URL=https://blog.example.com/?lang=en", "nothing but the scheme, the host, and"),
    ("PUBLIC_URL=http://0.0.0.0:5000", "where servers listen and nobody can go"),
    ("PUBLIC_URL=http://blog.example.com:443", "leave :443 out, or begin with https://"),
    # Addresses of people
    ("ADMINS=admin", "ADMINS holds 'admin', which is no e-mail address"),
    ("ADMINS=Admin <a@example.com>", "write the address alone, like a@example.com"),
    ('ADMINS=["a@example.com"]', "which is no e-mail address"),
    ("ADMINS=mailto:a@example.com", "which is no e-mail address"),
    ("ADMINS=a@example.com and b@example.com", "ADMINS holds 'and', which is no e-mail address"),
    ("MAIL_DEFAULT_SENDER=no-reply", "MAIL_DEFAULT_SENDER holds 'no-reply', which is no e-mail"),
    ("MAIL_REDIRECT_TO=tester", "MAIL_REDIRECT_TO holds 'tester', which is no e-mail address"),
    # Databases, brokers, counts
    ("DATABASE_URL=mysql://me:secret@db/site", "'mysql'; SQLite and PostgreSQL are supported"),
    ("DATABASE_URL=postgresql+psycopg2://me:secret@db/site", "begin with postgresql://"),
    ("DATABASE_URL=postgresql://me:se@cret@db/site", "write %40 for @"),
    ("DATABASE_URL=jdbc:postgresql://db/site", "is not a database address; like sqlite:////srv"),
    ("DATABASE_URL=/srv/site.db", "is not a database address; like sqlite:////srv"),
    ("DATABASE_URL=sqlite:site.db", "is not a database address; like sqlite:////srv"),
    ("DATABASE_URL=sqlite://site.db", "write three slashes before a relative path, four before"),
    ("DATABASE_URL=sqlite:///:memory:", "a database in memory would be lost at once"),
    ("DATABASE_URL=sqlite:///~/site.db", "write the whole path; ~, $HOME and C: mean nothing"),
    ("DATABASE_URL=sqlite:///C:\\site\\site.db", "write the whole path; ~, $HOME and C: mean"),
    ("DATABASE_URL=sqlite:///{here}", "which is a folder: name a file in it"),
    ("DATABASE_URL=sqlite:////nowhere/site.db", "a file in '/nowhere', which is not a folder"),
    ("CELERY_BROKER_URL=localhost:5672", "is no address of a broker: like amqp://"),
    ("CELERY_BROKER_URL=amqp://guest:guest@broker", "DATABASE_URL names an SQLite file"),
    ("RATELIMIT_STORAGE_URI=memcached://counts:11211", "use memory:// or redis://host:port"),
    ("RATELIMIT_STORAGE_URI=redis://counts:6379/zero", "no host, port or number of a database"),
    # Secrets
    ("SECRET_KEY=changeme", "SECRET_KEY is shorter than 32 bytes. Make a good one with: "),
    ("SECRET_KEY=your-secret-key-here-your-secret-key-here", "SECRET_KEY is easily guessed."),
    ("SECRET_KEY=", "SECRET_KEY is missing. Make one with: "),
    (f"SECRET_KEY_FALLBACKS={GOOD['SECRET_KEY']}", "SECRET_KEY_FALLBACKS holds SECRET_KEY itself"),
    ("METRICS_TOKEN=secret", "METRICS_TOKEN is shorter than 16 characters. Make a good one with: "),
    ("METRICS_TOKEN=Bearer 0123456789abcdef", "begins with the word Bearer: write the token alone"),
    # What does not go together
    ("MAIL_USE_TLS=1\nMAIL_USE_SSL=1", "MAIL_USE_SSL and MAIL_USE_TLS exclude each other"),
    ("MAIL_PORT=465", "MAIL_USE_SSL must be on for MAIL_PORT=465"),
    ("MAIL_PORT=465\nMAIL_USE_TLS=1", "MAIL_USE_SSL must be on for MAIL_PORT=465"),
    ("MAIL_PORT=587\nMAIL_USE_SSL=1", "MAIL_USE_SSL must be off for MAIL_PORT=587"),
    ("MAIL_USERNAME=me", "MAIL_PASSWORD is missing, though MAIL_USERNAME is set"),
    ("MAIL_PASSWORD=hunter2", "MAIL_PASSWORD is set, though MAIL_USERNAME is missing"),
    ("MAIL_USERNAME=me\nMAIL_PASSWORD=hunter2", "would cross the network to mail.example.com"),
    ("MAIL_OAUTH_CLIENT_ID=me", "though MAIL_OAUTH_TOKEN_URL is missing"),
    ("MAIL_OAUTH_SCOPE=mail", "though MAIL_OAUTH_TOKEN_URL is missing"),
    ("MAIL_DKIM_SELECTOR=mail", "though MAIL_DKIM_KEY_FILE is missing"),
    ("MAIL_DKIM_DOMAIN=example.com", "though MAIL_DKIM_KEY_FILE is missing"),
    ("MAIL_RETURN_PATH=bounces", "MAIL_RETURN_PATH is 'bounces': "),
    ("MAIL_RETURN_PATH_DELIMITER=++", "it must be one character such as +, or none"),
    ("MAIL_IMAP_SERVER=imap.test\nMAIL_IMAP_USERNAME=me", "though MAIL_IMAP_SERVER is set"),
    ("MAIL_WEBHOOK_SES_TOPICS=mail", "MAIL_WEBHOOK_SES_TOPICS holds 'mail', which is not the ARN"),
    ("MAIL_WEBHOOK_POSTMARK_LOGIN=me:1", "must be a user name, a colon and a password of at least"),
    ("MAIL_WEBHOOK_MAILGUN_KEY=1", "MAIL_WEBHOOK_MAILGUN_KEY has fewer than 16 characters"),
    # Paths
    ("INSTANCE_PATH=~/site", "INSTANCE_PATH names '~/site': write the whole path"),
    ("INSTANCE_PATH={here}/.env", "is not a folder: correct the path"),
    ("LOG_FILE=$HOME/site.log", "LOG_FILE names '$HOME/site.log': write the whole path"),
    ("LOG_FILE={here}", "which is a folder: name a file in it"),
    ("LOG_FILE={here}/.env/site.log", "is not a folder: correct the path"),
    ("MAIL_CA_FILE=/nowhere.pem", "MAIL_CA_FILE names '/nowhere.pem', which is not a file"),
    ("MAIL_CA_FILE={here}/.env", "which holds no certificate in PEM"),
    ("MAIL_DKIM_KEY_FILE=/nowhere.pem\nMAIL_DKIM_SELECTOR=mail", "which can't be read: No such"),
    ("MAIL_DKIM_KEY_FILE={here}/.env\nMAIL_DKIM_SELECTOR=mail", "which contains no private key"),
    # Names
    ("MAIL_PASSWROD=hunter2", "MAIL_PASSWROD is no setting. Did you mean MAIL_PASSWORD?"),
    ("mail_server=mail.example.com", "mail_server is no setting. Did you mean MAIL_SERVER?"),
    ("MAIL_HOST=mail.example.com", "MAIL_HOST is no setting. Did you mean MAIL_SERVER?"),
    ("MAIL_USER=me", "MAIL_USER is no setting. Did you mean MAIL_USERNAME?"),
    ("MAIL_USE_STARTTLS=1", "MAIL_USE_STARTTLS is no setting. Did you mean MAIL_USE_TLS?"),
    ("DATABASE_URI=sqlite:///site.db", "DATABASE_URI is no setting. Did you mean DATABASE_URL?"),
]

DEPENDENT = {
    "CELERY_BROKER_URL", "MAIL_DKIM_DOMAIN", "MAIL_DKIM_SELECTOR", "MAIL_PASSWORD",
    "SECRET_KEY_FALLBACKS",
}  # fmt: skip
"""Whether these are wrong depends on the value of another one."""

# Then no value is looked at, since what is missing may be in such a line. The first is the seventh.
LINES = [
    ("MAIL_SERVER: mail.example.com", "line 7 is not like NAME=value."),
    ("set MAIL_SERVER=mail.example.com", "line 7 is not like NAME=value."),
    ("export MAIL_SERVER", "line 7 is not like NAME=value."),
    ("MAIL-SERVER=mail.example.com", "line 7 is not like NAME=value."),
    ('$env:MAIL_SERVER="mail.example.com"', "line 7 is not like NAME=value."),
    ("[mail]", "line 7 is not like NAME=value."),
    ("// the port\nMAIL_PORT=25", "line 7 is not like NAME=value."),
    ("MAIL_PASSWORD='hunter2\"", "line 7: the quotation mark that opens the value must close it"),
    ('MAIL_PASSWORD="hunter2', "line 7: the quotation mark that opens the value must close it"),
    ("MAIL_PORT=25\nMAIL_PORT=587", "line 8: MAIL_PORT is set above to another value"),
]

OTHERS = [
    "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "DATABASE_USER", "MAIL_DOMAIN", "MAIL_HOSTNAME",
    "LOG_LEVEL", "PUBLIC_IP", "TZ", "COMPOSE_PROJECT_NAME", "MICROBLOG_ENV_FILE",
]  # fmt: skip
"""Names of other programs, since Docker's Compose reads the same file."""

ENCODINGS = ["utf-16", "utf-16-le", "koi8-r", "gb18030"]


def write(folder: Path, text: str, encoding: str = "utf-8") -> None:
    """Write the file of a site that is right but for `text`."""
    text = text.replace("{here}", str(folder))
    own = {line.partition("=")[0] for line in text.splitlines()}
    good = "".join(f"{name}={value}\n" for name, value in GOOD.items() if name not in own)
    (folder / ".env").write_bytes((good + text + "\n").encode(encoding))


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(one.relative_to(folder)): one.read_bytes() if one.is_file() else None
        for one in folder.rglob("*")
    }


def refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> list[str]:
    """What `microblog run` says first of the file in this folder, of which it changes nothing."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("MICROBLOG_ENV_FILE", raising=False)
    # What `run` starts, in a process of its own, before anything else.
    monkeypatch.setattr(sys, "argv", ["microblog", "process", "prepare"])
    before = contents(folder)
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out) == (2, "")
    assert contents(folder) == before
    first, *sentences, last = said.err.splitlines()
    assert first == "Microblog cannot start with these settings:"
    assert last == "Settings come from the environment and from the file .env here."
    assert "hunter2" not in said.err
    return [one.removeprefix("  - ") for one in sentences]


@pytest.mark.parametrize(("text", "said"), VALUES, ids=[text for text, _ in VALUES])
def test_a_mistake_is_told_in_one_sentence_that_begins_with_the_setting(
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, text)
    (sentence,) = refused(tmp_path, monkeypatch, capsys)
    assert said in sentence
    assert sentence.partition(" ")[0].isidentifier()
    assert "secret@" not in sentence


@pytest.mark.parametrize(("text", "said"), LINES, ids=[text for text, _ in LINES])
def test_a_line_that_cannot_be_meant_so_is_told_by_its_number(
    text: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, text)
    (sentence,) = refused(tmp_path, monkeypatch, capsys)
    assert sentence.startswith(f".env, {said}")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_in_another_encoding_is_told_with_its_first_such_line(
    encoding: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(tmp_path, "# Пароль\nMAIL_USERNAME=me", encoding)
    (sentence,) = refused(tmp_path, monkeypatch, capsys)
    line = 1 if encoding.startswith("utf-16") else 7
    assert sentence == f".env is no text in UTF-8, as line {line} shows: save it as UTF-8."


@pytest.mark.parametrize("name", OTHERS)
def test_names_of_other_programs_are_left_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, f"{name}=x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MICROBLOG_ENV_FILE")
    assert GOOD["MAIL_SERVER"] == load_settings(serving=True).MAIL_SERVER


@pytest.mark.slow
def test_the_first_mistake_in_each_setting_is_told_by_run_at_once(tmp_path: Path) -> None:
    """By the whole command, in processes of its own."""
    chosen = {text.partition("=")[0]: (text, said) for text, said in reversed(VALUES)}
    for name in chosen.keys() & DEPENDENT:
        del chosen[name]
    assert len(chosen) > 30
    write(tmp_path, "\n".join(text for text, _ in chosen.values()))
    before = contents(tmp_path)
    environment = clean_environment()
    del environment["MICROBLOG_ENV_FILE"]
    done = subprocess.run(
        [sys.executable, "-m", "microblog", "run", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    missing = [said for _, said in chosen.values() if said not in done.stderr]
    assert missing == []
    assert contents(tmp_path) == before
