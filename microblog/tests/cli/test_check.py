"""`microblog check`: what is wrong with a site, and how to mend it, with the real services."""

from __future__ import annotations

import base64
import json
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask

from flask_outbox import send_email
from microblog.cli import checks
from microblog.cli.ports import choose_free
from microblog.database import transaction
from microblog.settings import SettingsError
from microblog.web import readiness
from tests.brokers import RABBITMQ, REDIS, has_broker
from tests.cli.conftest import Command
from tests.dns_server import NameServer, name_server
from tests.outbox_rows import rows
from tests.services import POSTGRESQL, has_postgresql, need, postgresql_url
from tests.smtp_server import STALL, Authority, ScriptedServer
from tests.token_server import TokenServer
from tests.visitor import ON_SQLITE

pytestmark = pytest.mark.slow

HOST = "127.0.0.1"
SECRETS = ["a secret for tests only", "hunter2", "right-password"]

GOOD = {
    "PUBLIC_URL": "https://blog.tutorial-site.org",
    "ADMINS": "admin@tutorial-site.org",
    "TRUSTED_PROXIES": "1",
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """The DNS, with all that the good site's domain should have there."""
    with name_server() as server:
        server.records = {
            ("tutorial-site.org.", "TXT"): [
                '"v=spf1 include:_spf.tutorial-site.org -all"',
                '"x=1"',
            ],
            ("tutorial-site.org.", "MX"): ["10 mail.tutorial-site.org."],
            ("_dmarc.tutorial-site.org.", "TXT"): ['"v=DMARC1; p=quarantine"'],
        }
        monkeypatch.setattr("dns.resolver.default_resolver", server.resolver())
        yield server


def lines(microblog: Command, subject: str, **changes: str) -> list[str]:
    """What is said about one thing."""
    checked = microblog("check", **GOOD | changes)
    said = checked.stdout.splitlines()
    wrong = [line for line in said if line.startswith("WRONG: ")]
    assert checked.exit_code == (1 if wrong else 0), checked.output
    assert not any(secret in checked.output for secret in SECRETS)
    return [line for line in said if line.partition(": ")[2].startswith(f"{subject}: ")]


def test_a_site_that_lacks_nothing(
    microblog: Command, authority: Authority, tmp_path: Path, app: Flask
) -> None:
    users = {"admin@tutorial-site.org": "right-password"}
    with ScriptedServer(tls=authority.context(), auth="PLAIN", users=users) as server:
        checked = microblog(
            "check",
            **GOOD,
            MAIL_PORT=str(server.port),
            MAIL_USE_TLS="on",
            MAIL_CA_FILE=str(authority.ca_file),
            MAIL_USERNAME="admin@tutorial-site.org",
            MAIL_PASSWORD="right-password",
            LOG_FILE=str(tmp_path / "logs" / "site.log"),
        )
        assert server.received == []
        assert [one for one in server.commands if one.startswith(("MAIL", "RCPT", "DATA"))] == [
            "MAIL FROM:<admin@tutorial-site.org>"
        ]
    assert checked.exit_code == 0, checked.output
    *said, last = checked.stdout.splitlines()
    assert last == "0 wrong, 0 to look at."
    assert {line.partition(": ")[0] for line in said} == {"ok"}
    assert [line.split(": ")[1] for line in said] == [
        "settings",
        "PUBLIC_URL",
        "INSTANCE_PATH",
        "LOG_FILE",
        "privacy",
        "disk",
        "database",
        "broker",
        "rate limits",
        "sender",
        "sender's domain",
        "mail server",
        "webhooks",
    ]
    assert "its schema is up to date, and it can be written" in checked.stdout
    assert "The connection is encrypted" in said[-2]
    assert "The server accepts mail from admin@tutorial-site.org." in said[-2]
    assert rows(app) == []
    assert not (tmp_path / "logs").exists()


@ON_SQLITE
def test_programs_get_it_as_json(microblog: Command) -> None:
    checked = microblog("check", "--json", **GOOD, MAIL_SERVER="mail.invalid")
    assert checked.exit_code == 1
    told = json.loads(checked.stdout)
    assert {tuple(one) for one in told} == {("subject", "level", "says", "mend")}
    (wrong,) = [one for one in told if one["level"] == "wrong"]
    assert wrong["subject"] == "mail server"
    assert 'failed at the step "name look-up"' in wrong["says"]
    assert "Check MAIL_SERVER for a typo" in wrong["mend"]


# Settings and files


@ON_SQLITE
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"SECRET_KEY": ""}, "WRONG: settings: SECRET_KEY is missing. Make one with: "),
        ({"SECRET_KEY": "short"}, "WRONG: settings: SECRET_KEY is shorter than 32 bytes."),
        ({"PUBLIC_URL": ""}, "WRONG: settings: PUBLIC_URL is missing: "),
        ({"MAIL_PORT": "0"}, "WRONG: settings: MAIL_PORT must be at least 1, not '0'"),
        ({"MAIL_USERNAME": "mailer"}, "WRONG: settings: MAIL_PASSWORD is missing, though "),
        (
            {"MAIL_SEVER": "smtp.example.com"},
            "WARNING: settings: MAIL_SEVER is no setting, and is ignored. Did you mean MAIL_SERVER",
        ),
        ({"MAIL_NOTHING_LIKE_IT": "1"}, "WARNING: settings: MAIL_NOTHING_LIKE_IT is no setting"),
        (
            {"SECRET_KEY_FALLBACKS": "x" * 40 + ",short"},
            "WARNING: SECRET_KEY_FALLBACKS: number 2 is shorter than 32 bytes",
        ),
        ({"PUBLIC_URL": "http://blog.tutorial-site.org"}, "WARNING: PUBLIC_URL: http://blog"),
        ({"PUBLIC_URL": "http://localhost:5000"}, "WARNING: PUBLIC_URL: links in mail lead to"),
        ({"TRUSTED_PROXIES": "0"}, "WARNING: TRUSTED_PROXIES: is 0, though https needs"),
        ({"DEBUG": "on"}, "WARNING: DEBUG: is on, which is for development only. Remove DEBUG."),
        ({"RATELIMIT_ENABLED": "off"}, "WARNING: rate limits: are off: "),
        (
            {"WEB_CONCURRENCY": "4"},
            "WARNING: rate limits: Each of 4 web processes counts for itself",
        ),
        ({"WEB_CONCURRENCY": "0"}, "WRONG: settings: WEB_CONCURRENCY must be at least 1"),
        ({"ADMINS": ""}, "WARNING: ADMINS: is not set: mail comes from no-reply@blog.tutorial"),
        ({"ADMINS": "admin@example.com"}, "WARNING: sender: admin@example.com is in a domain that"),
        ({"ADMINS": "admin@[192.0.2.1]"}, "WARNING: sender: admin@[192.0.2.1] is in a domain that"),
        (
            {"MAIL_USERNAME": "somebody@another-site.org", "MAIL_PASSWORD": "hunter2"},
            "WARNING: sender: admin@tutorial-site.org is not in the domain of the account",
        ),
        ({"MAIL_SUPPRESS_SEND": "on"}, "WARNING: mail server: MAIL_SUPPRESS_SEND is on: no mail"),
        (
            {"MAIL_REDIRECT_TO": "qa@tutorial-site.org dev@tutorial-site.org"},
            "WARNING: mail server: MAIL_REDIRECT_TO is set: all mail goes to qa@tutorial-site.org,"
            " dev@tutorial-site.org instead of its recipients.",
        ),
        ({"MAIL_DKIM_KEY_FILE": __file__}, "WRONG: settings: MAIL_DKIM_SELECTOR is missing"),
        (
            {"MAIL_DKIM_KEY_FILE": __file__, "MAIL_DKIM_SELECTOR": "s1"},
            "WRONG: signatures: MAIL_DKIM_KEY_FILE names",
        ),
        ({"INSTANCE_PATH": __file__}, "WRONG: INSTANCE_PATH: "),
        ({"LOG_FILE": f"{__file__}/site.log"}, "WRONG: LOG_FILE: "),
        ({"LOG_FILE": str(Path(__file__).parent)}, "WRONG: LOG_FILE: "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_what_is_wrong_with_the_settings(
    microblog: Command, changes: dict[str, str], said: str
) -> None:
    subject = said.split(": ")[1]
    assert any(line.startswith(said) for line in lines(microblog, subject, **changes))


@ON_SQLITE
def test_where_settings_cannot_be_read_nothing_else_is_tried(
    microblog: Command, smtp: ScriptedServer
) -> None:
    checked = microblog("check", **GOOD, MAIL_TIMEOUT="soon", SECRET_KEY="short")
    assert checked.exit_code == 1
    said = checked.stdout.splitlines()
    assert {line.partition(": ")[0] for line in said[:-1]} == {"WRONG"}
    assert any("MAIL_TIMEOUT" in line for line in said)
    assert any("SECRET_KEY" in line for line in said)
    assert "nothing else was tried" in said[-2]
    assert smtp.connections == 0


@ON_SQLITE
@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (0o600, "ok: settings file: {file} is closed to others."),
        (0o640, "ok: settings file: {file} is closed to others."),
        (0o644, "WARNING: settings file: everybody on this machine can read {file}."),
        (0o666, "WRONG: settings file: everybody on this machine can change {file}."),
    ],
)
def test_a_file_with_secrets_is_closed_to_others(
    microblog: Command, tmp_path: Path, mode: int, said: str
) -> None:
    file = tmp_path / "settings.env"
    file.write_text("MAIL_DEFAULT_SENDR=admin@tutorial-site.org\n")
    file.chmod(mode)
    (line,) = lines(microblog, "settings file", MICROBLOG_ENV_FILE=str(file))
    assert line.startswith(said.format(file=file))
    assert ("chmod 600" in line) == (mode not in {0o600, 0o640})
    (slip,) = lines(microblog, "settings", MICROBLOG_ENV_FILE=str(file))
    assert slip.startswith("WRONG: settings: MAIL_DEFAULT_SENDR is no setting. Did you mean MAIL_")


