"""`microblog user`: accounts from the command line."""

from __future__ import annotations

import sys

import click

from microblog.accounts.names import is_username
from microblog.accounts.passwords import PASSWORD_MAXIMUM, PASSWORD_MINIMUM, hash_password
from microblog.accounts.registration import TakenError, create_account
from microblog.cli.site import opened
from microblog.database import transaction, utc_now
from microblog.mail import AddressError, parse_address


@click.group()
def user() -> None:
    """Make and look at accounts."""


@user.command()
@click.argument("name")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create(name: str, email: str, *, password_stdin: bool) -> None:
    """Make an account for NAME with the address EMAIL.

    The address counts as verified: you vouch for it. The password is asked for, or read from
    standard input.
    """
    if not is_username(name):
        raise click.ClickException(
            f"{name!r} cannot be a user name: it has 1 to 64 letters, digits, dots, hyphens and"
            " underscores only."
        )
    try:
        parse_address(email, public=True)
    except AddressError as error:
        raise click.ClickException(f"{email!r} is not an e-mail address: {error}") from None
    app = opened()
    password_hash = hash_password(_password(from_stdin=password_stdin))
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
        raise click.ClickException(str(taken)) from None
    click.echo(f"Made the account {made.username} with the address {made.email}.")


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        try:
            password = sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise click.ClickException("The password on standard input is not text.") from None
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if not PASSWORD_MINIMUM <= len(password) <= PASSWORD_MAXIMUM:
        raise click.ClickException(
            f"A password has between {PASSWORD_MINIMUM} and {PASSWORD_MAXIMUM} characters."
        )
    return password
