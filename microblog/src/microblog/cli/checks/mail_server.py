"""The mail server and the sender: asked up to the sender's address; no message is sent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import gettext as _

from flask_outbox import (
    Address,
    AddressError,
    mail_servers,
    parse_address,
    parse_addresses,
    return_path,
)
from flask_outbox.cli import mail_server_verdicts, webhook_verdicts
from microblog.app import signer
from microblog.cli.checks.findings import Finding, ok, warning, wrong
from microblog.settings import Settings, SettingsError
from microblog.web.supported_languages import gettext_noop

MAIL_SERVER = gettext_noop("mail server")
SENDER = gettext_noop("sender")
SIGNATURES = gettext_noop("signatures")
WEBHOOKS = gettext_noop("webhooks")

# Names that belong to nobody (RFC 2606, RFC 6761), or to the local network alone (RFC 6762).
_RESERVED = re.compile(
    r"(?:.*\.)?(?:example(?:\.(?:com|net|org))?|invalid|test|localhost|local|localdomain)"
)


def check_sender(settings: Settings) -> Iterator[Finding]:
    """Whether the sender's address can be one that receivers believe."""
    sender = parse_address(settings.sender)
    if not settings.ADMINS:
        yield warning(
            "ADMINS",
            _(
                "is not set: mail comes from {sender}, and nobody is told when the site fails."
            ).format(sender=sender),
            _("Set ADMINS to your address."),
        )
    if is_reserved(sender.domain):
        yield warning(
            SENDER,
            _(
                "{sender} is in a domain that nobody can own: receivers refuse it, or hide it."
            ).format(sender=sender),
            _("Set ADMINS or MAIL_DEFAULT_SENDER to an address in your own domain."),
        )
        return
    account = _account(settings)
    if account is not None and account.domain != sender.domain:
        yield warning(
            SENDER,
            _(
                "{sender} is not in the domain of the account {account}: many servers refuse that."
            ).format(sender=sender, account=account),
            _("If yours does, set MAIL_DEFAULT_SENDER to an address of the account."),
        )
        return
    yield ok(SENDER, _("mail comes from {sender}.").format(sender=sender))


def is_reserved(domain: str) -> bool:
    """Whether the domain can belong to nobody on the internet."""
    return bool(_RESERVED.fullmatch(domain)) or domain.startswith("[")


def _account(settings: Settings) -> Address | None:
    """The account's address, where its user name is one."""
    try:
        return parse_address(settings.MAIL_USERNAME or "", public=True)
    except AddressError:
        return None


def check_mail_server(settings: Settings) -> Iterator[Finding]:
    """Connect, encrypt, log in and name the sender, as a message would."""
    config = settings.as_flask_config()
    servers = mail_servers(config, debug=config["MAIL_DEBUG"])
    sender, suppress = parse_address(settings.sender), config["MAIL_SUPPRESS_SEND"]
    others = parse_addresses(settings.MAIL_REDIRECT_TO)
    verdicts = mail_server_verdicts(
        servers, sender, suppress=suppress, redirect_to=others, return_path=return_path(config)
    )
    for verdict in verdicts:
        yield Finding(MAIL_SERVER, *verdict)


def check_signatures(settings: Settings) -> Iterator[Finding]:
    """Whether the key for DKIM can sign."""
    if settings.MAIL_DKIM_KEY_FILE is None:
        return
    try:
        made = signer(settings)
    except SettingsError as error:
        for problem in error.problems:
            yield wrong(SIGNATURES, problem)
        return
    made(b"From: nobody@example.com\r\n\r\nA sample.\r\n")
    yield ok(
        SIGNATURES,
        _("mail is signed with the key {selector}.").format(selector=settings.MAIL_DKIM_SELECTOR),
    )


def check_webhooks(settings: Settings) -> Iterator[Finding]:
    """Which providers can tell here what became of mail."""
    for verdict in webhook_verdicts(settings.as_flask_config(), "/mail-events/<provider>"):
        yield Finding(WEBHOOKS, *verdict)