@ON_SQLITE
def test_a_key_for_signatures_is_closed_to_others(microblog: Command, tmp_path: Path) -> None:
    file = tmp_path / "dkim.key"
    file.write_text("A" * 43 + "=")
    file.chmod(0o644)
    signing = {"MAIL_DKIM_KEY_FILE": str(file), "MAIL_DKIM_SELECTOR": "s1"}
    (line,) = lines(microblog, "MAIL_DKIM_KEY_FILE", **signing)
    assert line.startswith(
        f"WARNING: MAIL_DKIM_KEY_FILE: everybody on this machine can read {file}"
    )
    assert lines(microblog, "signatures", **signing) == [
        "ok: signatures: mail is signed with the key s1."
    ]


# The database


@ON_SQLITE
def test_a_database_that_is_not_there_yet_is_not_made(microblog: Command, tmp_path: Path) -> None:
    folder = tmp_path / "new"
    (line,) = lines(microblog, "database", INSTANCE_PATH=str(folder), DATABASE_URL="sqlite:///a.db")
    assert line == f"ok: database: {folder / 'a.db'} will be made at the start."
    assert not folder.exists()


@ON_SQLITE
def test_a_file_that_is_no_database(microblog: Command, tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("This is a letter and no database. " * 100)
    (line,) = lines(microblog, "database", DATABASE_URL="sqlite:///a.db")
    assert line.startswith(f"WRONG: database: {tmp_path / 'a.db'} cannot be used: file is not a")
    assert line.endswith("Name another in DATABASE_URL.")


@ON_SQLITE
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/nonexistent/site.db", "cannot be made: No such file or directory"),
        ("/proc/site.db", "cannot be made: "),  # a folder in which not even root makes files
        ("{folder}/letter/site.db", "cannot be made: Not a directory"),
        ("{folder}/gone.db", "cannot be made: No such file or directory"),
        ("{folder}", "cannot be used: unable to open database file"),
        ("file:{folder}/empty.db?mode=ro&uri=true", "attempt to write a readonly database"),
    ],
)
def test_a_file_that_cannot_be_a_database(
    microblog: Command, tmp_path: Path, address: str, says: str
) -> None:
    """The check said ok, and the site did not start."""
    (tmp_path / "letter").touch()
    (tmp_path / "gone.db").symlink_to("/nonexistent/site.db")
    sqlite3.connect(tmp_path / "empty.db").close()
    address = f"sqlite:///{address.format(folder=tmp_path)}"
    (line,) = lines(microblog, "database", DATABASE_URL=address)
    assert line.startswith("WRONG: database: ")
    assert says in line
    started = microblog("run", DATABASE_URL=address)
    assert started.exit_code != 0


