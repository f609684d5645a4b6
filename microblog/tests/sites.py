"""Sites that tests share: one of each kind in a process, restored after each test.

Building a site compiles its routes, templates and statements, which takes ten times as long as most
tests. Its folder, database and mail server have the same addresses in all tests of a process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask

from flask_outbox.application import state_of
from microblog.app import create_app
from microblog.database import db
from microblog.schema import migrations
from microblog.settings import Settings
from microblog.web.ratelimits import limiter

wait_for_disk = False
"""Whether SQLite waits for the disk at the end of a transaction, as it does outside of tests."""

_checked: dict[str, Settings] = {}
_built: dict[str, Flask] = {}
_limiters: dict[str, dict[str, Any]] = {}


def checked_settings(**values: Any) -> Settings:
    """Settings with these values; equal ones in the same environment are checked only once."""
    environment = [os.environ.get(name) for name in Settings.model_fields]
    key = repr([sorted(values.items()), environment])
    if key not in _checked:
        _checked[key] = Settings(**values)
    return _checked[key]


@contextmanager
def shared_site(settings: Settings) -> Iterator[Flask]:
    """A shared site with these settings; the test's changes to it are undone."""
    key = settings.model_dump_json()
    if key not in _built:
        _built[key] = create_app(settings)
        with _built[key].app_context():
            migrations()  # which cannot be added after the first request
        _limiters[key] = dict(vars(limiter))
    site = _built[key]
    # All sites share one limiter, which follows the site that was built last.
    vars(limiter).update(_limiters[key])
    outbox = state_of(site).outbox
    changeable = [site.config, site.extensions, site.jinja_env.globals]
    changeable += [
        vars(site.extensions["mail"]),
        vars(outbox),
        outbox.email_types,
        outbox.periodic_tasks,
        outbox.periods,
    ]
    before = [dict(one) for one in changeable]
    try:
        yield site
    finally:
        for one, values in zip(changeable, before, strict=True):
            one.clear()
            one.update(values)
        with site.app_context():
            db.engine.dispose()


def settings_of(site: Flask) -> Settings:
    """The settings that a site was built with, without checking them again."""
    return Settings.model_construct(**{name: site.config[name] for name in Settings.model_fields})
