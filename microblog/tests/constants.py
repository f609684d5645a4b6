"""Constants that the fixtures share with the tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SECRET = "a secret for tests only, long enough to be one"

ENGINES = ["sqlite", "postgresql"]
BY_WORKER = "worker"

Make = Callable[..., Any]
