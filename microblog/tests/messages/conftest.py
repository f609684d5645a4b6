"""Two people who may write to each other, and their browsers."""

from __future__ import annotations

import pytest
from flask import Flask

from tests.messages.talking import People


@pytest.fixture
def people(app: Flask) -> People:
    return People(app, "susan", "bob")
