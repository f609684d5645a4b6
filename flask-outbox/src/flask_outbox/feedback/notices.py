"""Reports in words: where the mail that they return begins, and which words are about whom.

Nearly half of all reports have no part for machines, or one that says less than their words. Only
the words before the returned mail are the server's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

RECIPIENTS_MAXIMUM = 50
"""Addresses that are looked for in words."""

LINE_MAXIMUM = 1000
"""Characters of a line in which an address is looked for (RFC 5322, section 2.1.1)."""

ANNOUNCEMENT_LINES = 4
"""Lines, some of them empty or drawn, that may say that the returned mail follows."""

ADDRESS = re.compile(
    r"(?<![\w.+%=/:@-])[A-Za-z0-9_.+%&'*=?^{}~#$!-]{1,64}@[A-Za-z0-9.-]{1,255}", re.ASCII
)
"""An address among words; it may end with a dot that is not its own."""

_FIELD = re.compile(r"(?:>[ \t]?)?([A-Za-z][A-Za-z0-9-]{1,60})[ \t]*:")

# Fields that servers add, and with which their words for people do not begin a line.
_CERTAIN = frozenset(
    {
        "received",
        "return-path",
        "message-id",
        "mime-version",
        "dkim-signature",
        "delivered-to",
        "x-received",
        "arc-seal",
        "content-type",
    }
)
_USUAL = _CERTAIN | {"from", "to", "date", "subject", "sender", "reply-to", "cc", "user-agent"}
_RUN = 3
"""Lines of a header in a row, one of them certain: there the returned mail has begun."""

_MARK = re.compile(
    r"(?i)[ \t>*=_-]*(?:(?:begin|the|(?:(?:below this line|included) is )?a copy of the) )?"
    r"(?:(?:original|unsent|returned) )?(?:mail|message)(?: text| headers?)?"
    r"(?: follows?)?[ \t.:*=_-]*"
)
_ANNOUNCEMENT = re.compile(
    r"(?i)[ \t>*=_-]*|[^@\d]{0,100}\b(?:message|mail|headers?)\b[^@\d]{0,100}"
)
_OF_SERVERS = re.compile(r"(?i)(?:postmaster|mailer-daemon|abuse|hostmaster|no-?reply)@")
_SUBJECT = re.compile(
    r"(?im)^[ \t>*'\"]*(?:the )?(?:message )?subject(?: of the message)?(?: is| was)?[ \t]*:.*$"
)
_QUOTED_BUT_TO = re.compile(
    r"(?i)[ \t>*]*(?:message-id|from|sender|reply-to|date|references|in-reply-to"
    r"|x-[a-z0-9-]+)[ \t]*:"
)
_QUOTED = re.compile(rf"{_QUOTED_BUT_TO.pattern}|[ \t>*]*(?:to|cc)[ \t]*:")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a report says about one address, which is empty where it is not known."""

    address: str
    words: str


def split_off_returned(text: str) -> tuple[str, str]:
    """The server's words, and the returned mail that follows in the same text, if any."""
    position = run = run_start = marked = 0
    certain = False
    for line in text.splitlines(keepends=True):
        field = _FIELD.match(line)
        name = field[1].lower() if field else ""
        if name in _USUAL or (run and (name.startswith("x-") or line[:1] in {" ", "\t"})):
            if not run:
                run_start, certain = position, False
            run += 1
            certain = certain or name in _CERTAIN
            if run >= _RUN and certain:
                return _without_announcement(text[: marked or run_start]), text[run_start:]
        else:
            run = 0
            if not marked and position and _MARK.fullmatch(line.rstrip("\n")[:LINE_MAXIMUM]):
                marked = position
        position += len(line)
    if marked:
        return text[:marked], text[marked:].partition("\n")[2].lstrip("\n")
    return text, ""


def _without_announcement(text: str) -> str:
    """The words without the last lines, if they say no more than that the mail follows."""
    lines = text.rstrip().split("\n")
    for _ in range(ANNOUNCEMENT_LINES):
        if len(lines) > 1 and _ANNOUNCEMENT.fullmatch(lines[-1]):
            lines.pop()
    return "\n".join(lines)


def without_subject(text: str) -> str:
    """The words without lines that quote the mail's subject, which may spell any reason."""
    return _SUBJECT.sub("", text)


def read_notice(text: str, own: Collection[str], named: Collection[str] = ()) -> list[Notice]:
    """The lines about each address in a server's words, in the order in which they come.

    Addresses in `own` are the sender's; where some are `named`, only those are recipients. Where
    there is no address or one, all words are about it. Other words before the first address are
    about none.
    """
    senders = {one.lower() for one in own}
    recipients = {one.lower() for one in named}
    lines, spelled = _divide(text, senders, recipients, _QUOTED)
    if not lines:
        # Some name the recipient only as the mail did; it may be a list's address.
        lines, spelled = _divide(text, senders, recipients, _QUOTED_BUT_TO)
    if len(lines) <= 1:
        return [Notice(one, text) for one in spelled.values() or named or ("",)]
    return [Notice(spelled[key], "\n".join(about)) for key, about in lines.items()]


def _divide(
    text: str, senders: Collection[str], recipients: Collection[str], skipped: re.Pattern[str]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """The lines about each address, by its lower case, and how it was spelled first."""
    spelled: dict[str, str] = {}
    lines: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        for address in _addresses(line, senders, skipped):
            key = address.lower()
            if (recipients and key not in recipients) or len(lines) >= RECIPIENTS_MAXIMUM:
                continue
            spelled.setdefault(key, address)
            current = lines.setdefault(key, [])
            break
        current.append(line)
    return lines, spelled


def _addresses(line: str, senders: Collection[str], skipped: re.Pattern[str]) -> Iterator[str]:
    """The addresses in a line that may be a recipient's."""
    if "@" not in line or skipped.match(line):
        return
    for found in ADDRESS.finditer(line[:LINE_MAXIMUM]):
        address = found[0].rstrip(".-")
        if address.lower() not in senders and not _OF_SERVERS.match(address):
            yield address
