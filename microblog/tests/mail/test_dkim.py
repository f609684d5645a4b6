"""DKIM signatures are verified over what a server received, with the key in the DNS."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from flask_outbox import Email, parse_address, send_email
from flask_outbox.application import make_dispatcher
from flask_outbox.message.dkim import DkimKeyError, DkimSigner, load_signer
from flask_outbox.message.mime import render
from microblog.settings import SettingsError
from tests.constants import Make
from tests.smtp_server import ScriptedServer

pytestmark = pytest.mark.slow

SELECTOR, DOMAIN = "s2026", "microblog.example.com"

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = ed25519.Ed25519PrivateKey.generate()

PKCS1 = RSA.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
PKCS8 = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ED25519_PEM = ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ED25519_SEED = base64.b64encode(ED25519.private_bytes_raw()) + b"\n"

KEYS = {
    "rsa, pkcs1": PKCS1,
    "rsa, pkcs8": PKCS8,
    "rsa, windows": b"My key:\r\n" + PKCS8.replace(b"\n", b"\r\n"),
    "ed25519, pem": ED25519_PEM,
    "ed25519, seed": ED25519_SEED,
}


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> bytes:
    return KEYS[request.param]


def dns(key: bytes) -> Callable[..., bytes]:
    """The DNS of the sender's domain, as far as verifiers query it."""
    if key in {ED25519_PEM, ED25519_SEED}:
        record = b"v=DKIM1; k=ed25519; p=" + base64.b64encode(
            ED25519.public_key().public_bytes_raw()
        )
    else:
        public = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)

    def look_up(name: bytes, timeout: float = 5) -> bytes:
        assert name == f"{SELECTOR}._domainkey.{DOMAIN}.".encode()
        return record

    return look_up


def is_good(content: bytes, key: bytes) -> bool:
    return bool(dkim.verify(content, dnsfunc=dns(key)))


def message(**more: Any) -> bytes:
    given: dict[str, Any] = {
        "subject": "Grüße aus Wien",
        "text": "First line\n\n.a dot\nlast  line  \n\n\n",
        "html": "<p>Grüße</p>\n",
        "to": (parse_address("susan@example.com"),),
        "sender": parse_address(f"Süsan <site@{DOMAIN}>"),
    }
    return render(Email(**{**given, **more}), message_id=f"<1@{DOMAIN}>", date=1_700_000_000.0)


def test_what_a_server_received_is_verified(
    make_app: Make, smtp: ScriptedServer, tmp_path: Path, key: bytes
) -> None:
    content = deliver(make_app, smtp, tmp_path, key)
    assert content.startswith(b"DKIM-Signature: ")
    assert is_good(content, key)
    for harmless in (b"X-Seen: yes\r\n" + content, content.replace(b"Subject: ", b"SUBJECT:  ")):
        assert harmless != content
        assert is_good(harmless, key)


def test_a_changed_byte_is_noticed(make_app: Make, smtp: ScriptedServer, tmp_path: Path) -> None:
    content = deliver(make_app, smtp, tmp_path, PKCS8)
    for old, new in [
        (b"Hello, Susan", b"Hello, Susam"),
        (b"Subject: Welcome", b"Subject: Welcame"),
        (b"To: susan@", b"To: sysan@"),
        (b"From: ", b"From: evil@example.org\r\nFrom: "),
        (b"From: ", b"Subject: You won\r\nFrom: "),
        (b"From: ", b"To: everybody@example.org\r\nFrom: "),
        (b"From: ", b"Content-Type: text/html\r\nFrom: "),
        (b"MIME-Version: ", b"Content-Transfer-Encoding: base64\r\nMIME-Version: "),
        (b"MIME-Version: ", b"Reply-To: evil@example.org\r\nMIME-Version: "),
        (b"MIME-Version: ", b"List-Unsubscribe: <https://evil.example>\r\nMIME-Version: "),
    ]:
        changed = content.replace(old, new, 1)
        assert changed != content
        assert not is_good(changed, PKCS8), new


def deliver(make_app: Make, smtp: ScriptedServer, folder: Path, key: bytes) -> bytes:
    """Send a message through the outbox; return what the server received."""
    file = folder / "dkim.pem"
    file.write_bytes(key)
    app = make_app(MAIL_DKIM_KEY_FILE=file, MAIL_DKIM_SELECTOR=SELECTOR)
    with app.app_context():
        send_email("Welcome", None, ["susan@example.com"], "Hello, Susan\n", "<p>Hello</p>")
        assert make_dispatcher(app).drain() == 1
    (received,) = smtp.received
    return received.content


