"""Which providers can tell what became of mail, for `flask outbox check`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flask import current_app

from flask_outbox.cli.verdicts import Level, Verdict
from flask_outbox.config_values import words
from flask_outbox.translation import gettext as _
from flask_outbox.webhook_settings import SETTINGS, webhook_secrets

ENDPOINT = "outbox_webhooks.take"
"""How the endpoint of `public_pages.webhooks_blueprint` ends, wherever it is registered."""


def check_webhooks() -> Iterator[Verdict]:
    """Which providers are let in, and which are closed out since their secret is missing."""
    rules = current_app.url_map.iter_rules()
    address = next((one.rule for one in rules if one.endpoint.endswith(ENDPOINT)), None)
    yield from webhook_verdicts(current_app.config, address)


def webhook_verdicts(config: Mapping[str, Any], address: str | None) -> Iterator[Verdict]:
    """What to say of webhooks that are taken at an address, such as "/mail-events/<provider>".

    None if there is no such page.
    """
    secrets = webhook_secrets(config)
    opened = [name for name in SETTINGS if secrets.has(name)]
    closed = [setting for name, setting in SETTINGS.items() if not secrets.has(name)]
    if address is None:
        if opened:
            says = _("They have a secret, but no page takes them: {providers}.")
            hint = _("Register the blueprint public_pages.webhooks_blueprint().")
            yield Verdict(Level.WARNING, says.format(providers=", ".join(opened)), hint)
        return
    if opened:
        says = _("{address} takes those of {providers}.")
        yield Verdict(Level.OK, says.format(address=address, providers=", ".join(opened)))
    if secrets.postmark_login and not words(config, "MAIL_RETURN_PATH"):
        says = _("Postmark names messages only by their token, and they have none.")
        yield Verdict(Level.WARNING, says, _("Set MAIL_RETURN_PATH."))
    if closed:
        says = _("{address} is closed (404) to providers whose secret is missing: {settings}.")
        yield Verdict(Level.OK, says.format(address=address, settings=", ".join(closed)))
