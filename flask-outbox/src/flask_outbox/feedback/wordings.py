"""What servers write: the few words that codes are weighed with, and what is left of them to weigh.

English, as nearly all servers write to others in it. Words come from registries and from servers'
own sources and documentation where there are such, and else from reports.
"""

from __future__ import annotations

import re

from flask_outbox.feedback.meanings import Meaning
from flask_outbox.feedback.notices import ADDRESS

Reasons = tuple[tuple[re.Pattern[str], Meaning], ...]

_WHO = (
    r"(?:user(?: ?names?)?|recipients?(?: names?| address(?:es)?)?|mail ?box(?:es)?|inbox"
    r"|(?:e-?mail )?(?:accounts?|address(?:es)?)|addressee|alias|local[ -]part|login|person)"
)
_GONE = (
    r"(?:(?:is |are |was |has |been )*(?:unknown|invalid|non-?existent|unrecogni[sz]ed|undefined"
    r"|not (?:found|known|valid|recogni[sz]ed|listed|exist(?:ing)?|a (?:known|valid) \w+)"
    r"|no longer (?:on|valid|exists?|with|here)|unrout(?:e)?able|deleted|removed)"
    r"|(?:do(?:es)?|did|could|can) ?(?:not|n't|n’t) (?:be )?(?:exist|found)"
    r"|(?:isn't|aren't|wasn't) (?:found|known|valid|listed|here))"
)
NO_ADDRESS = re.compile(
    rf"(?i)\b(?:{_WHO}[^.;\n\w]{{0,4}}(?:\w+ ){{0,3}}{_GONE}"
    rf"|(?:unknown|invalid|no such|unrecogni[sz]ed|non-?existent|not (?:our|a (?:valid|known)))"
    rf" (?:local |destination |e-?mail |mail |virtual )?{_WHO}"
    r"|no (?:mail ?box|user|account|one)\b[^.;\n]{0,30}\b(?:here|by that|with that|of that|named)"
    r"|unroute?able address)"
)
"""There is no such address, in the words that filters use as well."""

CERTAINLY_NO_ADDRESS = re.compile(
    rf"(?i)\b{_WHO}[^.;\n]{{0,40}}(?:do(?:es)?(?: not|n't|n’t) (?:exist|have an?\b)"
    r"|no longer (?:on|exist|valid)|(?:was |is )?not found)"
)
"""Statements about the address, which no filter makes about content."""

NOT_IN_DIRECTORY = re.compile(
    r"(?i)\bnot listed in (?:the )?(?:public name & address book|domino directory)"
    r"|\brecipient name is not recogni[sz]ed"
    r"|\be-?mail account does not exist at the organi[sz]ation"
    r"|\bno mailbox here by that name|^unknown user: address$|\bunroute?able address"
)
"""What Domino, Exchange, qmail, IMail and Exim say of their own directories and routes."""

NO_DOMAIN = re.compile(
    r"(?i)(?:\b(?:unknown|no such|invalid|non-?existent) (?:\w+ )?(?:host|domain)"
    r"|\b(?:host|domain)(?: or domain)?(?: name)? (?:is )?(?:unknown|(?:was )?not found|invalid)"
    r"|\bnxdomain\b|\b(?:host|domain)(?: \w+){0,3} not found\b|\bnull ?mx\b|\bno mx found"
    r"|\b(?:domain|host)[^;\n]{0,20} does(?:n't| not) (?:exist|accept (?:any )?mail(?! from))"
    r"|(?:couldn't|could not|cannot|unable to) find (?:a|any) (?:mail|host)"
    r"|\ball relevant mx records point to non-existent hosts|\bindicated no smtp service"
    r"|\ball host address lookups failed permanently)"
)
"""There is no such domain, or it takes no mail (RFC 7505)."""

NO_RECIPIENT_THERE = re.compile(r"(?i)5\.4\.1 .{0,320}recipient address rejected: access denied")
"""What Exchange Online says at its edge of an address that its customer does not have."""

