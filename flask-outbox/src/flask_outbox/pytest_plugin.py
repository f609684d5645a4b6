"""Pytest's fixtures `outbox` and `outbox_app`. A test run that does not use them pays nothing."""

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
