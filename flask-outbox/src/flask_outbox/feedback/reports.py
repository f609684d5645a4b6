"""Reading what comes back about mail: which message it is about, and what it says of each address.

Understood are delivery status notifications (RFC 3464, and RFC 6533 with addresses in UTF-8),
complaints (RFC 5965), and reports that servers write in words only. What a report means for an
address is said by `classification`. Anybody can write one: nothing that is found here is proved but
a token's signature, all work is bounded (see `mime_parts`), and nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from flask_outbox.feedback.mime_parts import Header, Part, read_fields, read_header, read_parts
from flask_outbox.feedback.notices import (
    ADDRESS,
    read_notice,
    split_off_returned,
    without_subject,
)
from flask_outbox.feedback.sns_mail import SesNotice, read_ses_notice
from flask_outbox.message.return_path import TOKEN_HEADER, find_tokens

TEXT_MAXIMUM = 16_000
"""Characters of a report's words for people that are kept; it has a few hundred."""

DIAGNOSTIC_MAXIMUM = 2000
"""Characters of the words about one address of several that are kept."""

RECIPIENTS_MAXIMUM = 50
"""Recipients of one report that are kept; a message with a return path has one."""

ADDRESS_MAXIMUM = 320
"""Characters of an address that are kept, whatever stands there."""

ACTION_MAXIMUM = 20
"""Characters of an action that are kept: those of RFC 3464 have nine at most."""

BLOCKS_MAXIMUM = 200
"""Blocks of a delivery status that are read: one for the message, and one for each recipient."""

IDS_MAXIMUM = 20
"""Message-IDs that are kept."""

FEEDBACK_TYPE = "message/feedback-report"
STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
RETURNED_TYPES = frozenset(
    {
        "message/rfc822",
        "message/global",
        "message/partial",
        "message/rfc822-headers",
        "message/global-headers",
        "text/rfc822-headers",
        "text/rfc822-header",
        "text/rfc822",
    }
)
COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})
"""Values of Feedback-Type behind which a reader is who wants no such mail (RFC 5965, 7.3)."""

BOUNCE_WORDS = re.compile(
    r"(?i)\b(?:undeliver(?:able|ed)|(?:not|never|n't) (?:be )?(?:delivered|sent|reach)"
    r"|cannot (?:be )?deliver|deliver\w* (?:has |have )?(?:failed|been delayed|problems?|error)"
    r"|failed (?:permanently|recipient)|trouble delivering|mailer-daemon|mail delivery system)"
)
"""What reports say in words, where they come from a sender of any name."""

_DAEMON = re.compile(r"(?i)mailer-?daemon|postmaster|mail delivery (?:sub)?system|<>")
_AUTOMATIC = re.compile(r"(?i)auto-replied|auto_?reply")
_CODE = re.compile(
    r"(?<![\d.\w])[45]\.[0-7]\.\d{1,3}(?![.\d])"
    r"|(?:^|said: |<<< |\berror\w{0,10}[:=] ?|: )[45][0-5]\d(?:[ -]|$)",
    re.MULTILINE,
)
_STATUS = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_COMMENT = re.compile(r"\((.*)\)", re.DOTALL)
_BLOCKS = re.compile(r"\n(?:[ \t]*\n)+")
_MESSAGE_ID = re.compile(r"<[^<>\s]{1,500}>")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}[ \t]*;")
_ROUTE = re.compile(r"@[^:@]{1,255}:")
_ESCAPED = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_ADDRESSED = ("to", "delivered-to", "x-original-to", "envelope-to", "apparently-to")
_SENDERS = ("from", "sender", "return-path", "reply-to")
_AUTOMATIC_FIELDS = (
    "x-autoreply",
    "x-autorespond",
    "x-mail-autoreply",
    "x-auto-response-suppress",
    "x-ms-exchange-inbox-rules-loop",
)
_OUTLOOKS_RECIPIENT = "x-hmxmroriginalrecipient"


class ReportKind(StrEnum):
    """What a message at the return path is."""

    DELIVERY = "delivery"
    """It says what became of a message, for each recipient."""
    COMPLAINT = "complaint"
    """A reader called the message spam."""
    AUTO_REPLY = "auto-reply"
    """A program answered for a person: without consequences."""
    UNKNOWN = "unknown"
    """Nobody understands it."""