# Reasons other than that there is no such address. Each of them stands in some refusal beside a
# code or words that say so, and more of them spare more addresses.
_FULL = re.compile(
    r"(?i)\b(?:over ?quota|quota|mail ?(?:box|folder)(?: \w+){0,3} full|full mail ?box"
    r"|(?:in)?sufficient (?:\w+ )?(?:storage|space)|not enough (?:\w+ )?(?:storage|space|disk)"
    r"|out of (?:storage|space|disk)|storage (?:space|limit|allocation|is full)|disk full"
    r"|space (?:is )?not (?:enough|sufficient)"
    r"|mailbox size|(?:mail ?box|inbox|folder|account|user) (?:is |has )?(?:full|exceed\w*)"
    r"|too many (?:messages|mails) (?:in|on))"
)
_MESSAGE = re.compile(
    r"(?i)\b(?:too (?:large|big)|(?:message|mail|maximum|fixed|limit|header)\w* size"
    r"|size (?:limit|exceed\w*)|(?:limit|length) exceed\w*|attachments?|virus\w*|malware|infected"
    r"|exceeds? (?:the |its )?(?:max\w*|fixed|allowed|size|limit)|content|headers?|rfc ?\d+"
    r"|compliant|mime|8-?bit|utf-?8|smtputf8|malformed|loop\w*|duplicate|redundant)\b"
)
_POLICY = re.compile(
    r"(?i)\b(?:\w*spam\w*|junk|bulk|ube|uce|unsolicited|black ?-?list\w*|block\w*|deny-?list\w*"
    r"|reputation|rbl|dnsbl|abus\w+|phish\w*|ban(?:ned)?|polic(?:y|ies)|prohibited|restrict\w+"
    r"|preferences?|filter\w*|not (?:been )?(?:allowed|permitted|authori[sz]ed)|unauthori[sz]ed"
    r"|permissions?|privileges?|(?:un)?authenticat\w+|dmarc|spf|dkim|arc|reverse dns|rdns|ptr"
    r"|helo|ehlo|relay\w*(?!=)|gr[ae]y ?-?list\w*|throttl\w+|rate|too (?:many|fast|much)|frequen\w+"
    r"|volume|complain\w*|suspicious|whitelist|denied|forbidden|(?<!not )listed (?:in|on|at)"
    r"|(?<!connection )refused"
    r"|senders?(?:'s)?|mail from|from address|return ?-?path|tls|starttls|encrypt\w*|client"
    r"|your (?:ip|host|domain|server|network)|ip address|dynamic|only accepts?|members?|group"
    r"|moderat\w+|credentials?|login required)\b"
)
_PATH = re.compile(
    r"(?i)\b(?:tim(?:ed? ?-?out|eout)|connect(?:ion|ed|ing)?|conversation|unreachable|no route"
    r"|hop ?count|hops|try again|again later|temporar\w+|retr(?:y|ied|ies)|expired|too long"
    r"|exceed\w*|transient|defer\w*|delay\w*|lookup (?:timed|failed)|servfail|misconfigur\w*"
    r"|name ?server failure|system error|internal error|configuration|busy|overload\w*"
    r"|unavailable|not (?:currently )?(?:available|accepting)|service|queue|greeting|resources?)\b"
)
_ON_HOLD = re.compile(
    r"(?i)\b(?:disabled|discontinued|terminated|inactiv\w*|suspend\w*|deactivat\w+|frozen|locked"
    r"|on hold|closed|dormant"
    r"|(?:not|no longer) (?:yet )?(?:activ\w+|available)|currently not|(?:un)?verif\w+|vacation)\b"
)
OTHER_REASONS: Reasons = (
    (_FULL, Meaning.FULL),
    (_MESSAGE, Meaning.MESSAGE),
    (_POLICY, Meaning.POLICY),
    (_PATH, Meaning.PATH),
    (_ON_HOLD, Meaning.AMBIGUOUS),
)

_SPAM = re.compile(r"(?i)\b(?:spam|blocked|black ?listed|virus|infected)\b")
UNMISTAKABLE: Reasons = ((_FULL, Meaning.FULL), (_SPAM, Meaning.POLICY))
"""Reasons that count wherever in the words about an address they stand."""

STILL_TRIED = re.compile(
    r"(?i)\bwarning message only|(?:has|have) been delayed|not yet been delivered|still undelivered"
    r"|will (?:be retried|retry|keep trying|continue)|temporary problem|delivery incomplete"
)
"""What reports without an action say of mail that may yet be delivered."""

_STEP = re.compile(
    r"(?i)(?:in reply to|response to|after(?: pipelined)?|not like our|during|failed on|>>>|smtp:"
    r"|smtp command:?|\[) ?(?:end of |final |the )?"
    r"(?P<command>rcpt|data|mail[ _]from|ehlo|helo|quit|initial connection)"
    r"|(?P<recipient>not like recipient|recipient was rejected)"
    r"|(?P<sender>not like sender|sender was rejected)|(?P<content>after i sent the message)"
)
_OF_RECIPIENT = re.compile(r"(?i)\brecipient address rejected\b")
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_BRACKETED = re.compile(r"<[^<>\s]{0,320}@[^<>\s]{0,320}>")
_LINK = re.compile(r"(?i)\b(?:https?://|www\.)\S+")
_HOST = re.compile(r"(?i)\b(?:[a-z0-9_-]{1,63}\.){1,10}[a-z]{2,20}\b(?:\[[\da-f.:]+\])?")

# The text of 550 in RFC 5321, which says nothing beside a code that does, and what Postfix, Mail.ru
# and qmail say beside the reason.
_STOCK = re.compile(
    r"(?i)\b(?:(?:requested )?(?:mail )?action not taken:? ?(?:mail ?box unavailable)?"
    r"|name service error|mail ?box(?: address)? is unavailable:"
    r"|exchanger or ip address)"
)


def reason_in(plain: str, reasons: Reasons = OTHER_REASONS) -> Meaning | None:
    """The first of these reasons that `plain` words give, if any."""
    return next((meaning for words, meaning in reasons if words.search(plain)), None)


def step_in(words: str) -> str:
    """The command that was refused, where the words name it: "rcpt", "data", or another."""
    found = _STEP.search(" ".join(words.split()))
    if not found:
        return ""
    if found["command"]:
        return found["command"].lower()
    return "rcpt" if found["recipient"] else "mail from" if found["sender"] else "data"


def is_of_recipient(words: str) -> bool:
    """Whether Postfix refused a recipient: it words its answers to other commands differently."""
    return bool(_OF_RECIPIENT.search(words))


def paragraph_at(words: str, start: int, end: int) -> str:
    """The paragraph with these characters, of words in several."""
    first = max((one.end() for one in _PARAGRAPH.finditer(words, 0, start)), default=0)
    last = _PARAGRAPH.search(words, end)
    return words[first : last.start() if last else len(words)]


def plain(words: str) -> str:
    """The words in one line, with "address" and "host" for those, which may spell anything."""
    words = _LINK.sub(" ", " ".join(words.split()))
    words = ADDRESS.sub("address", _BRACKETED.sub("address", words))
    return _STOCK.sub(" ", _HOST.sub("host", words))
