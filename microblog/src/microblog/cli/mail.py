"""`microblog mail …`: the library's commands, on the site."""

from __future__ import annotations

from pkgutil import resolve_name

from flask import Flask
from flask.cli import ScriptInfo


def on_site(command: str | None) -> ScriptInfo:
    """What gives a command its application: no more of the site than it needs."""
    return ScriptInfo(create_app=lambda: _load(command), set_debug_flag=False)


def _load(command: str | None) -> Flask:
    # The first two work without the database.
    if command == "catch":
        settings = resolve_name("microblog.settings:load_settings")()
        return Flask("microblog", instance_path=str(settings.INSTANCE_PATH.resolve()))
    name = "app:create_app" if command == "test" else "cli.site:load_app"
    made: Flask = resolve_name(f"microblog.{name}")()
    return made
