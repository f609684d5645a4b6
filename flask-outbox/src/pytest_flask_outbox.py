"""Pytest's fixture of Flask-Outbox.

It stands outside of the package, which Python would import with it, so that a test run that does
not use it pays nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from flask_outbox.testing import OutboxTester


@pytest.fixture
def outbox_app(app: Any) -> Any:
    """The application (or Outbox) that `outbox` is of: your fixture `app`. Define your own to
    choose another."""
    return app


@pytest.fixture
def outbox(outbox_app: Any) -> Iterator[OutboxTester]:
    """What the application queued, and what it says: see flask_outbox.testing.OutboxTester."""
    from flask_outbox.testing import OutboxTester  # noqa: PLC0415 - only where it is used

    with OutboxTester(outbox_app) as tester:
        yield tester