@ON_SQLITE
def test_a_disk_with_little_room(
    microblog: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "FULL_SHARE", 2.0)
    monkeypatch.setattr(readiness, "FULL_BYTES", 2**80)
    (line,) = lines(microblog, "disk", LOG_FILE=str(tmp_path / "site.log"))
    assert line.startswith("WARNING: disk: ")
    assert "Make room" in line


@ON_SQLITE
def test_a_database_of_a_newer_version(microblog: Command, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "site.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    (line,) = lines(microblog, "database")
    assert line.startswith("WRONG: database: The database was made by a newer version")
    refused = microblog("mail", "list")
    assert refused.exit_code == 1
    assert "made by a newer version" in refused.stderr


@ON_SQLITE
def test_an_older_database_is_brought_up_to_date_by_itself(
    microblog: Command, tmp_path: Path
) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    (line,) = lines(microblog, "database", DATABASE_URL="sqlite:///empty.db")
    assert line.startswith("ok: database: ")
    assert "brought up to date at the start" in line


@ON_SQLITE
@pytest.mark.parametrize(
    ("address", "says", "mend"),
    [
        (POSTGRESQL, "its schema is not up to date", "Run: microblog db upgrade"),
        (postgresql_url("nothing_like_it"), "does not exist", "createdb"),
        (
            POSTGRESQL.replace("postgres@", "nobody_like_that:hunter2@"),
            "nobody_like_that",
            "DATABASE_URL",
        ),
        ("postgresql://postgres@127.0.0.1:{free}/postgres", "refused", "Is the database server"),
        ("postgresql://postgres@nowhere.invalid/postgres", "nowhere.invalid", "slip in the host"),
    ],
)
def test_what_is_wrong_with_postgresql(
    microblog: Command, address: str, says: str, mend: str
) -> None:
    need(has_postgresql(), "PostgreSQL")
    address = address.replace("{free}", str(choose_free(HOST)))
    (line,) = lines(microblog, "database", DATABASE_URL=address)
    assert line.startswith("WRONG: database: ")
    assert says in line
    assert mend in line


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_takes_no_changes(microblog: Command, database_url: str) -> None:
    replica = f"{database_url}?options=-c%20default_transaction_read_only%3Don"
    (line,) = lines(microblog, "database", DATABASE_URL=replica)
    assert line.startswith("WRONG: database: ")
    assert "This database takes no changes" in line


def test_mail_that_nobody_delivers(microblog: Command, app: Flask) -> None:
    with app.app_context():
        send_email("Hello", None, ["susan@example.com"], "text")
        assert lines(microblog, "outbox") == []
        with transaction() as session:
            for row in session.merge_all(rows(app)):
                row.due_at = time.time() - 3600
    (line,) = lines(microblog, "outbox")
    assert line.startswith(
        "WARNING: outbox: 1 message is overdue by 60 min: no dispatcher seems to be running."
    )


# Brokers


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("broker", "said"),
    [
        (RABBITMQ, "ok: broker: "),
        (RABBITMQ.replace("guest:guest", "guest:hunter2"), "Look at user and password in"),
        (f"{RABBITMQ.rstrip('/')}/nowhere", "Look at the virtual host"),
        ("amqp://127.0.0.1:{free}//", "Is the broker running?"),
        (REDIS, "ok: broker: "),
        ("redis://127.0.0.1:{free}/0", "Is the broker running?"),
    ],
    ids=["RabbitMQ", "password", "virtual host", "no RabbitMQ", "Redis", "no Redis"],
)
def test_a_broker_is_asked(microblog: Command, broker: str, said: str) -> None:
    need(has_broker(RABBITMQ), "RabbitMQ")
    need(has_broker(REDIS), "Redis")
    broker = broker.replace("{free}", str(choose_free(HOST)))
    (line,) = lines(microblog, "broker", CELERY_BROKER_URL=broker)
    assert said in line
    assert line.startswith("ok: " if said.startswith("ok") else "WRONG: ")


