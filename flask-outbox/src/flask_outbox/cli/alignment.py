"""Whether receivers see author, return path and signature as one sender's: SPF, DKIM and DMARC.

Sources: RFC 7208 (SPF), RFC 6376 (DKIM), RFC 7489 (DMARC), RFC 7505 (a domain without mail). Which
domains belong together is found as DMARC's revision does, by walking up the DNS: no list of public
suffixes is needed. A domain with several SPF or DMARC records has none that counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import dns.exception
import dns.resolver

from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.translation import gettext as _

Look = Callable[[str, str], list[str]]
"""The records of a name and a type, as texts; none where there are none. Raises DNSException where
nobody can say."""

ANSWER_SECONDS = 5.0

LABELS_MAXIMUM = 8
"""So many names are asked while walking up: a longer one must not make a hundred questions."""

_IS_DMARC = re.compile(r"v\s*=\s*DMARC1\s*(?:;|$)")

_SAMPLE = b"From: nobody@example.com\r\n\r\nA sample.\r\n"


@dataclass(frozen=True)
class _Policy:
    """A domain's DMARC record: where it was found, and its tags."""

    found_at: str
    tags: dict[str, str]


def alignment_verdicts(
    authors: Iterable[str], return_path: str, signer: Any = None, *, look: Look | None = None
) -> Iterator[Verdict]:
    """What the DNS says of the domains of From and of the return path, and of the key of `signer`.

    `signer` is a DkimSigner, or None where this application does not sign.
    """
    look = cache(look or _look)
    try:
        yield from _receives(return_path, look)
        has_spf = len(_spf(return_path, look)) == 1
        if not has_spf:
            words = _("{domain}, where mail comes back to, doesn't have exactly one SPF record.")
            hint = _("Publish one with the servers that send for it, such as v=spf1 mx -all.")
            yield Verdict(Level.WARNING, words.format(domain=return_path), hint)
        signs = None if signer is None else signer.domain
        if signer is not None and (problem := _key_problem(signer, look)):
            yield problem
            signs = None
        for author in sorted(set(authors)):
            yield _aligned(author, return_path if has_spf else None, signs, look)
    except dns.exception.DNSException as error:
        words = _("the DNS could not be asked: {reason}.")
        reason = " ".join(str(error).split()).rstrip(".")
        yield Verdict(Level.WARNING, words.format(reason=reason))


def organizational_domain(domain: str, look: Look) -> str:
    """The domain to which this one belongs, by the DMARC records above it; else itself."""
    found = list(_policies(domain, look))
    for one in found:
        if one.tags.get("psd") == "n":
            return one.found_at
        if one.tags.get("psd") == "y" and one.found_at != domain:
            # A public suffix, such as gov.uk: what is below it are strangers.
            label = domain.removesuffix(f".{one.found_at}").rpartition(".")[2]
            return f"{label}.{one.found_at}"
    return found[-1].found_at if found else domain


def _receives(domain: str, look: Look) -> Iterator[Verdict]:
    servers = look(domain, "MX")
    receives = servers != [] or look(domain, "A") or look(domain, "AAAA")
    if not receives or [one.rpartition(" ")[2] for one in servers] == ["."]:
        words = _("{domain} receives no mail: no report about a mail comes home.")
        hint = _("Give it an MX record, or choose another address for MAIL_RETURN_PATH.")
        yield Verdict(Level.WRONG, words.format(domain=domain), hint)


def _spf(domain: str, look: Look) -> list[str]:
    return [one for one in look(domain, "TXT") if one.lower().split(" ")[0] == "v=spf1"]


def _key_problem(signer: Any, look: Look) -> Verdict | None:
    """What is wrong with the public key in the DNS: it must belong to the one that signs."""
    import dkim  # noqa: PLC0415 - an extra, which is there where there is a signer

    name = f"{signer.selector}._domainkey.{signer.domain}"
    records = look(name, "TXT")
    if not records:
        words = _("there is no public key at {name}: signatures can't be verified.")
        return Verdict(Level.WRONG, words.format(name=name), _("Publish it there."))

    def record(*_args: Any, **_options: Any) -> bytes:
        return records[0].encode()

    if dkim.verify(signer(_SAMPLE), dnsfunc=record):
        return None
    words = _("the public key at {name} isn't that of MAIL_DKIM_KEY_FILE.")
    return Verdict(Level.WRONG, words.format(name=name), _("Publish the right one there."))


def _aligned(author: str, return_path: str | None, signs: str | None, look: Look) -> Verdict:
    """Whether SPF or DKIM speaks for the domain of From, which is what DMARC asks for."""
    policies = {one.found_at: one.tags for one in _policies(author, look)}
    if not policies:
        words = _("{domain} doesn't have exactly one DMARC record, as large receivers require.")
        hint = _("Publish one at _dmarc.{domain}, such as v=DMARC1; p=none.")
        return Verdict(Level.WARNING, words.format(domain=author), hint.format(domain=author))
    tags = policies.get(author) or policies.get(organizational_domain(author, look), {})
    found = []
    if return_path and _belong(return_path, author, tags.get("aspf"), look):
        found.append("SPF")
    if signs and _belong(signs, author, tags.get("adkim"), look):
        found.append("DKIM")
    if not found:
        words = _(
            "neither the return path nor a signature of ours belongs to {domain}, the domain of"
            " From: receivers trust the mail only if the mail server signs for that domain."
        )
        hint = _("Use a return path in that domain, or sign for it (MAIL_DKIM_…).")
        return Verdict(Level.WARNING, words.format(domain=author), hint)
    words = _("{domain}, the domain of From, is spoken for by {found} (DMARC).")
    return Verdict(Level.OK, words.format(domain=author, found=", ".join(found)))


def _belong(domain: str, author: str, mode: str | None, look: Look) -> bool:
    """Whether they are one domain, or, unless the policy is strict, of one organization."""
    if domain == author:
        return True
    if mode == "s":
        return False
    return organizational_domain(domain, look) == organizational_domain(author, look)


def _policies(domain: str, look: Look) -> Iterator[_Policy]:
    """The DMARC records of a domain and of those above it, its own first."""
    labels = domain.split(".")
    starts = [0, *range(max(1, len(labels) - LABELS_MAXIMUM + 1), len(labels))]
    for name in (".".join(labels[start:]) for start in starts):
        records = [one for one in look(f"_dmarc.{name}", "TXT") if _IS_DMARC.match(one)]
        if len(records) == 1:
            tags = dict(re.findall(r"(\w+)\s*=\s*([^;\s]*)", records[0].lower()))
            yield _Policy(name, tags)


def _look(name: str, kind: str) -> list[str]:
    resolver = dns.resolver.get_default_resolver()
    try:
        found = resolver.resolve(name, kind, lifetime=ANSWER_SECONDS)
    except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
        return []
    if kind == "TXT":
        return [b"".join(one.strings).decode("utf-8", "replace") for one in found]
    return [str(one) for one in found]
