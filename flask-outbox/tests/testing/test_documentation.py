"""What the pages say of testing is a test suite that passes, with pytest and with unittest."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation import EXAMPLES, LIBRARY, example
from tests.extensions import needs_lite

pytestmark = pytest.mark.slow

PAGE = LIBRARY / "docs" / "testing.md"


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A folder with the shop and the tests that the page shows."""
    shutil.copy(EXAMPLES / "shop.py", tmp_path)
    for name in ("conftest.py", "test_orders.py", "test_confirmation.py", "test_with_unittest.py"):
        (tmp_path / name).write_text(example(PAGE, f"# {name}\n"))
    return tmp_path


def run_python(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_lite
def test_pytest_runs_it(suite: Path) -> None:
    options = ("-p", "flask_outbox.pytest_plugin", "-p", "no:cacheprovider", "-q")
    shown = run_python(suite, "pytest", *options, "test_orders.py", "test_confirmation.py")
    assert "4 passed" in shown


@needs_lite
def test_another_application_is_chosen_as_the_page_says(suite: Path) -> None:
    conftest = suite / "conftest.py"
    code = conftest.read_text().replace("def app()", "def site()")
    code = code.replace("(app)", "(site)").replace("return app.", "return site.")
    conftest.write_text(code + example(PAGE, "# conftest.py of an application"))
    options = ("-p", "flask_outbox.pytest_plugin", "-p", "no:cacheprovider", "-q")
    assert "2 passed" in run_python(suite, "pytest", *options, "test_orders.py", "-k", "not withdr")


def test_fastapis_application_is_tested_as_its_page_says(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "fastapi_shop.py", tmp_path)
    page = LIBRARY / "docs" / "fastapi.md"
    (tmp_path / "test_fastapi_shop.py").write_text(example(page, "# test_fastapi_shop.py\n"))
    options = ("-p", "flask_outbox.pytest_plugin", "-p", "no:cacheprovider", "-q")
    assert "1 passed" in run_python(tmp_path, "pytest", *options)


@needs_lite
def test_unittest_runs_it(suite: Path) -> None:
    assert "Ran 1 test" in run_python(suite, "unittest", "test_with_unittest")
