"""If the standard library's client delivers, ours does, and each recipient gets the message once.

Both have the same conversations, over real sockets: a catalogue of dialects, and mixtures of them.
`DIALECTS=full` makes 2,500 mixtures; by default there are few, the same each time.
"""

from __future__ import annotations

import os
import random
import smtplib
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import pytest

from flask_outbox.smtp.client import SmtpServer
from flask_outbox.smtp.errors import Meaning, SmtpError
from flask_outbox.smtp.recipients import remaining
from flask_outbox.smtp.submission import Envelope, RecipientsRefusedError
from flask_outbox.smtp.transport import SmtpTransport
from tests.smtp.dialect_server import PASSWORD, USER, Dialect, DialectServer
from tests.smtp.dialects import CATALOGUE
from tests.smtp_server import Authority

pytestmark = pytest.mark.slow

RECIPIENTS = ["susan@example.com", "john@example.com", "alice@example.com"]
CONTENT = "Subject: Grüße\r\n\r\nBis bald.\r\n.\r\n..\r\nEnde\r\n".encode()
OWN_NAME = "www.example.com"
MIXED = 2500 if os.environ.get("DIALECTS") == "full" else 60
SECONDS = 10.0
SECONDS_OF_SILENCE = 0.3
ATTEMPTS = 4


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("dialects"))


@pytest.fixture(scope="module")
def context(authority: Authority) -> ssl.SSLContext:
    return authority.context()


@pytest.mark.parametrize("dialect", CATALOGUE, ids=str)
def test_each_dialect_is_understood(
    dialect: Dialect, authority: Authority, context: ssl.SSLContext
) -> None:
    theirs = served_by_smtplib(dialect, context)
    ours = served_by_us(dialect, context, authority.ca_file)
    assert bool(theirs) == dialect.smtplib
    assert ours, "nobody got it"
    assert set(theirs) <= set(ours)
    assert max(ours.values()) == 1


def test_the_catalogue_has_many_dialects_each_once() -> None:
    assert len({dialect.name for dialect in CATALOGUE}) == len(CATALOGUE)
    assert sum(dialect.smtplib for dialect in CATALOGUE) >= 60


def test_conversations_mixed_from_the_dialects(
    authority: Authority, context: ssl.SSLContext, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each mixture takes each of its parts from any dialect, so that few are a real server's."""
    counted: Counter[str] = Counter()
    for dialect in mixtures(MIXED):
        theirs = served_by_smtplib(dialect, context)
        ours = served_by_us(dialect, context, authority.ca_file)
        assert set(theirs) <= set(ours), dialect
        assert not ours or max(ours.values()) == 1, dialect
        counted["smtplib"] += bool(theirs)
        counted["ours"] += bool(ours)
    assert counted["smtplib"] > MIXED / 5, "few mixtures prove something"
    with capsys.disabled():
        said = f"{MIXED} mixtures: smtplib delivers {counted['smtplib']}, ours {counted['ours']}"
        sys.stdout.write(f"\n{said}\n")


TOGETHER = ["offers", "ehlo", "auth", "prompts", "tls", "offers_encrypted", "starttls"]
"""Parts that only make sense together: what is offered, and what exists."""
ALONE = [one.name for one in fields(Dialect) if one.name not in {*TOGETHER, "name", "smtplib"}]


def mixtures(count: int) -> Iterator[Dialect]:
    chance = random.Random(5321)
    # Silence takes time, so only the catalogue has it, once.
    sources = [one for one in CATALOGUE if not one.loses_pipelined]
    for number in range(count):
        mixed = Dialect(f"mixture {number}")
        for group in [TOGETHER, *([part] for part in ALONE)]:
            source = chance.choice(sources)
            mixed = replace(mixed, **{part: getattr(source, part) for part in group})
        yield mixed


def served_by_smtplib(dialect: Dialect, context: ssl.SSLContext) -> Counter[str]:
    """The recipients that got the message from the standard library's client."""
    with DialectServer(dialect, context) as server:
        try:
            refused = sent_by_smtplib(server)
        except (smtplib.SMTPException, OSError, UnicodeError, ValueError):
            return Counter()
        served = Counter(one for recipients in server.taken for one in recipients)
        assert set(served) == set(RECIPIENTS) - set(refused)
        return served


def sent_by_smtplib(server: DialectServer) -> dict[str, tuple[int, bytes]]:
    kind = smtplib.SMTP_SSL if server.dialect.tls == "implicit" else smtplib.SMTP
    client = kind("127.0.0.1", server.port, local_hostname=OWN_NAME, timeout=SECONDS)
    try:
        if server.dialect.tls == "starttls":
            client.starttls()
        if server.dialect.auth:
            client.login(USER, PASSWORD)
        return client.sendmail("noreply@example.com", RECIPIENTS, CONTENT)
    finally:
        client.close()


def served_by_us(dialect: Dialect, context: ssl.SSLContext, ca_file: Path) -> Counter[str]:
    """The recipients that got the message from our client, with retries as by the outbox."""
    with DialectServer(dialect, context) as server:
        where = SmtpServer(
            "127.0.0.1",
            server.port,
            use_tls=dialect.tls == "starttls",
            use_ssl=dialect.tls == "implicit",
            username=USER if dialect.auth else None,
            password=PASSWORD if dialect.auth else None,
            timeout=SECONDS_OF_SILENCE if dialect.loses_pipelined else SECONDS,
            ca_file=ca_file,
            ehlo_name=OWN_NAME,
        )
        transport = SmtpTransport(where)
        left = list(RECIPIENTS)
        for _ in range(ATTEMPTS):
            left = attempt(transport, left)
            if not left:
                break
        transport.close()
        return Counter(one for recipients in server.taken for one in recipients)


def attempt(transport: SmtpTransport, recipients: list[str]) -> list[str]:
    """Send once; return the recipients that are left."""
    try:
        refused = transport.send(Envelope("noreply@example.com", recipients, CONTENT)).refused
    except RecipientsRefusedError as error:
        refused = error.refused
    except SmtpError as error:
        return [] if error.meaning is Meaning.REJECT else recipients
    return remaining(refused)
