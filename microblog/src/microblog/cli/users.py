"""`microblog user`: accounts from the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from gettext import gettext as _
from gettext import ngettext
from typing import Any

import click
from sqlalchemy.orm import Session

from flask_outbox import AddressError, current_outbox, parse_address
from flask_outbox.cli import as_json, echo_json, in_utc, no_address
from microblog.accounts.actions.registration import TakenError, create_account
from microblog.accounts.keys import token_keys
from microblog.accounts.models import User
from microblog.accounts.password_rules import (
    PASSWORD_MAXIMUM,
    PASSWORD_MINIMUM,
    PasswordError,
    Problem,
    hash_new_password,
)
from microblog.accounts.second_factors.authenticator import count_by_key, seal_anew
from microblog.accounts.usernames import UsernameProblem, username_problem
from microblog.admin import accounts
from microblog.admin.accounts import COMMAND_LINE, Actor, Refusal, RefusedError, State
from microblog.cli.site import load_app
from microblog.database import db, transaction, utc_now
from microblog.web.scope import current_scope
from microblog.web.supported_languages import gettext_noop

_PROBLEMS = {
    Problem.LENGTH: gettext_noop("A password has between {minimum} and {maximum} characters."),
    Problem.COMMON: gettext_noop("This password is too common and easy to guess. Choose another."),
    Problem.PERSONAL: gettext_noop("The password can't be the username or the email address."),
}

_TAKEN = {
    "username": gettext_noop("Another account has this username."),
    "email": gettext_noop("Another account has this email."),
}

_NO_USERNAME = gettext_noop(
    "{name!r} can't be a username: use 1 to 64 letters, digits, dots, hyphens and underscores."
    " It can't begin or end with a dot or a hyphen, or end with .atom."
)

_SEVERAL_ALPHABETS = gettext_noop(
    "{name!r} can't be a username: it mixes letters of several alphabets, which look alike."
)

_USERNAME_PROBLEMS = {
    UsernameProblem.CHARACTERS: _NO_USERNAME,
    UsernameProblem.ENDS: _NO_USERNAME,
    UsernameProblem.ALPHABETS: _SEVERAL_ALPHABETS,
}

BATCH = 500
"""Secrets in one transaction."""

_CONFUSABLE = gettext_noop("This username looks like another account's.")


@click.command()
@click.argument("name")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(name: str, email: str, *, password_stdin: bool) -> None:
    """Create an account for NAME with the address EMAIL.

    The address counts as verified: you vouch for it. The password is asked for, or read from
    standard input.
    """
    problem = username_problem(name)
    if problem is not None:
        raise click.ClickException(_(_USERNAME_PROBLEMS[problem]).format(name=name))
    try:
        parse_address(email, public=True)
    except AddressError as error:
        raise no_address(email, error) from None
    app = load_app()
    password = _password(from_stdin=password_stdin)
    try:
        password_hash = hash_new_password(password, personal=(name, email))
    except PasswordError as error:
        words = _(_PROBLEMS[error.problem])
        raise click.ClickException(
            words.format(minimum=PASSWORD_MINIMUM, maximum=PASSWORD_MAXIMUM)
        ) from None
    try:
        with app.app_context(), transaction() as writing:
            made = create_account(
                writing,
                username=name,
                email=email,
                password_hash=password_hash,
                verified_at=utc_now(),
            )
    except TakenError as taken:
        words = _CONFUSABLE if taken.is_confusable else _TAKEN[taken.field]
        raise click.ClickException(_(words)) from None
    words = _("Created the account {name} with the address {address}.")
    click.echo(words.format(name=made.username, address=made.email))


@click.command("list")
@click.option("--search", "part", default="", help="A name or an address, or a part of one.")
@click.option(
    "--only", type=click.Choice([str(one) for one in State]), help="Show only these accounts."
)
@click.option("--count", default=50, show_default=True, type=click.IntRange(1, 10_000))
@as_json
def list_users(part: str, only: str | None, count: int, *, as_json: bool) -> None:
    """List accounts, newest first.

    \b
    Who may do what administrators may:  microblog user list --only admin
    Somebody's account:                  microblog user list --search someone@example.com
    """
    state = State(only) if only else None
    with load_app().app_context():
        found = accounts.search(db.session, part.replace("\0", ""), state=state, count=count)
    if as_json:
        echo_json([_summary(account) for account in found])
        return
    if not found:
        click.echo(_("No account matches."), err=True)
    for account in found:
        said = _summary(account)
        states = ", ".join(said["states"])
        click.echo(f"{said['registered']}  {account.username:<20}  {account.email:<30}  {states}")


@click.command()
@click.argument("name")
def disable(name: str) -> None:
    """Lock the account NAME, and hide it from others.

    Its sessions end at once. Nothing is deleted; `enable` undoes it.
    """
    with _account(name) as (writing, account):
        done = accounts.disable(writing, account, _actor(), current_scope())
    _say(account, _("{name} is disabled.") if done else _("{name} is already disabled."))


@click.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let the owner of NAME sign in again."""
    with _account(name) as (writing, account):
        done = accounts.enable(writing, account, _actor(), current_scope())
    _say(account, _("{name} is enabled.") if done else _("{name} isn't disabled."))


