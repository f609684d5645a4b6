"""`microblog search`: the index of what people can find."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from gettext import gettext as _
from typing import Any

import click
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from microblog.accounts.models import User
from microblog.blog.models import Post
from microblog.cli.site import load_app
from microblog.database import MAX_ID, db, transaction
from microblog.search import index


@click.command()
@click.option("--all", "anew", is_flag=True, help="Index again what is indexed already.")
def rebuild(*, anew: bool) -> None:
    """Index the posts and names that search doesn't find yet.

    What people write is indexed at once. Posts that are older than the index are not: after the
    upgrade to a version with search, and after `microblog db move`. Until then the search page says
    so, and so do `microblog check` and `microblog status`.

    The site may run meanwhile. The newest posts come first, in short transactions. If it is
    interrupted, run it again: it goes on. With --all, every post is read again, which is needed
    only if the index is damaged.
    """
    with load_app().app_context():
        index_everything(anew=anew)
    click.echo(_("Search finds everything."))


def index_everything(*, anew: bool = False) -> None:
    """Index all names, and the posts that are not indexed yet, or all of them `anew`.

    Shows how far it is. Needs an application context, and opens transactions of its own.
    """
    _in_batches(_("Names"), User, index.add_people)
    _in_batches(_("Posts"), Post, partial(index.add_posts, anew=anew))


def _in_batches(label: str, model: Any, add: Callable[[Session, int], int | None]) -> None:
    """Call `add` in one transaction after the other, from the newest row to the oldest."""
    newest = db.session.scalar(select(func.max(model.id))) or 0
    below: int | None = MAX_ID
    # Ids say how far it is: to count the rows would take as long as a part of the work.
    with click.progressbar(length=newest, label=label, file=sys.stderr) as progress:
        at = newest + 1
        while below is not None:
            with transaction() as writing:
                below = add(writing, below)
            reached = 1 if below is None else below
            progress.update(max(at - reached, 0))
            at = min(at, reached)
