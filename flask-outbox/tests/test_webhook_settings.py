"""The secrets of webhooks are read from text as from values, and guessable ones are refused."""

from __future__ import annotations

from typing import Any

import pytest

from flask_outbox.webhook_settings import SETTINGS, webhook_secrets
from tests.test_configuration import initialised

TOPICS = [
    "arn:aws:sns:eu-west-1:123456789012:mail-events",
    "arn:aws-us-gov:sns:us-gov-west-1:123456789012:Mail_Events",
]


@pytest.mark.parametrize("value", [TOPICS, ",".join(TOPICS), "  ".join(TOPICS), tuple(TOPICS)])
def test_topics_are_a_list_or_a_text(value: Any) -> None:
    assert webhook_secrets({"MAIL_WEBHOOK_SES_TOPICS": value}).ses_topics == set(TOPICS)


@pytest.mark.parametrize("value", [None, "", [], ()])
def test_without_settings_nobody_is_let_in(value: Any) -> None:
    secrets = webhook_secrets(dict.fromkeys(SETTINGS.values(), value or None))
    assert not any(secrets.has(name) for name in [*SETTINGS, "sendgrid", ""])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MAIL_WEBHOOK_SES_TOPICS", "mail-events"),
        ("MAIL_WEBHOOK_SES_TOPICS", "arn:aws:sqs:eu-west-1:123456789012:mail-events"),
        ("MAIL_WEBHOOK_SES_TOPICS", "arn:aws:sns:eu-west-1:123456789012:*"),
        ("MAIL_WEBHOOK_SES_TOPICS", [TOPICS[0], "x"]),
        ("MAIL_WEBHOOK_POSTMARK_LOGIN", "a long password alone"),
        ("MAIL_WEBHOOK_POSTMARK_LOGIN", "postmark:"),
        ("MAIL_WEBHOOK_POSTMARK_LOGIN", "a long user name:short"),
        ("MAIL_WEBHOOK_MAILGUN_KEY", "short"),
    ],
)
def test_a_wrong_secret_is_refused_at_the_start_by_its_name(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{key}\b"):
        initialised(**{key: value})


def test_no_secret_is_told() -> None:
    login, key = "postmark:a very long password", "a long signing key"
    config = {"MAIL_WEBHOOK_POSTMARK_LOGIN": login, "MAIL_WEBHOOK_MAILGUN_KEY": key}
    assert "long" not in repr(webhook_secrets(config))
    for wrong in (
        {"MAIL_WEBHOOK_POSTMARK_LOGIN": "user:s3cret"},
        {"MAIL_WEBHOOK_MAILGUN_KEY": "s3cret"},
    ):
        with pytest.raises(ValueError, match="16") as refused:
            webhook_secrets(wrong)
        assert "s3cret" not in str(refused.value)
