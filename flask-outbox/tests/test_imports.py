"""What an application imports: packages of extras only when they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXTRAS = {
    "html": {"css_inline"},
    "dev": {"aiosmtpd"},
    "oauth": {"authlib", "requests"},
    "dkim": {"dkim", "nacl"},
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