@click.command("make-admin")
@click.argument("name")
def make_admin(name: str) -> None:
    """Make NAME an administrator, who sees all email and manages accounts.

    The pages for administrators are at /admin/mail.
    """
    with _account(name) as (writing, account):
        done = accounts.make_admin(writing, account, _actor(), current_scope())
    before = _("{name} is already an administrator.")
    _say(account, _("{name} is an administrator.") if done else before)


@click.command("unmake-admin")
@click.argument("name")
def revoke_admin(name: str) -> None:
    """Make NAME an ordinary member again."""
    with _account(name) as (writing, account):
        done = accounts.revoke_admin(writing, account, _actor(), current_scope())
    before = _("{name} isn't an administrator.")
    _say(account, _("{name} is no longer an administrator.") if done else before)


@click.command("reset-second-factor")
@click.argument("name")
def reset_second_factor(name: str) -> None:
    """Turn off two-step sign-in for NAME, whose owner lost the second factor.

    Passkeys, app and recovery codes are removed at once, and the owner gets an email. Be sure who
    asks: somebody who stole the password would ask for this.
    """
    with _account(name) as (writing, account):
        done = accounts.reset_second_factor(
            writing, current_outbox(), account, _actor(), current_scope()
        )
    before = _("{name} has no second factor.")
    _say(
        account,
        _("Two-step sign-in is off for {name}, and the owner was told.") if done else before,
    )


@click.command()
def reencrypt() -> None:
    """Encrypt the secrets of authenticator apps with the current SECRET_KEY.

    Run it after you changed SECRET_KEY, with the former key in SECRET_KEY_FALLBACKS. When it is
    done, no secret needs the former key any more. It can be interrupted and run again.
    """
    with load_app().app_context():
        keys = token_keys()
        with db.sessionmaker() as session:
            before = count_by_key(session, keys)
        done, after = 0, 0
        with click.progressbar(length=before.former, label=_("Encrypting"), file=sys.stderr) as bar:
            while True:
                with transaction() as writing:
                    batch = seal_anew(writing, keys, after=after, count=BATCH)
                if batch is None:
                    break
                after, sealed = batch
                done += sealed
                bar.update(sealed)
    words = ngettext(
        "{count} secret was encrypted with the current key.",
        "{count} secrets were encrypted with the current key.",
        done,
    )
    click.echo(words.format(count=done))
    if before.unreadable:
        words = ngettext(
            "{count} secret can't be read: put its key into SECRET_KEY_FALLBACKS.",
            "{count} secrets can't be read: put their key into SECRET_KEY_FALLBACKS.",
            before.unreadable,
        )
        raise click.ClickException(words.format(count=before.unreadable))


@contextmanager
def _account(name: str) -> Iterator[tuple[Session, User]]:
    """The account with this name, in a write transaction; refusals are said in words."""
    with load_app().app_context(), transaction() as writing:
        account = accounts.find_by_name(writing, name.replace("\0", ""))
        if account is None:
            words = _("No account has the name {name!r}. To look for it: {command}")
            raise click.ClickException(
                words.format(name=name, command="microblog user list --search")
            )
        try:
            yield writing, account
        except RefusedError as error:
            words = _(_REFUSALS[error.refusal])
            raise click.ClickException(words.format(name=account.username)) from None


_REFUSALS = {
    Refusal.LAST_ADMIN: gettext_noop(
        "{name} is the last administrator. Make someone else one first."
    ),
    Refusal.DISABLED: gettext_noop("{name} is disabled: enable the account first."),
    Refusal.DELETING: gettext_noop("{name} is about to be deleted. Only its owner can undo that."),
}


def _actor() -> Actor:
    return Actor(COMMAND_LINE)


def _say(account: User, words: str) -> None:
    click.echo(words.format(name=account.username))


def _summary(account: User) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "email": account.email,
        "registered": in_utc(account.registered_at.timestamp()),
        "states": [str(state) for state in accounts.states(account)],
    }


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise click.ClickException(_("The password on standard input is not text.")) from None
    else:
        password = click.prompt(_("Password"), hide_input=True, confirmation_prompt=True)
    return str(password)
