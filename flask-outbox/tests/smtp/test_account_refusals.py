"""After a refusal of our account mail waits; after one of a recipient or a message it does not."""

from __future__ import annotations

import pytest

from flask_outbox.smtp.account_refusals import CATALOGUE, AccountTrouble, account_refusal
from flask_outbox.smtp.errors import MESSAGE_STEPS, Meaning, SmtpError, Step

LIMIT, STOPPED, SENDER = AccountTrouble

SAID = [
    ("Google", 550, "5.4.5 Daily user sending limit exceeded. 5b1f - gsmtp", LIMIT),
    ("Google", 550, "5.7.1 Daily SMTP relay limit exceeded for user.", LIMIT),
    ("Google", 450, "4.2.1 Peak SMTP relay limit exceeded for customer.", LIMIT),
    ("Google", 550, "5.7.1 Invalid credentials for relay [192.0.2.1].", STOPPED),
    ("Microsoft", 550, "5.1.90 Your message can't be sent because you've reached your daily limit"
     " for message recipients", LIMIT),
    ("Microsoft", 554, "5.2.0 STOREDRV.Submission.Exception:SubmissionQuotaExceededException;"
     " Failed to process message", LIMIT),
    ("Microsoft", 432, "4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded", LIMIT),
    ("Microsoft", 550, "5.7.233 Your message can't be sent because your tenant exceeded its daily"
     " limit for sending email to external recipients", LIMIT),
    ("Microsoft", 550, "5.1.8 Access denied, bad outbound sender", STOPPED),
    ("Microsoft", 550, "5.7.501 Access denied, spam abuse detected from this sender", STOPPED),
    ("Microsoft", 550, "5.7.705 Access denied, tenant has exceeded threshold", STOPPED),
    ("Microsoft", 554, "5.2.0 STOREDRV.Submission.Exception:OutboundSpamException; WASCL UserAction"
     " verdict is ShowTierUpgrade", STOPPED),
    ("Microsoft", 554, "5.2.252 SendAsDenied; noreply@example.com not allowed to send as"
     " a@example.com", SENDER),
    ("Microsoft", 550, "5.7.60 SMTP; Client does not have permissions to send as this sender",
     SENDER),
    ("Amazon SES", 454, "Throttling failure: Maximum sending rate exceeded.", LIMIT),
    ("Amazon SES", 454, "Throttling failure: Daily message quota exceeded.", LIMIT),
    ("Amazon SES", 554, "Message rejected: Sending paused for this account. For more information,"
     " please check the inbox", STOPPED),
    ("Zoho", 550, "5.4.6 Unusual sending activity detected. Please try after sometime.", LIMIT),
    ("Zoho", 554, "5.1.8 Email Outgoing Blocked.", STOPPED),
    ("iCloud", 550, "5.7.1 susan@icloud.com: You have exceeded your daily sending limit. Please try"
     " again later.", LIMIT),
    ("GoDaddy", 550, "User susan@example.com has exceeded its 24-hour sending limit. Messages to 25"
     " recipients out of 25", LIMIT),
    ("GoDaddy", 552, "C13yp Message would take you over your relay quota of 500", LIMIT),
    ("SendGrid", 451, "Authentication failed: Maximum credits exceeded", LIMIT),
    ("Mailgun", 421, "Domain example.com is not allowed to send: recipient limit exceeded, try"
     " again after Sun, 05 Oct 2025 19:22:44 UTC", LIMIT),
    ("Mailgun", 421, "Domain sandbox1.mailgun.org is not allowed to send: Please activate your"
     " Mailgun account.", STOPPED),
    ("Postmark", 550, "5.7.1 Not allowed to send: you have run out of credits", LIMIT),
    ("Postmark", 550, "5.7.1 Your account is pending approval", STOPPED),
    ("SparkPost", 420, "Exceed Sending Limit (daily)", LIMIT),
    ("Brevo", 502, "5.7.0 Your SMTP account is not yet activated. Contact us", STOPPED),
    ("OVH", 550, "sorry, too many emails (#5.7.1)", LIMIT),
    ("Purelymail", 450, "4.3.2 Please wait to send more emails, or contact support", LIMIT),
    ("NetEase", 554, "5.5.0 MI:STC .For more information, please visit", LIMIT),
    ("NetEase", 451, "MI:SFQ 163 smtp1", LIMIT),
    ("Tencent", 550, "Domain frequency limited. Please try again later", LIMIT),
    ("Mailu", 450, "4.7.1 <s@example.com>: SASL login name rejected: You are sending too many"
     " emails too fast.", LIMIT),
    ("mailcow", 451, '4.7.1 Ratelimit "user" exceeded', LIMIT),
    ("cPanel", 550, "Domain example.com has exceeded the max emails per hour (100/100 (100%))"
     " allowed. Message discarded.", LIMIT),
    ("others", 554, "5.7.1 <s@example.com>: Recipient address rejected: You have exceeded your"
     " Outmail quota.", LIMIT),
    ("others", 550, "5.7.1 <DATA>: Data command rejected: only 10 messages per day", LIMIT),
    ("others", 550, "5.7.1 <DATA>: Data command rejected: limit of 400 rcpts per 24 hours for"
     " client s@example.com reached", LIMIT),
    ("others", 450, "4.7.1 <END-OF-MESSAGE>: Number messages per hour exceeded.", LIMIT),
    ("others", 550, "sending quota exceeded", LIMIT),
    ("others", 550, "5.7.1 Sending has been suspended", STOPPED),
]  # fmt: skip

