"""The applications in examples/ run as their readers run them, and are shown as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import EXAMPLES, LIBRARY, example
from tests.extensions import needs_lite
from tests.shop import SHOP, orders_are_confirmed


@pytest.mark.parametrize(
    ("page", "name"),
    [("README.md", "five_lines"), ("README.md", "shop"), ("docs/fastapi.md", "fastapi_shop")],
)
def test_a_page_shows_the_example_as_it_is(page: str, name: str) -> None:
    code = (EXAMPLES / f"{name}.py").read_text()
    assert example(LIBRARY / page, code.splitlines()[0]) == code


@needs_lite
@pytest.mark.slow
def test_an_order_is_confirmed_by_a_mail_that_arrives(tmp_path: Path) -> None:
    orders_are_confirmed(tmp_path)


@needs_lite
@pytest.mark.slow
def test_it_uses_the_library_alone(tmp_path: Path) -> None:
    code = f"import sys; sys.path.append({str(SHOP.parent)!r}); import shop; print(*sys.modules)"
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(shown.stdout.split())
    assert "flask_outbox.outbox.outbox" in loaded
    assert loaded.isdisjoint(
        {"microblog", "celery", "pydantic", "flask_login", "alembic", "pytest"}
    )
