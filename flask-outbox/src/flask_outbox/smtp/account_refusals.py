"""Refusals that are about our account with a provider, not about the message.

One table, by provider. The codes do not help: a limit that ends at midnight comes as 550, just like
a mailbox that does not exist. A recipient's own full mailbox (X.2.2) is never meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class AccountTrouble(StrEnum):
    """What is wrong with the account."""

    LIMIT = "limit"
    """The account has sent what it may for now; this ends by itself."""
    STOPPED = "stopped"
    """The provider has stopped the account, until somebody contacts it."""
    SENDER = "sender"
    """The account may not send from this address."""


@dataclass(frozen=True, slots=True)
class AccountRefusal:
    """How one provider words it; `pattern` is searched in its answer, after the three digits."""

    provider: str
    pattern: re.Pattern[str]
    means: AccountTrouble
    source: str


_LIMIT, _STOPPED, _SENDER = AccountTrouble

_GOOGLE = "https://support.google.com/a/answer/3726730"
_EXCHANGE = (
    "https://learn.microsoft.com/en-us/troubleshoot/exchange/email-delivery/ndr/"
    "non-delivery-reports-in-exchange-online"
)
_SUBMISSION = (
    "https://learn.microsoft.com/en-us/exchange/clients-and-mobile-in-exchange-online/"
    "authenticated-client-smtp-submission"
)
_SES = "https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html"
_SES_QUOTAS = "https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html"
_ZOHO = "https://help.zoho.com/portal/en/community/topic/"
_GITHUB = "https://github.com/"
_WORDS = "wordings that several have in common"

# What mentions a full mailbox, or receiving, is about a recipient, whatever else it says.
_SENDING = r"^(?![45]\.2\.[123]\b)(?!.*\b(?:receiv|recipient has\b|mailbox|to reach\b)).*"

# fmt: off
_TABLE = (
    ("Google", r"^[45]\.4\.5\b", _LIMIT, _GOOGLE),
    ("Google", r"\bSMTP relay (?:sending )?limit exceeded", _LIMIT, _GOOGLE),
    ("Google", r"\bcredentials for relay\b|\bmail relay denied", _STOPPED, _GOOGLE),
    ("Microsoft", r"^5\.1\.90\b", _LIMIT, _EXCHANGE),
    ("Microsoft", r"^5\.2\.0\b(?!.*deliver).*quota", _LIMIT, _SUBMISSION),
    ("Microsoft", r"\bsubmission\W*quota\W*exceeded", _LIMIT, _SUBMISSION),
    ("Microsoft", r"\bsender thread limit exceeded", _LIMIT, _SUBMISSION),
    ("Microsoft", r"^[45]\.7\.23[236]\b", _LIMIT, _EXCHANGE),
    ("Microsoft", r"^5\.1\.8\b.*\bbad outbound sender", _STOPPED, _EXCHANGE),
    ("Microsoft", r"^5\.7\.50[123]\b", _STOPPED, _EXCHANGE),
    ("Microsoft", r"^5\.7\.7(?:05|08|50)\b", _STOPPED, _EXCHANGE),
    ("Microsoft", r"OutboundSpamException.*\bShow(?:Tier)?Up", _STOPPED, _EXCHANGE),
    ("Microsoft", r"^5\.2\.252\b|\bSendAsDenied", _SENDER, _EXCHANGE),
    ("Microsoft", r"^5\.7\.60\b", _SENDER, _EXCHANGE),
    ("Amazon SES", r"^Throttling failure\b", _LIMIT, _SES_QUOTAS),
    ("Amazon SES", r"\bmaximum sending rate exceeded", _LIMIT, _SES_QUOTAS),
    ("Amazon SES", r"\bdaily message quota exceeded", _LIMIT, _SES_QUOTAS),
    ("Amazon SES", r"\bsending (?:paused|suspended) for this\b", _STOPPED, _SES),
    ("Amazon SES", r"\bnot authorized to perform\W+ses:", _STOPPED, _SES),
    ("Zoho", r"\bunusual sending activity",
     _LIMIT, _ZOHO + "unable-to-send-message-reason-550-5-4-6"),
    ("Zoho", r"\b(?:outgoing|sender address) blocked",
     _STOPPED, _ZOHO + "issue-with-outgoing-mail"),
    ("iCloud", r"\bexceeded your daily sending limit",
     _LIMIT, "https://support.apple.com/kb/HT4863"),
    ("GoDaddy", r"\bits 24-hour sending limit",
     _LIMIT, _GITHUB + "nodemailer/nodemailer/issues/1137"),
    ("GoDaddy", r"\byour relay quota\b", _LIMIT, _GITHUB + "WWBN/AVideo/issues/7527"),
    ("SendGrid", r"\bmaximum credits exceeded", _LIMIT, _GITHUB + "mautic/mautic/issues/8721"),
    ("Mailgun", r"^(?:[45]\.\d\.\d )?domain \S+ is not allowed to send: .*\blimit exceeded", _LIMIT,
     _GITHUB + "coopdevs/timeoverflow/issues/820"),
    ("Mailgun", r"^(?:[45]\.\d\.\d )?domain \S+ is not allowed to send\b", _STOPPED,
     _GITHUB + "Monstarrrr/rebutify/issues/162"),
    ("Postmark", r"\brun out of credits", _LIMIT,
     "https://postmarkapp.com/developer/api/overview#error-codes"),
    ("Postmark", r"\baccount is pending approval",
     _STOPPED, _GITHUB + "instantdb/instant/pull/2864"),
    ("SparkPost", r"\bexceed(?:ed)? sending limit", _LIMIT,
     "https://support.sparkpost.com/docs/faq/daily-usage"),
    ("Brevo", r"\bSMTP account is not yet activated", _STOPPED,
     _GITHUB + "WPManageNinja/fluent-smtp/issues/157"),
    ("OVH", r"^sorry, too many emails", _LIMIT,
     _GITHUB + "aschroder/Magento-SMTP-Pro-Email-Extension/issues/94"),
    ("Purelymail", r"\bwait to send more emails", _LIMIT,
     _GITHUB + "Purelymail/purelymail-issues/issues/262"),
    ("NetEase", r"\bMI:(?:SFQ|STC|DMC|CEL)\b", _LIMIT, "http://mail.163.com/help/help_spam_16.htm"),
    ("Tencent", r"\b(?:ip|domain|sender|connection|user) frequency limited", _LIMIT,
     "https://service.mail.qq.com/"),
    ("Mailu", r"\bsending too many emails too fast", _LIMIT, _GITHUB + "Mailu/Mailu/issues/2416"),
    ("mailcow", r"\bratelimit \W*user\W* exceeded", _LIMIT,
     _GITHUB + "mailcow/mailcow-dockerized/issues/1497"),
    ("cPanel", r"\bexceeded the max (?:emails|defers and failures) per hour", _LIMIT,
     "https://docs.cpanel.net/whm/server-configuration/tweak-settings/"),
    ("others", _SENDING + r"\b(?:sending|outgoing|submission)(?: \w+){0,2} (?:limit|quota)\b",
     _LIMIT, _WORDS),
    ("others", _SENDING + r"\b(?:daily|hourly|monthly|24[- ]hours?)(?: \w+){0,4} (?:limit|quota)\b",
     _LIMIT, _WORDS),
    ("others", _SENDING + r"\byou have exceeded your(?: \w+){0,3} (?:limit|quota)\b",
     _LIMIT, _WORDS),
    ("others", _SENDING + r"\b(?:limit|max|maximum|only)\b.*\bper (?:minute|hour|day|\d+ hours)\b",
     _LIMIT, _WORDS),
    ("others", _SENDING + r"\bper (?:minute|hour|day)\b.*\bexceeded\b", _LIMIT, _WORDS),
    ("others", r"\b(?:sending|outgoing(?: mail)?)(?: \w+){0,3} (?:suspended|blocked|disabled)\b",
     _STOPPED, _WORDS),
)
# fmt: on

CATALOGUE = tuple(
    AccountRefusal(provider, re.compile(pattern, re.IGNORECASE), means, source)
    for provider, pattern, means, source in _TABLE
)
"""Each with where it is documented or was seen."""


def account_refusal(code: int | None, answer: str) -> AccountRefusal | None:
    """The row of the table that a refusal matches, or None if it is not about the account."""
    if code is None or code < 400:
        return None
    return next((one for one in CATALOGUE if one.pattern.search(answer)), None)
