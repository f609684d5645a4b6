"""A mail server's answers, and what it offers in its answer to EHLO (RFC 5321, section 4.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass

# RFC 5321, section 4.1.1.1; before RFC 4954 some wrote AUTH=LOGIN for AUTH LOGIN.
_OFFER = re.compile(r"(?P<keyword>[A-Za-z0-9][A-Za-z0-9-]*)[ =]?(?P<parameters>.*)")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its three digits and its text, with the lines joined."""

    code: int
    text: str

    @property
    def is_good(self) -> bool:
        """2yz, a positive completion: the first digit decides (RFC 5321, 4.2.1)."""
        return 200 <= self.code < 300

    @property
    def is_intermediate(self) -> bool:
        """3yz, a positive intermediate answer: the server waits for what follows the command."""
        return 300 <= self.code < 400

    def __str__(self) -> str:
        return f"{self.code} {self.text}"


def features(reply: Reply) -> dict[str, str]:
    """What an answer to EHLO offers: keywords in lower case, each with its parameters.

    A server may list AUTH on several lines: all count.
    """
    found: dict[str, str] = {}
    for line in reply.text.split("\n")[1:]:
        offer = _OFFER.match(line)
        if offer is None:
            continue
        keyword, parameters = offer["keyword"].lower(), offer["parameters"].strip()
        before = found.get(keyword, "") if keyword == "auth" else ""
        found[keyword] = f"{before} {parameters}".strip()
    return found


def announced_limit(limits: str, name: str) -> int | None:
    """The value of a limit such as RCPTMAX among the parameters of LIMITS (RFC 9422), or None."""
    found = re.search(rf"(?i)(?<!\S){name}=0*([1-9]\d{{0,5}})(?!\S)", limits)
    return int(found[1]) if found else None
