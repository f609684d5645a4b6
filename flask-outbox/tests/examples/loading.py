"""Loads an example as its own tests would import it."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

import pytest

from tests.documentation import EXAMPLES


def load(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of that name in examples/, made anew."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Annotations that are read at run time are looked up there.
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module
