"""People for tests of search."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.visitor import Visitor, make_user


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def john(app: Flask) -> int:
    return make_user(app, "john")


@pytest.fixture
def reader(app: Flask, john: int) -> Visitor:
    """John's browser."""
    visitor = Visitor(app)
    visitor.log_in("john")
    return visitor
