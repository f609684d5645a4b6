"""The applications in examples/ run as their readers run them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shop import SHOP, orders_are_confirmed

pytestmark = pytest.mark.slow


def test_an_order_is_confirmed_by_a_mail_that_arrives(tmp_path: Path) -> None:
    orders_are_confirmed(tmp_path)


def test_it_uses_the_library_alone(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-c", "import shop, sys; print(*sorted(sys.modules))"],
        env={**os.environ, "PYTHONPATH": str(SHOP.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(shown.stdout.split())
    assert "flask_outbox.outbox.outbox" in loaded
    assert loaded.isdisjoint({"microblog", "celery", "pydantic", "flask_login", "alembic"})
