"""What a report means for an address: from codes first, then from few words.

A living address that is taken for dead gets no mail any more, while a dead one that is not found
costs little. So an address is dead only where a server refused it for good, by a code or in words
that stand for nothing else, and where none of its words give another reason. "Permanent" alone says
nothing: most permanent refusals are about the sender or the message. A 4yz reply asks to try again,
and that stays so when nobody tries any more.

Codes are those of RFC 3463 and of the registry of RFC 5248.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flask_outbox.feedback import wordings
from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.notices import read_notice
from flask_outbox.feedback.reports import RecipientReport
from flask_outbox.smtp.errors import one_line

WORDS_MAXIMUM = 1000
"""Characters of a server's words from which the line to store is made."""

ACTIONS = {
    "delivered": Meaning.DELIVERED,
    "relayed": Meaning.DELIVERED,
    "expanded": Meaning.DELIVERED,
    "delayed": Meaning.DELAYED,
}
"""Actions that say it all; "failed" does not, nor does what is none (RFC 3464, section 2.3.3)."""

DEAD_CODES = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10"})
"""No such mailbox, system or syntax there; moved away; a domain that takes no mail (RFC 7505)."""

VAGUE_CODES = frozenset({"0.0", "1.0", "2.0", "3.0", "4.0", "5.0"})
"""Codes that servers give for anything: "other or undefined"."""

MEANINGS_OF_CODES = {
    "1.4": Meaning.AMBIGUOUS,
    "1.7": Meaning.POLICY,
    "1.8": Meaning.POLICY,
    "2.2": Meaning.FULL,
    "2.3": Meaning.MESSAGE,
    "3.1": Meaning.FULL,
    "3.3": Meaning.MESSAGE,
    "3.4": Meaning.MESSAGE,
    "4.5": Meaning.POLICY,
}
"""What subject and detail mean, where that is not what the subject means."""

MEANINGS_OF_SUBJECTS = {
    "2": Meaning.AMBIGUOUS,
    "3": Meaning.PATH,
    "4": Meaning.PATH,
    "5": Meaning.PATH,
    "6": Meaning.MESSAGE,
    "7": Meaning.POLICY,
}
"""What a code's subject means, whatever its detail; 1 is about an address, ours or theirs."""

