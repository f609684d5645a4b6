"""The people whom these tests are about."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.visitor import make_user


@pytest.fixture
def susan(app: Flask) -> int:
    return make_user(app, "susan")


@pytest.fixture
def bob(app: Flask) -> int:
    return make_user(app, "bob")