@ON_SQLITE
def test_the_place_of_the_rate_limits_is_asked(microblog: Command) -> None:
    need(has_broker(REDIS), "Redis")
    (line,) = lines(microblog, "rate limits", RATELIMIT_STORAGE_URI=REDIS)
    assert line.startswith("ok: rate limits: counted in Redis at ")
    nobody = f"redis://user:hunter2@{HOST}:{choose_free(HOST)}/0"
    (line,) = lines(microblog, "rate limits", RATELIMIT_STORAGE_URI=nobody)
    assert line.startswith("WRONG: rate limits: Redis at ")
    assert "RATELIMIT_STORAGE_URI" in line


# The sender's domain


@ON_SQLITE
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "ok: sender's domain: tutorial-site.org has SPF and DMARC, and receives mail."),
        (
            {("tutorial-site.org.", "TXT"): []},
            "WARNING: sender's domain: tutorial-site.org has no record for these: SPF.",
        ),
        (
            {("tutorial-site.org.", "TXT"): ['"v=spf1 -all"', '"v=spf1 +mx"']},
            "WARNING: sender's domain: tutorial-site.org has 2 SPF records. Merge them.",
        ),
        (
            {("_dmarc.tutorial-site.org.", "TXT"): ['"v=spf1 -all"']},
            "WARNING: sender's domain: tutorial-site.org has no record for these: DMARC.",
        ),
        (
            {("tutorial-site.org.", "MX"): ["0 ."]},
            "WARNING: sender's domain: tutorial-site.org receives no mail: ",
        ),
        (
            {("tutorial-site.org.", "MX"): []},
            "WARNING: sender's domain: tutorial-site.org receives no mail: ",
        ),
        (
            {("tutorial-site.org.", "MX"): [], ("tutorial-site.org.", "A"): ["192.0.2.1"]},
            "ok: sender's domain: ",
        ),
    ],
)
def test_what_the_dns_says_of_the_sender(
    microblog: Command, names: NameServer, change: Any, said: str
) -> None:
    names.records |= change
    assert lines(microblog, "sender's domain")[0].startswith(said)