_ENHANCED = re.compile(r"(?<![\d.\w])([45])\.([0-7]\.\d{1,3})(?!\d|\.\d)")
_REPLY = re.compile(
    r"(?:^[ \t]*|<<< |\bsaid: |\b(?:error|reason|response)\w*[:=]? ?|: ?|[\[(#] ?|\.\.\. )"
    r"([45][0-5]\d)(?=[ ,;:)\]-]|$)",
    re.IGNORECASE | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Classified:
    """A meaning, the enhanced code that it was found from, and the server's words in one line.

    The last two may be empty.
    """

    meaning: Meaning
    code: str
    words: str


def classify(recipient: RecipientReport, text: str) -> Classified:
    """What a report means for one address; `text` has the report's words for people."""
    about = _about(recipient, text)
    words = recipient.diagnostic or about
    code = _effective_code(recipient.status, words)
    meaning = ACTIONS.get(recipient.action)
    if meaning is None and not recipient.action and wordings.STILL_TRIED.search(words):
        meaning = Meaning.DELAYED
    return Classified(
        meaning or _meaning(code, words, about), code, _telling(words, recipient.address)
    )


def _about(recipient: RecipientReport, text: str) -> str:
    """The words about this address, where the report has those about several."""
    key = recipient.address.lower()
    return next((one.words for one in read_notice(text, ()) if one.address.lower() == key), text)


def _effective_code(status: str, words: str) -> str:
    """The code that says most: that of the words, unless it is vague; and a 4yz beats a 5.

    Without any, it is made of the reply's class: 550 is 5.0.0.
    """
    found, reply = _ENHANCED.search(words), _REPLY.search(words)
    code = found[0] if found else ""
    if status and (not found or (found[2] in VAGUE_CODES and status[0] == found[1])):
        code = status
    if not code and reply:
        code = f"{reply[1][0]}.0.0"
    if reply and reply[1][0] == "4" and code.startswith("5"):
        code = "4" + code[1:]
    return code


def _meaning(code: str, words: str, about: str) -> Meaning:
    passage = wordings.plain(_passage(words))
    reason = wordings.reason_in(passage)
    reason = reason or wordings.reason_in(
        wordings.plain(f"{words}\n{about}"), wordings.UNMISTAKABLE
    )
    if code.startswith("2."):  # only of a status: words may have any number
        return Meaning.DELIVERED
    if code.startswith("4."):
        return _passing(code[2:], passage, reason)
    if wordings.NO_RECIPIENT_THERE.search(words) or (
        reason is None and _is_dead(code[2:], passage, words, about)
    ):
        return Meaning.DEAD
    if (known := _known(code[2:], reason)) is not None:
        return known
    return Meaning.AMBIGUOUS if code or _is_about_address(passage) else Meaning.UNKNOWN


def _passing(detail: str, passage: str, reason: Meaning | None) -> Meaning:
    """What a refusal for now means, when nobody tries any more."""
    if (known := _known(detail, reason)) is not None:
        return known
    is_about_address = detail in DEAD_CODES or _is_about_address(passage)
    return Meaning.AMBIGUOUS if is_about_address else Meaning.PATH


def _known(detail: str, reason: Meaning | None) -> Meaning | None:
    """What a code means that is neither vague nor about the address, or else the words' reason."""
    if not detail or detail in VAGUE_CODES or detail in DEAD_CODES:
        return reason
    known = MEANINGS_OF_CODES.get(detail) or MEANINGS_OF_SUBJECTS.get(detail[0])
    # Some say "over quota" under codes for policy.
    if reason is Meaning.FULL and known in {None, Meaning.AMBIGUOUS, Meaning.POLICY}:
        return Meaning.FULL
    return known or reason


def _is_dead(detail: str, passage: str, words: str, about: str) -> bool:
    """Whether a permanent refusal, for which no other reason is given, says "no such address"."""
    step = wordings.step_in(words) or wordings.step_in(about)
    others = {found[2] for found in _ENHANCED.finditer(words)} - DEAD_CODES - VAGUE_CODES
    if step not in {"", "rcpt", "data"} or others - {detail}:
        return False
    if detail in DEAD_CODES:
        return True
    is_vague = detail in VAGUE_CODES | {""}
    if step != "data" and (is_vague or detail == "4.4") and wordings.NO_DOMAIN.search(passage):
        return True
    if is_vague and _is_stated(passage, words):
        return True
    # A filter that has read the content refuses it in the words for unknown users.
    is_of_recipient = step == "rcpt" or (not step and wordings.is_of_recipient(words))
    return is_of_recipient and (is_vague or detail == "2.1") and _is_about_address(passage)


def _is_stated(passage: str, words: str) -> bool:
    """Whether a server says in so many words that it has no such address."""
    if wordings.NOT_IN_DIRECTORY.search(passage):
        return True
    return bool(wordings.CERTAINLY_NO_ADDRESS.search(passage) and _REPLY.search(words))


def _is_about_address(passage: str) -> bool:
    """Whether words say that there is no such address, be it true or not."""
    return bool(
        wordings.NO_ADDRESS.search(passage) or wordings.CERTAINLY_NO_ADDRESS.search(passage)
    )


def _passage(words: str) -> str:
    """The paragraph that says why: the one with the code, or else with words that are known."""
    found = (
        _ENHANCED.search(words)
        or _REPLY.search(words)
        or wordings.NO_ADDRESS.search(words)
        or wordings.NO_DOMAIN.search(words)
    )
    return wordings.paragraph_at(words, *found.span()) if found else words


def _telling(words: str, address: str) -> str:
    """The server's words from the line with the code on, or else from that with the address on."""
    found = _ENHANCED.search(words) or _REPLY.search(words)
    at = found.start() if found else max(words.find(address), 0)
    start = words.rfind("\n", 0, at) + 1
    return one_line(words[start : start + WORDS_MAXIMUM])
