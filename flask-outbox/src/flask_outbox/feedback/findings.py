"""What a stored report says: of each recipient one finding, whatever the way in."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_outbox.feedback.classification import classify
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.provider_events import NotUnderstoodError
from flask_outbox.feedback.providers import EVENTS
from flask_outbox.feedback.reports import (
    DIAGNOSTIC_MAXIMUM,
    TEXT_MAXIMUM,
    ReportKind,
    read_report,
)
from flask_outbox.message.return_path import find_tokens

WORDS_MAXIMUM = 500
"""Characters of a server's words that are stored and shown."""

SHOWN_BYTES = 16_000

_CODE_MAXIMUM = 16

# JSON may have a backslash before each slash.
_LINK = re.compile(r"(?i)(https?:\\?/\\?/[^\s/\\<>\"]{1,255})[^\s<>\"]*")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a report says of one recipient.

    - `address` and `original_address` are as they stand there, and may be empty.
    - `addressed` are those to whom the mail that came back is addressed, its recipient or not.
    - `event_id` tells the events of one report apart, or is empty.
    - `tokens` may be tokens of ours, `message_ids` the Message-ID of the mail, in angle brackets.
    - `is_authentic`: a provider that proved who it is says so.
    - `is_reply`: it has a sender to answer to, as no report has (RFC 5321, section 4.5.5).
    """

    meaning: Meaning
    address: str = ""
    original_address: str = ""
    addressed: tuple[str, ...] = ()
    code: str = ""
    words: str = ""
    event_id: str = ""
    tokens: tuple[str, ...] = ()
    message_ids: tuple[str, ...] = ()
    is_authentic: bool = False
    is_reply: bool = False


def read_findings(source: str, content: bytes, envelope_recipient: str) -> list[Finding]:
    """What a stored report says; empty where it says nothing that matters.

    `source` is the way in: the name of a provider, or another one, for messages. Raises
    NotUnderstoodError.
    """
    if read_events := EVENTS.get(source):
        return [
            Finding(
                one.meaning,
                one.recipient,
                code=_clean(one.code)[:_CODE_MAXIMUM],
                words=_clean(one.words)[:WORDS_MAXIMUM],
                event_id=one.event_id,
                tokens=tuple(find_tokens(one.token)),
                message_ids=(one.message_id,) if one.message_id else (),
                is_authentic=True,
            )
            for one in read_events(content)
        ]
    return _of_message(content, envelope_recipient)


def without_secrets(source: str, content: bytes) -> str:
    """What operators may read of a report: not the mail that it returns, and no links.

    Mail has links that open accounts, and who answers to it quotes them.
    """
    shown = content[:SHOWN_BYTES].decode(errors="replace")
    if source not in EVENTS:
        # Lines end as where the report is read: what follows the header is not shown as it came.
        header = shown.replace("\r\n", "\n").replace("\r", "\n").partition("\n\n")[0]
        shown = f"{header}\n\n{read_report(content).text}"
    return _LINK.sub(r"\1…", shown)


def _of_message(content: bytes, envelope_recipient: str) -> list[Finding]:
    report = read_report(content)
    if report.kind is ReportKind.AUTO_REPLY:
        return []
    if not report.recipients:
        raise NotUnderstoodError("It is not a report that anybody here understands.")
    # The address that it was delivered to comes first: a server wrote it, and not its author.
    tokens = tuple(dict.fromkeys([*find_tokens(envelope_recipient), *report.tokens]))
    findings = []
    # What all of them share is judged once for each: of fifty, each has a part of it.
    text = report.text[: max(DIAGNOSTIC_MAXIMUM, TEXT_MAXIMUM // len(report.recipients))]
    for one in report.recipients:
        meaning, code, words = Meaning.COMPLAINT, "", ""
        if report.kind is not ReportKind.COMPLAINT:
            classified = classify(one, text)
            meaning, code, words = classified.meaning, classified.code, classified.words
        findings.append(
            Finding(
                meaning,
                one.address,
                one.original_address,
                report.addressed,
                _clean(code)[:_CODE_MAXIMUM],
                _clean(words)[:WORDS_MAXIMUM],
                tokens=tokens,
                message_ids=report.message_ids,
                is_reply=report.kind is ReportKind.DELIVERY and bool(report.envelope_sender),
            )
        )
    return findings


def _clean(words: str) -> str:
    """The words without what PostgreSQL cannot store."""
    return words.replace("\0", "").encode(errors="replace").decode()