ABOUT_A_RECIPIENT = [
    (552, "5.2.2 The email account that you tried to reach is over quota"),
    (452, "4.2.2 The recipient's inbox is out of storage space and inactive"),
    (552, "5.2.2 Mailbox size limit exceeded"),
    (552, "Requested mail action aborted: exceeded storage allocation"),
    (550, "5.2.1 The user you are trying to contact is receiving mail at a rate that prevents"),
    (450, "4.2.1 The user you are trying to contact is receiving mail too quickly"),
    (550, "5.2.121 The recipient has exceeded their limit for receiving messages per hour"),
    (554, "5.2.122 The recipient has exceeded their limit for the number of messages per hour"),
    (554, "5.2.0 STOREDRV.Deliver.Exception:QuotaExceededException; mailbox"),
    (550, "5.1.1 No such user"),
    (550, "5.2.1 The email account that you tried to reach is disabled"),
    (552, "5.3.4 Message size exceeds fixed limit"),
    (554, "5.4.6 Hop count exceeded, possible mail loop"),
    (550, "5.7.1 You are not allowed to send to this group"),
    (550, "5.7.26 Unauthenticated email is not accepted"),
    (550, "5.1.1 5.4.5"),
]


@pytest.mark.parametrize(("provider", "code", "answer", "means"), SAID)
def test_a_refusal_of_the_account_is_recognised(
    provider: str, code: int, answer: str, means: AccountTrouble
) -> None:
    found = account_refusal(code, answer)
    assert found is not None
    assert (found.provider, found.means) == (provider, means)
    for step in MESSAGE_STEPS:
        assert SmtpError(step, code, answer).meaning is Meaning.SERVER


@pytest.mark.parametrize(("code", "answer"), ABOUT_A_RECIPIENT)
def test_a_refusal_of_a_recipient_or_a_message_is_no_account_refusal(
    code: int, answer: str
) -> None:
    assert account_refusal(code, answer) is None
    expected = Meaning.REJECT if code >= 500 else Meaning.RETRY
    for step in (Step.RCPT, Step.ACCEPTANCE):
        meaning = SmtpError(step, code, answer).meaning
        assert meaning in {expected, Meaning.RETRY}


def test_each_provider_of_the_table_is_tested() -> None:
    assert {one.provider for one in CATALOGUE} == {provider for provider, *_ in SAID}


@pytest.mark.parametrize("code", [None, 250])
def test_a_lost_connection_is_no_refusal(code: int | None) -> None:
    assert account_refusal(code, "5.4.5 Daily user sending limit exceeded") is None
