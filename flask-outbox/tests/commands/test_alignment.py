"""Whether receivers see author, return path and signature as one sender's."""

from __future__ import annotations

import base64

import dns.exception
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from flask_outbox.cli.alignment import alignment_verdicts, organizational_domain
from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.message.dkim import DkimSigner

KEY = Ed25519PrivateKey.generate()
SIGNER = DkimSigner(base64.b64encode(KEY.private_bytes_raw()), "s1", "example.com")
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
ZONE = {
    ("bounces.example.com", "MX"): ["10 mx.example.com."],
    ("bounces.example.com", "TXT"): ["v=spf1 mx -all", "another text"],
    ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=reject; sp=none"],
    ("s1._domainkey.example.com", "TXT"): [f"v=DKIM1; k=ed25519; p={PUBLIC}"],
}
Zone = dict[tuple[str, str], list[str]]


def told(zone: Zone, signer: DkimSigner | None = SIGNER) -> list[Verdict]:
    def look(name: str, kind: str) -> list[str]:
        return zone.get((name, kind), [])

    return list(alignment_verdicts(["example.com"], "bounces.example.com", signer, look=look))


def test_what_belongs_together_is_said_to() -> None:
    (author,) = told(ZONE)
    assert author.level is Level.OK
    assert author.says == "example.com, the domain of From, is spoken for by SPF, DKIM (DMARC)."
    (alone,) = told(ZONE, signer=None)
    assert alone.says.endswith("by SPF (DMARC).")


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({("bounces.example.com", "MX"): []}, Level.WRONG, "receives no mail"),
        ({("bounces.example.com", "MX"): ["0 ."]}, Level.WRONG, "receives no mail"),
        ({("bounces.example.com", "TXT"): []}, Level.WARNING, "has no SPF record"),
        ({("bounces.example.com", "TXT"): []}, Level.OK, "spoken for by DKIM (DMARC)"),
        ({("s1._domainkey.example.com", "TXT"): []}, Level.WRONG, "no public key at s1._domainkey"),
        (
            {("s1._domainkey.example.com", "TXT"): ["v=DKIM1; k=ed25519; p=" + "A" * 43 + "="]},
            Level.WRONG,
            "isn't that of MAIL_DKIM_KEY_FILE",
        ),
        ({("_dmarc.example.com", "TXT"): []}, Level.OK, "spoken for by DKIM"),
        (
            {("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none; aspf=s"]},
            Level.OK,
            "spoken for by DKIM (DMARC)",
        ),
    ],
)
def test_what_is_missing_is_named(changed: Zone, level: Level, words: str) -> None:
    zone = {**ZONE, **changed}
    if words == "spoken for by DKIM":
        # Without a record nothing joins the two domains, and nobody can be told that they are one.
        assert told(zone)[-1].level is Level.WARNING
        assert "has no DMARC record" in told(zone)[-1].says
        return
    assert any(one.level is level and words in one.says for one in told(zone)), told(zone)


def test_a_stranger_s_return_path_without_a_signature_is_warned_of() -> None:
    zone = {("bounces.other.org", "MX"): ["10 mx.other.org."]}
    zone |= {("bounces.other.org", "TXT"): ["v=spf1 -all"]} | ZONE
    look = lambda name, kind: zone.get((name, kind), [])  # noqa: E731
    (warned,) = alignment_verdicts(["example.com"], "bounces.other.org", look=look)
    assert warned.level is Level.WARNING
    assert warned.says.startswith("neither the return path nor a signature")


def test_a_dns_that_does_not_answer_is_said_once() -> None:
    def look(_name: str, _kind: str) -> list[str]:
        raise dns.exception.Timeout

    (warned,) = alignment_verdicts(["a.example", "b.example"], "c.example", look=look)
    assert warned.level is Level.WARNING
    assert "could not be asked" in warned.says


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("mail.shop.example.co.uk", "example.co.uk"),
        ("example.co.uk", "example.co.uk"),
        ("alone.org", "alone.org"),
        ("team.own.example.co.uk", "own.example.co.uk"),
        ("a.b.c.d.e.f.g.h.i.j.example.co.uk", "example.co.uk"),
    ],
)
def test_the_organization_is_found_by_walking_up(domain: str, expected: str) -> None:
    asked: list[str] = []
    records = {
        "_dmarc.example.co.uk": ["v=DMARC1; p=none"],
        "_dmarc.own.example.co.uk": ["v=DMARC1; p=none; psd=n"],
    }

    def look(name: str, _kind: str) -> list[str]:
        asked.append(name)
        return records.get(name, [])

    assert organizational_domain(domain, look) == expected
    assert len(asked) <= 8
