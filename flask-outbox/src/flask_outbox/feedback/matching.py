"""Finding the message that a report is about, and whether the report is to be believed.

Believed are a token of ours, which only those can have who got the mail, and a provider that proved
who it is. Anything else is recorded with the message whose Message-ID it names, and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from flask_outbox.feedback.findings import Finding
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.message.addresses import AddressError, address_digest, address_key
from flask_outbox.message.return_path import ReturnPath, ReturnToken, claimed_row
from flask_outbox.outbox.email_types import DAY
from flask_outbox.outbox.models import OutboxMessage

TOKENS_TRIED = 10
"""Of those that a report has: a real one has one, which stands early."""

NAMED_TRIED = 20
"""Of the recipients that a report names: one that has a token is about one. An address in another
script takes a millisecond, for which nobody else can write."""

REPORTED_WITHIN = 30 * DAY
"""How long after it was enqueued a message is looked for by its Message-ID alone."""

_DIGEST = "sha256:"

# When a report names an address several times, what is worse counts.
_SEVERITY = (Meaning.UNKNOWN, Meaning.DELAYED, Meaning.DELIVERED)


@dataclass(frozen=True, slots=True)
class Match:
    """A finding, the message that it is about, if it was found, and whom it is about.

    `recipient_key` is the key of an address, or the digest of one, or empty.
    """

    finding: Finding
    message: OutboxMessage | None
    recipient_key: str
    is_trusted: bool

    @property
    def address_key(self) -> str | None:
        """The key of the address, or None where only its digest is known, or nothing."""
        is_known = self.recipient_key and not self.recipient_key.startswith(_DIGEST)
        return self.recipient_key if is_known else None


def match(
    session: Session, return_path: ReturnPath | None, findings: Sequence[Finding], *, at: float
) -> list[Match]:
    """The findings of one report that came in `at` that Unix time, with their messages.

    Where no message is found, one is left, without the address: anybody can write anything.
    """
    if findings and findings[0].is_authentic:
        return [_of_provider(session, return_path, one, at=at) for one in findings]
    found = _by_token(session, return_path, findings, at=at)
    found = found or _by_message_id(session, findings)
    return found or [_unmatched(one) for one in findings[:1]]


def _of_provider(
    session: Session, return_path: ReturnPath | None, finding: Finding, *, at: float
) -> Match:
    by_token = _by_token(session, return_path, [finding], at=at)
    if by_token:
        return by_token[0]
    key = _key(finding.address)
    message = _with_message_id(session, [key] if key else [], finding.message_ids)
    if message is None and finding.message_ids:
        # It went to several, and the row names the first.
        message = session.scalar(
            select(OutboxMessage)
            .where(
                OutboxMessage.created_at >= at - REPORTED_WITHIN,
                OutboxMessage.message_id.in_(finding.message_ids),
            )
            .limit(1)
        )
    if message is None:
        return _unmatched(finding)
    return Match(finding, message, key or message.recipient_key, is_trusted=True)


def _by_token(
    session: Session, return_path: ReturnPath | None, findings: Sequence[Finding], *, at: float
) -> list[Match]:
    if return_path is None or not findings or not findings[0].tokens:
        return []
    some = findings[:NAMED_TRIED]
    words = [word for one in some for word in (one.original_address, one.address)]
    # Digests: to parse an address takes time, and each is tried with each token.
    named = {
        address_digest(key): key for word in (*words, *findings[0].addressed) if (key := _key(word))
    }
    for token in findings[0].tokens[:TOKENS_TRIED]:
        row_id = claimed_row(token)
        message = session.get(OutboxMessage, row_id) if row_id is not None else None
        if message is None:
            continue
        # Named ones first: of a reduced row only the digest is known.
        candidates = [*named, message.recipient_key, *(message.recipients or ())]
        proof = return_path.read(token, candidates, at)
        if proof is not None:
            key = named.get(proof.recipient) or _proved_key(proof)
            finding = _about(key, findings)
            return [Match(finding, message, key, is_trusted=not finding.is_reply)]
    return []


def _about(key: str, findings: Sequence[Finding]) -> Finding:
    """The finding about the address that a token proves.

    An address that forwards to a dead one is not dead itself: then nobody knows.
    """
    ranked = sorted(findings, key=_severity, reverse=True)
    theirs = [one for one in ranked if key in _names(one.address) or not one.address]
    if theirs:
        return theirs[0]
    forwarded = [one for one in ranked if key in _names(one.original_address)] or ranked
    first = forwarded[0]
    domain = key.rpartition("@")[2]
    if first.meaning is Meaning.DEAD and first.address.rpartition("@")[2].lower() != domain:
        return replace(first, meaning=Meaning.AMBIGUOUS)
    return first


def _severity(finding: Finding) -> int:
    known = finding.meaning in _SEVERITY
    return _SEVERITY.index(finding.meaning) if known else len(_SEVERITY)


def _by_message_id(session: Session, findings: Sequence[Finding]) -> list[Match]:
    if not findings or not findings[0].message_ids:
        return []
    some = findings[:NAMED_TRIED]
    keys = [key for one in some if (key := _key(one.original_address) or _key(one.address))]
    message = _with_message_id(session, keys, findings[0].message_ids)
    if message is None:
        return []
    theirs = [one for one in findings if message.recipient_key in _names(one.address)]
    theirs = theirs or [
        one for one in findings if message.recipient_key in _names(one.original_address)
    ]
    return [Match(one, message, message.recipient_key, is_trusted=False) for one in theirs[:1]]


def _with_message_id(
    session: Session, keys: Iterable[str], message_ids: Sequence[str]
) -> OutboxMessage | None:
    """The message to one of these addresses that has one of these Message-IDs, by an index."""
    if not message_ids:
        return None
    return session.scalar(
        select(OutboxMessage)
        .where(OutboxMessage.recipient_key.in_([*keys]), OutboxMessage.message_id.in_(message_ids))
        .limit(1)
    )


def _unmatched(finding: Finding) -> Match:
    return Match(finding, None, "", is_trusted=False)


def _proved_key(proof: ReturnToken) -> str:
    return proof.recipient if proof.recipient.startswith(_DIGEST) else address_key(proof.recipient)


def _names(address: str) -> tuple[str, ...]:
    """By what an address may be named in a row: its key, and the digest of that."""
    key = _key(address)
    return (key, address_digest(key)) if key else ()


def _key(address: str) -> str:
    """The key of an address; empty for what is none."""
    try:
        return address_key(address) if address else ""
    except AddressError:
        return ""
