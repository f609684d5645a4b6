"""`microblog check`: is everything there that the site needs, and what to do where it is not."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from functools import partial
from gettext import gettext as _

import click

from flask_outbox.cli import Level
from microblog.cli.checks import (
    configuration,
    files,
    mail_server,
    return_path,
    sender_domain,
    services,
)
from microblog.cli.checks.findings import Check, Finding, wrong
from microblog.cli.options import WORKERS
from microblog.settings import Settings
from microblog.web.supported_languages import gettext_noop

SETTINGS = gettext_noop("settings")

CHECKS: list[Check] = [
    configuration.check_names,
    configuration.check_env_file,
    configuration.check_secret_key,
    configuration.check_public_url,
    configuration.check_development,
    configuration.check_instance_folder,
    configuration.check_log_file,
    configuration.check_dkim_key_file,
    files.check_privacy,
    files.check_disk,
    services.check_database,
    services.check_broker,
    services.check_rate_limits,
    mail_server.check_sender,
    sender_domain.check_sender_domain,
    mail_server.check_signatures,
    mail_server.check_mail_server,
    return_path.check_return_path,
    return_path.check_mailbox,
    mail_server.check_webhooks,
]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@click.option(
    "--bounce",
    metavar="ADDRESS",
    help="Send a mail to ADDRESS, which must not exist, and wait until the report comes home.",
)
@click.option("--workers", type=WORKERS, help="As many as `run` gets; default: WEB_CONCURRENCY.")
def check(*, as_json: bool, bounce: str | None, workers: int | None) -> None:
    """Check that the site has everything it needs, and say how to fix what is wrong.

    Reads all settings as `microblog run` does, and tries the database, the broker, the place of the
    rate limits, the DNS of the sender's domain, and the mail server up to the sender's address. No
    mail is sent, nothing is changed, unless you ask for a bounce. A line a check begins with ok,
    WARNING or WRONG. Exit code 0 when nothing is WRONG, otherwise 1.
    """
    findings = []
    for finding in run_checks(workers, bounce):
        findings.append(finding)
        if not as_json:
            click.echo(str(finding))
    counts = {level: sum(one.level is level for one in findings) for level in Level}
    if as_json:
        click.echo(json.dumps([_as_dict(one) for one in findings], indent=2))
    else:
        words = _("{wrong} wrong, {warnings} to look at.")
        click.echo(words.format(wrong=counts[Level.WRONG], warnings=counts[Level.WARNING]))
    sys.exit(1 if counts[Level.WRONG] else 0)


def run_checks(workers: int | None = None, bounce: str | None = None) -> Iterator[Finding]:
    """Everything that is found, in the order in which it is looked at."""
    settings, findings = configuration.read_settings()
    yield from findings
    if settings is None:
        yield wrong(SETTINGS, _("cannot be read, so nothing else was tried."))
        return
    if workers is not None:
        settings = settings.model_copy(update={"WEB_CONCURRENCY": workers})
    for one in CHECKS:
        yield from run_check(one, settings)
    if bounce:
        yield from run_check(partial(return_path.check_bounce, address=bounce), settings)


def run_check(one: Check, settings: Settings) -> Iterator[Finding]:
    """A check that fails in a way that nobody foresaw does not keep the others from being made."""
    # What fails is told in words here, and not once more by the log.
    logging.disable(logging.CRITICAL)
    try:
        yield from one(settings)
    except Exception as error:  # noqa: BLE001 - told as what it is
        named = one.func if isinstance(one, partial) else one
        name = named.__name__.removeprefix("check_").replace("_", " ")
        words = _("the check itself failed: {error}")
        yield wrong(name, words.format(error=f"{type(error).__name__}: {error}"))
    finally:
        logging.disable(logging.NOTSET)


def _as_dict(finding: Finding) -> dict[str, str | None]:
    return {
        "subject": finding.subject,
        "level": finding.level.lower(),
        "says": finding.says,
        "mend": finding.hint,
    }
