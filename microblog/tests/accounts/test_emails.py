"""The emails about accounts: one module each, listed once, with three templates of its name."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import microblog
from flask_outbox import current_outbox
from microblog.accounts import emails
from microblog.accounts.emails import EMAILS
from tests.constants import Make
from tests.visitor import ON_SQLITE

TEMPLATES = Path(microblog.__file__).parent / "templates" / "accounts" / "emails"


def modules() -> set[str]:
    """The names of the modules that hold an email, listed or not."""
    names = {one.name for one in pkgutil.iter_modules(emails.__path__)}
    prefix = f"{emails.__name__}."
    return {name for name in names if hasattr(import_module(prefix + name), "definition")}


def test_every_module_is_listed_once() -> None:
    listed = [email.email_type.compose.__module__.rpartition(".")[2] for email in EMAILS]
    assert sorted(listed) == sorted(modules())


def test_an_email_and_its_templates_have_one_name() -> None:
    templates = {path.name.partition(".")[0] for path in TEMPLATES.iterdir()}
    assert templates == modules()


def test_what_is_composed_in_the_place_of_another_is_not_in_the_log() -> None:
    without = {email.kind for email in EMAILS if email.log_sentence is None}
    assert without == {"accounts.already_registered", "accounts.address_reserved"}


@ON_SQLITE
@pytest.mark.parametrize(
    ("settings", "author"),
    [
        ({}, "Microblog <admin@microblog.example.com>"),
        ({"MAIL_DEFAULT_SENDER": "noreply@example.com"}, "Microblog <noreply@example.com>"),
        ({"MAIL_DEFAULT_SENDER": "Us <noreply@example.com>"}, "Us <noreply@example.com>"),
        ({"ADMINS": ("a@example.com", "b@example.com")}, "Microblog <a@example.com>"),
    ],
)
def test_mail_about_accounts_has_the_sites_name(
    make_app: Make, settings: dict[str, object], author: str
) -> None:
    with make_app(**settings).app_context():
        outbox = current_outbox()
        authors = {str(outbox.author(outbox.email_types[email.kind])) for email in EMAILS}
    assert authors == {author}