@pytest.mark.parametrize("local", ["susan", "süsan"])
def test_letters_beyond_ascii_are_signed_as_they_are_sent(key: bytes, local: str) -> None:
    content = message(to=(parse_address(f"{local}@example.com"),))
    signed = DkimSigner(key, SELECTOR, DOMAIN)(content)
    assert signed.endswith(content)
    assert is_good(signed, key)


def test_every_header_that_the_site_writes_is_in_the_signature() -> None:
    signed = DkimSigner(PKCS8, SELECTOR, DOMAIN)(message())
    header = b"".join(signed.partition(b"From: ")[0].split())
    names = header.partition(b";h=")[2].partition(b";")[0].decode().split(":")
    written = {line.partition(b":")[0].decode().lower() for line in headers_of(message())}
    assert written <= {*names}
    assert {"list-unsubscribe", "list-unsubscribe-post", "auto-submitted"} <= {*names}
    assert {names.count(name) for name in names} == {2}
    assert b"c=relaxed/relaxed" in header
    assert f"d={DOMAIN};".encode() in header


def headers_of(content: bytes) -> list[bytes]:
    lines = content.partition(b"\r\n\r\n")[0].split(b"\r\n")
    return [line for line in lines if not line.startswith((b" ", b"\t"))]


def test_the_domain_can_be_another_than_the_sender_s(
    make_app: Make, smtp: ScriptedServer, tmp_path: Path
) -> None:
    file = tmp_path / "dkim.pem"
    file.write_bytes(PKCS8)
    app = make_app(
        MAIL_DKIM_KEY_FILE=file,
        MAIL_DKIM_SELECTOR=SELECTOR,
        MAIL_DKIM_DOMAIN=DOMAIN,
        MAIL_DEFAULT_SENDER="site@mail.microblog.example.com",
    )
    with app.app_context():
        send_email("Welcome", None, ["susan@example.com"], "Hello\n")
        make_dispatcher(app).drain()
    assert is_good(smtp.received[0].content, PKCS8)


CUT = PKCS8[:200] + b"\n-----END PRIVATE KEY-----\n"
PUBLIC = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"nonsense",
        b"\xff\x00\xfe",
        base64.b64encode(b"too short"),
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        b"-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n",
        CUT,
        PUBLIC,
        PKCS8.replace(b"PRIVATE", b"ENCRYPTED PRIVATE"),
    ],
)
def test_a_bad_key_is_named_at_the_start(make_app: Make, tmp_path: Path, bad: bytes) -> None:
    file = tmp_path / "bad.pem"
    file.write_bytes(bad)
    with pytest.raises(SettingsError) as caught:
        make_app(MAIL_DKIM_KEY_FILE=file, MAIL_DKIM_SELECTOR=SELECTOR)
    (sentence,) = caught.value.problems
    assert sentence.startswith(
        f"MAIL_DKIM_KEY_FILE names {str(file)!r}, which contains no private key"
    )
    assert "AAAA" not in sentence


def test_a_key_file_that_cannot_be_read_is_named(make_app: Make, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MAIL_DKIM_KEY_FILE .*gone.pem.* can't be read: No"):
        make_app(MAIL_DKIM_KEY_FILE=tmp_path / "gone.pem", MAIL_DKIM_SELECTOR=SELECTOR)


def test_a_key_without_a_selector_is_named(make_app: Make, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="MAIL_DKIM_SELECTOR is missing"):
        make_app(MAIL_DKIM_KEY_FILE=tmp_path / "key.pem")


def test_an_invalid_dns_name_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dkim.pem"
    file.write_bytes(PKCS8)
    with pytest.raises(DkimKeyError, match="isn't a valid DNS name"):
        load_signer(file, "a..b", DOMAIN)


def test_a_signer_does_not_show_its_key() -> None:
    shown = repr(DkimSigner(ED25519_SEED, SELECTOR, DOMAIN))
    assert ED25519_SEED.decode().strip() not in shown


@pytest.mark.parametrize(
    ("missing", "words"), [("dkim", "needs the package dkimpy"), ("nacl", "the package pynacl")]
)
def test_a_missing_package_is_named(tmp_path: Path, missing: str, words: str) -> None:
    file = tmp_path / "dkim.key"
    file.write_bytes(ED25519_SEED)
    # A finder that hides the package, as if it were not installed.
    code = (
        "import importlib.machinery as machinery, sys\n"
        "from pathlib import Path\n"
        "find = machinery.PathFinder.find_spec\n"
        "class Without:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        return None if name == {missing!r} else find(name, path, target)\n"
        "sys.meta_path[:] = [one for one in sys.meta_path if one is not machinery.PathFinder]\n"
        "sys.meta_path.append(Without)\n"
        "from flask_outbox.message.dkim import DkimKeyError, load_signer\n"
        "try:\n"
        f"    load_signer(Path({str(file)!r}), 's', 'example.com')\n"
        "except DkimKeyError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True
    )
    assert words in done.stdout