_SES_KINDS = {
    "Bounce": ReportKind.DELIVERY,
    "Delivery": ReportKind.DELIVERY,
    "Complaint": ReportKind.COMPLAINT,
}
WITH_RECIPIENTS = frozenset({ReportKind.DELIVERY, ReportKind.COMPLAINT})


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What a report says of one address, as it stands there; what is not there is empty.

    `action` is one of RFC 3464 in lower case, `status` an enhanced code, and `diagnostic` the words
    of the server.
    """

    address: str
    original_address: str = ""
    action: str = ""
    status: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A message at the return path.

    - `tokens` may be tokens of ours, the likeliest first; only their signature proves it.
    - `message_ids` are those of the mail that it is about, with angle brackets.
    - `addressed` are the addresses in its To and Cc, of whom one may have got it.
    - `own_id` is its own Message-ID, or empty.
    - `envelope_sender` is None where nobody noted it, or where SNS sent it, which mails from an
      address; that of other reports is empty (RFC 5321, 4.5.5).
    - `text` has its words for people, without the mail that it returns and its subject.
    """

    kind: ReportKind
    recipients: tuple[RecipientReport, ...]
    tokens: tuple[str, ...]
    message_ids: tuple[str, ...]
    addressed: tuple[str, ...]
    own_id: str
    envelope_sender: str | None
    text: str


def read_report(content: bytes) -> Report:
    """Read a message; of a long one only the beginning."""
    header, leaves = read_parts(content)
    found = _Sorted(leaves)
    sender = _envelope_sender(header)
    if notice := read_ses_notice(found.text):
        kind, recipients, sender = _SES_KINDS[notice.kind], _of_ses(notice), None
    else:
        recipients = found.recipients()
        kind = _kind(header, found, bool(recipients))
        if kind is ReportKind.COMPLAINT:
            recipients = found.complained()
        elif not recipients:
            recipients = _of_words(header, found)
    return Report(
        kind=kind,
        recipients=tuple(recipients[:RECIPIENTS_MAXIMUM]) if kind in WITH_RECIPIENTS else (),
        tokens=_tokens(header, found),
        message_ids=tuple(_message_ids(header, found, notice.message_id if notice else "")),
        addressed=tuple(_spelled(found.header.all("to", "cc")))[:RECIPIENTS_MAXIMUM],
        own_id=next(_ids(header.all("message-id")), ""),
        envelope_sender=sender,
        text=found.text,
    )


class _Sorted:
    """The parts of a message by what they are for.

    `text` has the words for people, without the mail that is `returned`; `blocks` are those of the
    delivery status, `feedback` the fields of a complaint.
    """

    def __init__(self, leaves: Iterable[Part]) -> None:
        words: list[str] = []
        pages: list[str] = []
        self.blocks: list[Header] = []
        self.feedback: Header | None = None
        self.returned = ""
        for part in leaves:
            if part.content_type in STATUS_TYPES:
                self.blocks += _blocks(part.text)
            elif part.content_type == FEEDBACK_TYPE:
                self.feedback = self.feedback or read_fields(part.text.splitlines())
            elif part.content_type in RETURNED_TYPES:
                self.returned = self.returned or part.text
            elif part.content_type == "text/html":
                pages.append(part.text)
            elif part.content_type.startswith(("text/", "multipart/")) and not self.returned:
                own, self.returned = split_off_returned(part.text[: 4 * TEXT_MAXIMUM])
                words.append(own)
        self.text = without_subject("\n".join(words or pages)[:TEXT_MAXIMUM])
        self.header = read_header(self.returned)
        if not self.blocks and "Final-Recipient:" in self.text:
            self.blocks = _blocks(self.text)

    def recipients(self) -> list[RecipientReport]:
        """What the delivery status says of each recipient."""
        about = [one for one in self.blocks if one.all("final-recipient", "original-recipient")]
        about = about or [one for one in self.blocks if one.get("action") and one.get("status")]
        return [_recipient(one) for one in about[:RECIPIENTS_MAXIMUM]]

    def complained(self) -> list[RecipientReport]:
        """Whom a complaint comes from; often nobody may know (RFC 6590)."""
        feedback = (
            self.feedback.all("original-rcpt-to", "removal-recipient") if self.feedback else []
        )
        addresses = feedback or self.header.all(_OUTLOOKS_RECIPIENT) or [""]
        return [RecipientReport(_address(one)) for one in addresses]


def _blocks(text: str) -> list[Header]:
    blocks = _BLOCKS.split(text.strip(), maxsplit=BLOCKS_MAXIMUM)[:BLOCKS_MAXIMUM]
    return [read_fields(block.splitlines()) for block in blocks]


def _recipient(block: Header) -> RecipientReport:
    status = block.get("status")
    comment = _COMMENT.search(status)
    words = _without_type(block.get("diagnostic-code")) or (comment[1] if comment else "")
    original = _address(block.get("original-recipient"))
    return RecipientReport(
        address=_address(block.get("final-recipient")) or original,
        original_address=original,
        action=block.get("action").partition(" ")[0].strip().lower()[:ACTION_MAXIMUM],
        status=_status(status),
        diagnostic=words.strip()[:DIAGNOSTIC_MAXIMUM],
    )


def _status(written: str) -> str:
    found = _STATUS.search(written)
    return found[0] if found else ""


