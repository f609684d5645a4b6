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
        (
            {("bounces.example.com", "TXT"): []},
            Level.WARNING,
            "doesn't have exactly one SPF record",
        ),
        ({("bounces.example.com", "TXT"): []}, Level.OK, "spoken for by DKIM (DMARC)"),
        ({("s1._domainkey.example.com", "TXT"): []}, Level.WRONG, "no public key at s1._domainkey"),
        (
            {("s1._domainkey.example.com", "TXT"): ["v=DKIM1; k=ed25519; p=" + "A" * 43 + "="]},
            Level.WRONG,
            "isn't that of MAIL_DKIM_KEY_FILE",
        ),
        (
            {("bounces.example.com", "TXT"): ["v=spf1 mx -all", "v=spf1 a -all"]},
            Level.WARNING,
            "doesn't have exactly one SPF record",
        ),
        (
            {("_dmarc.example.com", "TXT"): []},
            Level.WARNING,
            "example.com doesn't have exactly one DMARC record",
        ),
        (
            {("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"]},
            Level.WARNING,
            "example.com doesn't have exactly one DMARC record",
        ),
        (
            {("_dmarc.example.com", "TXT"): ["p=none; v=DMARC1"]},
            Level.WARNING,
            "example.com doesn't have exactly one DMARC record",
        ),
        (
            {("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none; aspf=s"]},
            Level.OK,
            "spoken for by DKIM (DMARC)",
        ),
    ],
)
def test_what_is_missing_is_named(changed: Zone, level: Level, words: str) -> None:
    zone = {**ZONE, **changed}
    assert any(one.level is level and words in one.says for one in told(zone)), told(zone)


def test_a_stranger_s_return_path_without_a_signature_is_warned_of() -> None:
    zone = {("bounces.other.org", "MX"): ["10 mx.other.org."]}
    zone |= {("bounces.other.org", "TXT"): ["v=spf1 -all"]} | ZONE
    look = lambda name, kind: zone.get((name, kind), [])  # noqa: E731
    (warned,) = alignment_verdicts(["example.com"], "bounces.other.org", look=look)
    assert warned.level is Level.WARNING
    assert warned.says.startswith("neither the return path nor a signature")


def test_without_dmarc_a_domain_below_is_not_called_a_stranger() -> None:
    (warned,) = told({**ZONE, ("_dmarc.example.com", "TXT"): []}, signer=None)
    assert "doesn't have exactly one DMARC record" in warned.says


def test_strictness_is_that_of_the_domain_or_of_its_organization() -> None:
    zone = {**ZONE, ("_dmarc.example.com", "TXT"): ["v=DMARC1; p=none; aspf=s"]}
    zone[("_dmarc.team.example.com", "TXT")] = ["v=DMARC1; p=none; aspf=r"]
    look = lambda name, kind: zone.get((name, kind), [])  # noqa: E731
    levels = {
        author: [
            one.level for one in alignment_verdicts([author], "bounces.example.com", look=look)
        ]
        for author in ("example.com", "team.example.com", "a.team.example.com")
    }
    assert levels == {
        "example.com": [Level.WARNING],
        "team.example.com": [Level.OK],
        "a.team.example.com": [Level.WARNING],
    }


def test_each_question_is_asked_once() -> None:
    asked: list[tuple[str, str]] = []

    def look(name: str, kind: str) -> list[str]:
        asked.append((name, kind))
        return ZONE.get((name, kind), [])

    list(alignment_verdicts(["example.com", "a.example.com"], "bounces.example.com", look=look))
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize(
    "record", ["", "v=DKIM1; p=", "p=!", "v=DKIM1; k=rsa; p=AAAA", "p=\ufffd", "="]
)
def test_any_record_in_place_of_a_key_is_called_wrong(record: str) -> None:
    said = told({**ZONE, ("s1._domainkey.example.com", "TXT"): [record]})
    assert [one.level for one in said] == [Level.WRONG, Level.OK]


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
        ("www.tax.gov.example", "tax.gov.example"),
        ("tax.gov.example", "tax.gov.example"),
        ("gov.example", "gov.example"),
        ("a.b.c.d.e.f.g.h.i.j.example.co.uk", "example.co.uk"),
    ],
)
def test_the_organization_is_found_by_walking_up(domain: str, expected: str) -> None:
    asked: list[str] = []
    records = {
        "_dmarc.example.co.uk": ["v=DMARC1; p=none"],
        "_dmarc.own.example.co.uk": ["v=DMARC1; p=none; psd=n"],
        "_dmarc.gov.example": ["v=DMARC1; p=reject; psd=y"],
    }

    def look(name: str, _kind: str) -> list[str]:
        asked.append(name)
        return records.get(name, [])

    assert organizational_domain(domain, look) == expected
    assert len(asked) <= 8
