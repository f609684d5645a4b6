"""The return path: whether it belongs to the sender, and whether a bounce comes home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from flask_outbox import parse_address, return_path
from flask_outbox.cli import alignment_verdicts, bounce_verdicts, mailbox_verdicts
from microblog.app import create_app, signer
from microblog.cli.checks.findings import Finding
from microblog.cli.checks.mail_server import is_reserved
from microblog.settings import Settings, SettingsError
from microblog.web.supported_languages import gettext_noop

RETURN_PATH = gettext_noop("return path")
BOUNCES = gettext_noop("bounces")
MAILBOX = gettext_noop("mailbox")

_COMMANDS = (("flask outbox deliver", "microblog run"), ("flask outbox", "microblog mail"))


def check_return_path(settings: Settings) -> Iterator[Finding]:
    """What the DNS says of return path, signature and author together."""
    path = return_path(settings.as_flask_config())
    if path is None or is_reserved(path.address.domain):
        return
    signs = None
    if settings.MAIL_DKIM_KEY_FILE is not None:
        # A key that cannot sign is named by another check.
        with suppress(SettingsError):
            signs = signer(settings)
    author = parse_address(settings.sender).domain
    for verdict in alignment_verdicts([author], path.address.domain, signs):
        yield Finding(RETURN_PATH, *verdict)


def check_mailbox(settings: Settings) -> Iterator[Finding]:
    """Whether the mailbox in which bounces arrive can be read."""
    for verdict in mailbox_verdicts(settings.as_flask_config()):
        yield Finding(MAILBOX, *verdict)


def check_bounce(settings: Settings, address: str) -> Iterator[Finding]:
    """Send a mail to this address, which does not exist, and wait until its report comes home."""
    with create_app(settings).app_context():
        for level, says, hint in bounce_verdicts(parse_address(address)):
            yield Finding(BOUNCES, level, says, hint and _with_our_commands(hint))


def _with_our_commands(hint: str) -> str:
    """What the library says to do, by the commands of this site."""
    for theirs, ours in _COMMANDS:
        hint = hint.replace(theirs, ours)
    return hint