@ON_SQLITE
def test_a_domain_below_another_may_use_its_policy(microblog: Command, names: NameServer) -> None:
    for kind in ("TXT", "MX"):
        names.records["mail.tutorial-site.org.", kind] = names.records["tutorial-site.org.", kind]
    (line,) = lines(microblog, "sender's domain", ADMINS="admin@mail.tutorial-site.org")
    assert line.startswith("ok: ")


@ON_SQLITE
def test_a_domain_that_is_not_there(microblog: Command) -> None:
    said = lines(microblog, "sender's domain", ADMINS="admin@tutorial-sight.org")
    assert "has no record for these: SPF, DMARC." in said[0]
    assert "receives no mail" in said[1]


@ON_SQLITE
def test_a_dns_that_knows_nothing(microblog: Command, names: NameServer) -> None:
    names.fails = True
    (line,) = lines(microblog, "sender's domain")
    assert line.startswith("WARNING: sender's domain: the DNS could not be asked about tutorial-")


@ON_SQLITE
def test_the_published_key_must_be_ours(
    microblog: Command, names: NameServer, tmp_path: Path
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    file = tmp_path / "dkim.key"
    file.write_bytes(base64.b64encode(b"k" * 32))
    file.chmod(0o600)
    signing = {"MAIL_DKIM_KEY_FILE": str(file), "MAIL_DKIM_SELECTOR": "s1"}
    where = ("s1._domainkey.tutorial-site.org.", "TXT")
    missing = lines(microblog, "sender's domain", **signing)[1]
    assert missing.startswith("WRONG: sender's domain: there is no public key at s1._domainkey.tut")
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    names.records[where] = [f'"v=DKIM1; k=ed25519;" " p={public}"']
    assert lines(microblog, "sender's domain", **signing)[1].startswith("ok: sender's domain: the")
    other = base64.b64encode(b"o" * 32).decode()
    names.records[where] = [f'"v=DKIM1; k=ed25519; p={other}"']
    differs = lines(microblog, "sender's domain", **signing)[1]
    assert differs.startswith(
        "WRONG: sender's domain: the key at s1._domainkey.tutorial-site.org is"
    )


# The return path


@ON_SQLITE
def test_the_return_path_must_belong_to_the_sender(microblog: Command, names: NameServer) -> None:
    (line,) = lines(microblog, "return path", MAIL_RETURN_PATH="bounces@tutorial-site.org")
    assert line == (
        "ok: return path: tutorial-site.org, the domain of From, is spoken for by SPF (DMARC)."
    )
    assert lines(microblog, "return path", MAIL_RETURN_PATH="bounces@example.com") == []
    said = lines(microblog, "return path", MAIL_RETURN_PATH="bounces@elsewhere-site.org")
    assert said[0].startswith("WRONG: return path: elsewhere-site.org receives no mail")
    assert said[-1].startswith("WARNING: return path: neither the return path nor a signature")
    assert lines(microblog, "return path") == []


@ON_SQLITE
def test_a_bounce_is_tried_when_somebody_asks(microblog: Command, app: Flask) -> None:
    nobody = "nobody@elsewhere-site.org"
    with ScriptedServer() as server:
        server.script = {"rcpt": "550 5.1.1 No such user"}
        settings = GOOD | {
            "MAIL_PORT": str(server.port),
            "MAIL_RETURN_PATH": "bounces@tutorial-site.org",
        }
        (tried,) = _bounce(microblog, nobody, settings)
        microblog("mail", "suppressed", nobody, "--add", "She asked us.", **settings)
        (left,) = _bounce(microblog, nobody, settings)
    assert tried.startswith("WARNING: bounces: the mail server refused the message itself (")
    assert left.endswith(f"Try another one, or: microblog mail suppressed {nobody} --lift")


def _bounce(microblog: Command, address: str, settings: dict[str, str]) -> list[str]:
    checked = microblog("check", "--bounce", address, **settings)
    return [one for one in checked.stdout.splitlines() if ": bounces: " in one]


# The mail server


@ON_SQLITE
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ({"connect": STALL}, 'WRONG: mail server: {place}, failed at the step "greeting": no'),
        (
            {"connect": "554 5.7.1 Go away"},
            'WRONG: mail server: {place}, failed at the step "greet',
        ),
        ({"mail": "553 5.7.1 Not you"}, 'WRONG: mail server: {place}, failed at the step "sender"'),
        ({"mail": "450 4.7.1 Wait"}, 'WARNING: mail server: {place}, failed at the step "sender"'),
    ],
)
def test_what_is_wrong_with_the_mail_server(
    microblog: Command, smtp: ScriptedServer, script: dict[str, Any], said: str
) -> None:
    smtp.script = script
    (line,) = lines(microblog, "mail server", MAIL_TIMEOUT="0.5")
    assert line.startswith(said.format(place=f"127.0.0.1, port {smtp.port}"))
    assert len(line) > len(said) + 60, "there is no advice"


