"""The secrets without which nobody's webhooks are believed, from an application's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.util import find_spec

from flask_outbox.config_values import Config, items, words
from flask_outbox.extras import needs_extra
from flask_outbox.feedback.providers.sns import TOPIC

SES_TOPICS = "MAIL_WEBHOOK_SES_TOPICS"
POSTMARK_LOGIN = "MAIL_WEBHOOK_POSTMARK_LOGIN"
MAILGUN_KEY = "MAIL_WEBHOOK_MAILGUN_KEY"

SETTINGS = {"ses": SES_TOPICS, "postmark": POSTMARK_LOGIN, "mailgun": MAILGUN_KEY}
"""The setting that opens the endpoint of a provider, by its name in the address."""

_LEAST_CHARACTERS = 16
"""Of a secret that everybody on the internet may guess at."""


@dataclass(frozen=True, slots=True)
class WebhookSecrets:
    """What each provider proves itself with; one without stays out."""

    ses_topics: frozenset[str]
    postmark_login: str | None = field(repr=False)
    mailgun_key: str | None = field(repr=False)

    def has(self, provider: str) -> bool:
        """Whether webhooks of this provider are taken."""
        known = {
            "ses": self.ses_topics,
            "postmark": self.postmark_login,
            "mailgun": self.mailgun_key,
        }
        return bool(known.get(provider))


def webhook_secrets(config: Config) -> WebhookSecrets:
    """The settings MAIL_WEBHOOK_…. Raises ValueError for a wrong one, without quoting a secret."""
    topics = frozenset(map(str, items(config, SES_TOPICS)))
    for topic in sorted(topics):
        if not TOPIC.fullmatch(topic):
            raise ValueError(
                f"{SES_TOPICS} holds {topic!r}, which is not the ARN of a topic, such as"
                " arn:aws:sns:eu-west-1:123456789012:mail-events."
            )
    if topics and find_spec("cryptography") is None:
        raise ValueError(f"{SES_TOPICS} {needs_extra('cryptography', 'ses')}")
    login, key = words(config, POSTMARK_LOGIN), words(config, MAILGUN_KEY)
    if login is not None and len(login.partition(":")[2]) < _LEAST_CHARACTERS:
        raise ValueError(
            f"{POSTMARK_LOGIN} must be a user name, a colon and a password of at least"
            f" {_LEAST_CHARACTERS} characters."
        )
    if key is not None and len(key) < _LEAST_CHARACTERS:
        raise ValueError(
            f"{MAILGUN_KEY} has fewer than {_LEAST_CHARACTERS} characters: it is the HTTP webhook"
            " signing key of the account."
        )
    return WebhookSecrets(topics, login, key)
