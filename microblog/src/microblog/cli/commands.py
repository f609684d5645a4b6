"""Every command of `microblog`, where it is, and how its help begins."""

from __future__ import annotations

from gettext import gettext
from pkgutil import resolve_name

import click

from flask_outbox.cli import PLACES, LazyGroup, OutboxGroup
from microblog.cli.supervisor import end_with_supervisor


class SiteGroup(LazyGroup):
    """Commands of the site."""

    package = "microblog.cli"
    translate = staticmethod(gettext)


@click.group(
    cls=SiteGroup,
    places={
        "demo": (
            "demo:demo",
            "Try the site on this machine: sample people, mail dispatcher, and an inbox for its"
            " mail.",
        ),
        "run": (
            "run:run",
            "Run the site: a production web server and the mail dispatcher beside it.",
        ),
        "check": (
            "checks:check",
            "Check that the site has everything it needs, and say how to fix what is wrong.",
        ),
        "status": (
            "status:status",
            "Show how the site does: whether it serves, whether mail leaves, and what is left of"
            " the disk.",
        ),
        "worker": (
            "worker:worker",
            "Deliver mail for a site on several machines.",
        ),
        "shell": ("site:shell", "Open Python with the site's objects at hand."),
        "db": ("commands:db", "Create, upgrade and look at the database's schema."),
        "backup": ("backup:backup", "Write the site's data to FILE, while the site runs."),
        "restore": (
            "backup:restore",
            "Put the data of a backup in the place of the site's, which must not run.",
        ),
        "mail": (
            "commands:mail",
            "Catch mail while developing; find out why mail does not arrive; see what became of"
            " it.",
        ),
        "search": ("commands:search", "Index what search doesn't find yet."),
        "user": ("commands:user", "Create, list and disable accounts."),
        "fake": ("sample:fake", "Fill an empty database with sample people."),
        "process": ("commands:process", None),
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="microblog")
def cli() -> None:
    """A small social site that anyone can run, and whose email arrives.

    \b
    To look around:       microblog demo
    To run a site:        put SECRET_KEY, PUBLIC_URL, ADMINS and the MAIL_ settings
                          into a file named .env, then: microblog check
                          and, when nothing is wrong: microblog run
    To see how it does:   microblog status
    When mail is missing: microblog mail test YOUR@ADDRESS
    """


@click.group(
    cls=SiteGroup,
    places={
        "branches": (
            "schema:branches",
            "Show the list of revisions that have more than one next revision.",
        ),
        "check": (
            "schema:check",
            "Check if any changes between the database and models are detected.",
        ),
        "current": ("schema:current", "Show the list of current revisions."),
        "downgrade": (
            "schema:downgrade",
            "Go one version back, so many versions, or to the one named, and delete what newer"
            " ones added.",
        ),
        "heads": ("schema:heads", "Show the list of revisions that have no child revisions."),
        "log": ("schema:log", "Show the list of revisions in the order they will run."),
        "merge": ("schema:merge", "Generate a merge revision."),
        "move": (
            "move:move",
            "Copy the data of an SQLite site into the empty PostgreSQL database at URL.",
        ),
        "revision": ("schema:revision", "Generate a new revision."),
        "show": ("schema:show", "Show the given revisions."),
        "stamp": ("schema:stamp", "Set the current revision without running migrations."),
        "upgrade": ("schema:upgrade", "Run migrations to upgrade the database."),
    },
)
def db() -> None:
    """Create, upgrade and look at the database's schema.

    \b
    To create it or bring it up to date:  microblog db upgrade
    To go from SQLite to PostgreSQL:      microblog db move URL
    """


@click.group(
    cls=OutboxGroup,
    places={name: place for name, place in PLACES.items() if name not in {"check", "deliver"}},
)
@click.pass_context
def mail(ctx: click.Context) -> None:
    """Catch mail while developing; find out why mail does not arrive; see what became of it."""
    ctx.obj = resolve_name("microblog.cli.mail:on_site")(ctx.invoked_subcommand)


@click.group(
    cls=SiteGroup,
    places={
        "create": ("users:create", "Create an account for NAME with the address EMAIL."),
        "list": ("users:list_users", "List accounts, newest first."),
        "invite": (
            "invitations:invite",
            "Make a link that people can join with, and print it.",
        ),
        "disable": (
            "users:disable",
            "Lock the account NAME, and hide it from others.",
        ),
        "enable": ("users:enable", "Let the owner of NAME sign in again."),
        "make-admin": (
            "users:make_admin",
            "Make NAME an administrator, who sees all email and manages accounts.",
        ),
        "reset-second-factor": (
            "users:reset_second_factor",
            "Turn off two-step sign-in for NAME, whose owner lost the second factor.",
        ),
        "reencrypt": (
            "users:reencrypt",
            "Encrypt the secrets of authenticator apps with the current SECRET_KEY.",
        ),
        "unmake-admin": ("users:revoke_admin", "Make NAME an ordinary member again."),
    },
)
def user() -> None:
    """Create, list and disable accounts."""


@click.group(
    cls=SiteGroup,
    places={
        "rebuild": (
            "search:rebuild",
            "Index the posts and names that search doesn't find yet.",
        ),
    },
)
def search() -> None:
    """Index what search doesn't find yet.

    \b
    After an upgrade from a version without search, and after microblog db move:
      microblog search rebuild
    """


@click.group(
    cls=SiteGroup,
    hidden=True,
    places={
        "prepare": ("prepare:prepare", None),
        "prepare-worker": ("prepare:prepare_worker", None),
        "prepare-demo": ("prepare_demo:prepare_demo", None),
        "web": ("web_process:web", None),
        "dispatcher": ("processes:dispatcher", None),
        "worker": ("worker_process:worker", None),
        "catcher": ("processes:catcher", None),
    },
)
def process() -> None:
    """The processes that `run`, `worker` and `demo` start."""
    end_with_supervisor()