@ON_SQLITE
def test_a_wrong_password_is_told_without_it(microblog: Command) -> None:
    with ScriptedServer(auth="PLAIN", users={"mailer": "right-password"}) as server:
        (line,) = lines(
            microblog,
            "mail server",
            MAIL_PORT=str(server.port),
            MAIL_USERNAME="mailer",
            MAIL_PASSWORD="hunter2",
        )
    assert 'failed at the step "log-in": 535' in line
    assert "The username or the password is wrong" in line


@ON_SQLITE
def test_a_bad_certificate_is_told(microblog: Command, authority: Authority) -> None:
    with ScriptedServer(tls=authority.context(expired=True)) as server:
        (line,) = lines(
            microblog,
            "mail server",
            MAIL_PORT=str(server.port),
            MAIL_USE_TLS="on",
            MAIL_CA_FILE=str(authority.ca_file),
        )
    assert line.startswith("WRONG: mail server: ")
    assert "has expired. Its administrator must renew it" in line


@ON_SQLITE
def test_a_token_server_is_asked_too(microblog: Command, tokens: TokenServer) -> None:
    with ScriptedServer(auth="XOAUTH2", users={"mailer": "token-1"}) as server:
        oauth = {
            "MAIL_PORT": str(server.port),
            "MAIL_USERNAME": "mailer",
            "MAIL_OAUTH_TOKEN_URL": tokens.url,
            "MAIL_OAUTH_CLIENT_ID": "client",
            "MAIL_OAUTH_CLIENT_SECRET": "hunter2",
        }
        (good,) = lines(microblog, "mail server", **oauth)
        (refused,) = lines(microblog, "mail server", **oauth | {"MAIL_OAUTH_CLIENT_ID": "other"})
    assert good.startswith("ok: mail server: ")
    assert "Logged in as mailer." in good
    assert "The token server gave no token." in refused


@ON_SQLITE
def test_a_check_that_fails_does_not_hide_the_others(
    microblog: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check_the_weather(_settings: object) -> Iterator[Any]:
        raise SettingsError(["it rains"])

    monkeypatch.setattr(checks, "CHECKS", [check_the_weather, *checks.CHECKS])
    (line,) = lines(microblog, "the weather")
    assert line == "WRONG: the weather: the check itself failed: SettingsError: it rains"
    assert lines(microblog, "mail server")


def test_who_may_tell_what_became_of_mail(microblog: Command, app: Flask) -> None:
    opened, closed = lines(microblog, "webhooks", MAIL_WEBHOOK_MAILGUN_KEY="a long signing key")
    assert opened == "ok: webhooks: /mail-events/<provider> takes those of mailgun."
    assert closed.endswith("MAIL_WEBHOOK_SES_TOPICS, MAIL_WEBHOOK_POSTMARK_LOGIN.")
