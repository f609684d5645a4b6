"""What the DNS says of the sender's domain: receivers ask it whether to believe a message."""

from __future__ import annotations

from collections.abc import Iterator
from gettext import gettext as _
from typing import Any

import dns.exception
import dns.resolver

from flask_outbox import parse_address
from microblog.app import signer
from microblog.cli.checks.findings import Finding, ok, warning, wrong
from microblog.cli.checks.mail_server import is_reserved
from microblog.settings import Settings, SettingsError
from microblog.web.supported_languages import gettext_noop

SENDERS_DOMAIN = gettext_noop("sender's domain")

ANSWER_SECONDS = 5.0


def _guide() -> str:
    return _("See docs/mail.md, SPF, DKIM and DMARC.")


def check_sender_domain(settings: Settings) -> Iterator[Finding]:
    """SPF, DMARC, a place for answers, and the public key where this site signs."""
    domain = parse_address(settings.sender).domain
    if is_reserved(domain):
        return
    try:
        yield from _records(domain)
        yield from _key(settings, domain)
    except dns.exception.DNSException as error:
        words = " ".join(str(error).split()).rstrip(".")
        yield warning(
            SENDERS_DOMAIN,
            _("the DNS could not be asked about {domain}: {reason}.").format(
                domain=domain, reason=words
            ),
            _guide(),
        )


def _records(domain: str) -> Iterator[Finding]:
    """RFC 7208 (SPF), RFC 7489 (DMARC), RFC 5321 and RFC 7505 (where mail to a domain goes)."""
    missing = []
    spf = [one for one in _texts(domain) if one.lower().split(" ")[0] == "v=spf1"]
    if len(spf) > 1:
        yield warning(
            SENDERS_DOMAIN,
            _("{domain} has {count} SPF records.").format(domain=domain, count=len(spf)),
            _("Merge them."),
        )
    if not spf:
        missing.append("SPF")
    if not _dmarc(domain):
        missing.append("DMARC")
    if missing:
        words = _(
            "{domain} has no record for these: {missing}. Many receivers refuse its mail, or hide"
            " it."
        ).format(domain=domain, missing=", ".join(missing))
        yield warning(SENDERS_DOMAIN, words, _guide())
    if not _receives(domain):
        yield warning(
            SENDERS_DOMAIN,
            _(
                "{domain} receives no mail: answers are lost, and some receivers refuse its"
                " messages."
            ).format(domain=domain),
            _("Give it an MX record, or send from a domain that has one."),
        )
    elif not missing:
        yield ok(
            SENDERS_DOMAIN,
            _("{domain} has SPF and DMARC, and receives mail.").format(domain=domain),
        )


def _dmarc(domain: str) -> bool:
    """Its own record, or that of a domain above it."""
    labels = domain.split(".")
    above = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    return any(
        one.lower().startswith("v=dmarc1") for name in above for one in _texts(f"_dmarc.{name}")
    )


def _receives(domain: str) -> bool:
    servers = [str(one.exchange) for one in _ask(domain, "MX")]
    if servers:
        return servers != ["."]
    return bool(_ask(domain, "A") or _ask(domain, "AAAA"))


def _key(settings: Settings, domain: str) -> Iterator[Finding]:
    if settings.MAIL_DKIM_KEY_FILE is None or settings.MAIL_DKIM_SELECTOR is None:
        return
    import dkim  # noqa: PLC0415 - an extra, for sites that sign

    try:
        signed = signer(settings)(b"From: nobody@example.com\r\n\r\nA sample.\r\n")
    except SettingsError:
        return  # said elsewhere
    name = f"{settings.MAIL_DKIM_SELECTOR}._domainkey.{settings.MAIL_DKIM_DOMAIN or domain}"
    records = _texts(name)
    if not records:
        yield wrong(
            SENDERS_DOMAIN,
            _("there is no public key at {name}.").format(name=name),
            _guide(),
        )
    elif not dkim.verify(signed, dnsfunc=lambda _name, timeout=0: records[0].encode()):  # noqa: ARG005
        yield wrong(
            SENDERS_DOMAIN,
            _("the key at {name} is not this site's.").format(name=name),
            _guide(),
        )
    else:
        yield ok(
            SENDERS_DOMAIN,
            _("the key at {name} is this site's.").format(name=name),
        )


def _texts(name: str) -> list[str]:
    return [b"".join(one.strings).decode("utf-8", "replace") for one in _ask(name, "TXT")]


def _ask(name: str, kind: str) -> list[Any]:
    """The records; none where there are none. Raises DNSException where nobody can say."""
    try:
        return list(
            dns.resolver.get_default_resolver().resolve(name, kind, lifetime=ANSWER_SECONDS)
        )
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
