"""People with a second factor, and what makes the many pages of these tests cheap."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from tests.accounts.authenticator_app import AuthenticatorApp, set_up_app
from tests.visitor import Visitor, make_user


@pytest.fixture(scope="session", autouse=True)
def _compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every test builds a site, which would compile its templates anew: a quarter of the time."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Flask, "jinja_options", {"bytecode_cache": cache})
        yield


@pytest.fixture
def owner(app: Flask) -> Visitor:
    make_user(app, "Susan")
    visitor = Visitor(app)
    visitor.log_in("Susan")
    return visitor


@pytest.fixture
def phone(owner: Visitor) -> AuthenticatorApp:
    return set_up_app(owner)
