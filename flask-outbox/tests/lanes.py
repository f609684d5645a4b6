"""Which tests run, and how many at once."""

from __future__ import annotations

import gc
import os

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--quick", action="store_true", help="only on SQLite, without services and browsers"
    )


def pytest_xdist_auto_num_workers() -> int:
    """Tests of conversations wait more than they work: one more than there are cores."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--quick"):
        return
    quick: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        quick[_is_quick(item)].append(item)
    config.hook.pytest_deselected(items=quick[False])
    items[:] = quick[True]


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end: the garbage collector need not visit it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _is_quick(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    engine = item.callspec.params.get("database_url") if hasattr(item, "callspec") else None
    needs = {"browser", "broker", "own", "_postgresql_database"} & set(item.fixturenames)
    return engine in {None, "sqlite"} and not needs and not item.get_closest_marker("slow")