def _of_words(header: Header, found: _Sorted) -> list[RecipientReport]:
    """What a report without a delivery status says of each recipient."""
    failed = [one for line in header.all("x-failed-recipients") for one in line.split(",")]
    named = [one for one in map(_address, failed) if one]
    own = _spelled(found.header.all(*_SENDERS) + header.all("to"))
    notices = read_notice(found.text, own, named)
    # Where all words are about one, the reason may come late.
    maximum = DIAGNOSTIC_MAXIMUM if len(notices) > 1 else TEXT_MAXIMUM
    return [
        RecipientReport(_address(one.address), diagnostic=one.words.strip()[:maximum])
        for one in notices
    ]


def _spelled(lines: Iterable[str]) -> list[str]:
    """The addresses in these lines, in their order."""
    return [one[0].rstrip(".-") for line in lines for one in ADDRESS.finditer(line)]


def _of_ses(notice: SesNotice) -> list[RecipientReport]:
    return [
        RecipientReport(
            _address(address),
            action=action,
            status=_status(status),
            diagnostic=_without_type(words)[:DIAGNOSTIC_MAXIMUM],
        )
        for address, action, status, words in notice.recipients[:RECIPIENTS_MAXIMUM]
    ]


def _kind(header: Header, found: _Sorted, has_status: bool) -> ReportKind:
    if found.feedback is not None:
        kind = found.feedback.get("feedback-type").lower()
        return ReportKind.COMPLAINT if kind in COMPLAINTS else ReportKind.UNKNOWN
    if not has_status and found.header.get(_OUTLOOKS_RECIPIENT):
        return ReportKind.COMPLAINT
    has_words = bool(_CODE.search(found.text) or BOUNCE_WORDS.search(found.text))
    of_server = _DAEMON.search(header.get("from")) or header.get("x-failed-recipients")
    if has_status or of_server or (has_words and found.returned):
        return ReportKind.DELIVERY
    automatic = " ".join(header.all("auto-submitted", "precedence", "x-precedence"))
    if _AUTOMATIC.search(automatic) or header.all(*_AUTOMATIC_FIELDS):
        return ReportKind.AUTO_REPLY
    # What has an empty sender and says nothing known is shown to operators: it may be a report.
    of_nobody = not _envelope_sender(header)
    return ReportKind.DELIVERY if has_words and of_nobody else ReportKind.UNKNOWN


def _tokens(header: Header, found: _Sorted) -> tuple[str, ...]:
    """What may be tokens of ours, where they belong first, and then wherever they stand.

    Servers return them in the envelope and in the mail's header; some only quote the latter.
    """
    places = found.header.all(TOKEN_HEADER.lower(), "return-path")
    places += [one for block in found.blocks for one in block.all("original-envelope-id")]
    places += header.all(*_ADDRESSED)
    places += [value for block in found.blocks for _name, value in block.fields]
    anywhere = (found.text, found.returned[:TEXT_MAXIMUM])
    return tuple(find_tokens("\n".join((*places, *anywhere))))


def _message_ids(header: Header, found: _Sorted, noticed: str) -> list[str]:
    """The Message-IDs of the mail that it is about, the most certain first."""
    lines = [noticed, *found.header.all("message-id")]
    lines += [one for block in found.blocks for one in block.all("x-original-message-id")]
    lines += header.all("in-reply-to", "references")
    return list(dict.fromkeys(_ids(lines)))[:IDS_MAXIMUM]


def _ids(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        found = _MESSAGE_ID.findall(line)
        yield from found
        if not found and line.strip():
            yield f"<{line.split()[0]}>"


def _envelope_sender(header: Header) -> str | None:
    """The sender that the receiving server noted, or None."""
    noted = header.all("return-path")
    if not noted:
        return None
    address = _address(noted[0])
    # What sendmail notes where the sender is empty.
    return "" if address.partition("@")[0].lower() == "mailer-daemon" else address


def _address(value: str) -> str:
    """The address in a field, without its type, comments, route and brackets."""
    text = _without_type(value)
    if "<" in text:
        text = text.partition("<")[2].partition(">")[0]
    text = _ESCAPED.sub(lambda one: _letter(one[1]), text.partition("(")[0].strip())
    return _ROUTE.sub("", text, count=1).strip("<> \t\"'")[:ADDRESS_MAXIMUM]


def _without_type(value: str) -> str:
    """The field without its "rfc822;" or "smtp;"."""
    typed = _ADDRESS_TYPE.match(value)
    return value[typed.end() :].strip() if typed else value


def _letter(digits: str) -> str:
    """A letter of an address in UTF-8 (RFC 6533, section 3)."""
    code = int(digits, 16)
    return chr(code) if 0x20 <= code < 0xD800 or 0xE000 <= code < 0x110000 else ""
