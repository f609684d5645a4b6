"""What an application imports: packages of extras only when they are used."""

from __future__ import annotations

import ast
import pydoc
import subprocess
import sys
from pathlib import Path

import pytest

import flask_outbox

EXTRAS = {
    "html": {"css_inline"},
    "dev": {"aiosmtpd"},
    "oauth": {"authlib", "requests"},
    "dkim": {"dkim", "nacl"},
    "ses": {"cryptography"},
    "celery": {"celery", "kombu", "redis"},
    "postgresql": {"psycopg"},
    "prometheus": {"prometheus_client"},
}


def loaded(statement: str) -> set[str]:
    """The modules that a new interpreter has loaded after this statement."""
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_library_loads_no_extra() -> None:
    assert loaded("import flask_outbox").isdisjoint(set().union(*EXTRAS.values()))


@pytest.mark.parametrize("part", ["message", "smtp", "outbox", "delivery", "operations"])
def test_every_module_is_there_without_an_extra(part: str) -> None:
    statement = (
        "import flask_outbox, pkgutil, importlib;"
        f" [importlib.import_module(f'flask_outbox.{part}.{{one.name}}')"
        f" for one in pkgutil.iter_modules([flask_outbox.__path__[0] + '/{part}'])]"
    )
    modules = loaded(statement)
    assert modules > {f"flask_outbox.{part}", "flask_outbox"}
    assert modules.isdisjoint(set().union(*EXTRAS.values()))


def test_pages_for_everybody_load_no_extra() -> None:
    modules = loaded("import flask_outbox.public_pages")
    assert "flask_outbox.feedback.providers.ses" in modules
    assert modules.isdisjoint(set().union(*EXTRAS.values()))


def test_the_public_names_are_found_where_type_checkers_find_them() -> None:
    tree = ast.parse(Path(flask_outbox.__file__).read_text())
    imported = {
        (f"flask_outbox.{module}", name)
        for module, names in flask_outbox._NAMES.items()
        for name in names
    }
    (checked,) = [one for one in tree.body if isinstance(one, ast.If)]
    assert imported == {
        (one.module, name.name)
        for one in checked.body
        if isinstance(one, ast.ImportFrom)
        for name in one.names
    }
    assert sorted(name for _module, name in imported) == sorted(flask_outbox.__all__)


def test_the_public_names_load_nothing_before_they_are_used() -> None:
    assert loaded("import flask_outbox").isdisjoint({"flask", "sqlalchemy", "email_validator"})
    assert "flask_outbox.message.email" in loaded("from flask_outbox import Email")
    with pytest.raises(AttributeError, match="has no attribute 'Kind'"):
        flask_outbox.Kind  # noqa: B018


def test_help_tells_the_public_names() -> None:
    shown = pydoc.render_doc(flask_outbox, renderer=pydoc.plaintext)  # type: ignore[attr-defined]
    for name in ("class FlaskOutbox", "class Email(", "run_dispatcher(app", "parse_address("):
        assert name in shown


def test_pytests_plugin_loads_neither_flask_nor_sqlalchemy() -> None:
    modules = loaded("import flask_outbox.pytest_plugin")
    assert "pytest" in modules
    assert modules.isdisjoint({"flask", "sqlalchemy", "jinja2", "flask_outbox.testing"})


def test_what_tests_use_needs_no_pytest() -> None:
    assert "pytest" not in loaded("import flask_outbox, flask_outbox.testing")
