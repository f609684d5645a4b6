"""What counts as an outage of the database."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from flask_outbox.database_errors import is_outage


def test_a_pool_without_a_free_connection_is_an_outage() -> None:
    """It passes by itself: readers are asked to come back, and providers send again."""
    engine = create_engine(
        "sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )
    with engine.connect(), pytest.raises(PoolTimeoutError) as caught:
        engine.connect()
    assert is_outage(caught.value)
    engine.dispose()
